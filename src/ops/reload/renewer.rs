//! What is served, and how something newer takes its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use crossbeam_channel::Sender;

use super::agenda::{Agenda, Clock, Failure, Occasion};
use super::next::Next;
use super::stage::{Proven, Staged, Unreadable, files_of};
use super::watch::Watcher;
use crate::base::tally::WorkerCounters;
use crate::config::{Config, Pair, Source};
use crate::identity::lost_names;
use crate::net::Endpoint;
use crate::ops::board::Board;
use crate::ops::control::Control;
use crate::ops::fips::{Guard, ProofBoard};
use crate::ops::surroundings::Bounds;
use crate::reactor::{
    AcceptorMsg, Admission, Directories, Generation, Lookups, Mailbox, RollCall, WorkerMsg,
};

/// The threads that serve.
pub(in crate::ops) struct Crew {
    pub(in crate::ops) workers: Vec<Mailbox<WorkerMsg>>,
    pub(in crate::ops) acceptor: Mailbox<AcceptorMsg>,
    pub(in crate::ops) admission: Arc<Admission>,
    pub(in crate::ops) directories: Arc<Directories>,
    /// What is counted of each worker.
    pub(in crate::ops) counters: Vec<Arc<WorkerCounters>>,
    pub(in crate::ops) lookups: Arc<Lookups>,
}

impl Crew {
    /// Asks every thread whether it still takes messages.
    pub(in crate::ops) fn ask_all(&self, roll: RollCall) {
        self.acceptor.post(AcceptorMsg::RollCall(roll.clone()));
        self.post_all(|| WorkerMsg::RollCall(roll.clone()));
    }

    pub(in crate::ops) fn post_all(&self, message: impl Fn() -> WorkerMsg) {
        for worker in &self.workers {
            worker.post(message());
        }
    }
}

/// What is served, and what makes it anew.
pub(in crate::ops) struct Renewer {
    /// Where the configuration is from, if it is from a file.
    source: Option<Source>,
    /// The configuration that is served.
    config: Config,
    generation: Arc<Generation>,
    /// Of what is served.
    fingerprint: u64,
    /// Loads that were told to have failed, and have not succeeded since.
    failed: Failures,
    agenda: Agenda,
    watcher: Option<Watcher>,
    is_unwatchable: bool,
    control: Sender<Control>,
    board: Arc<Board>,
    /// Connections that the descriptors carry.
    most: usize,
    guard: Guard,
    bounds: Bounds,
}

/// What a load is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    /// Another configuration, with its files.
    Configuration,
    /// Other content of the files that the served configuration names.
    Files,
}

/// What has failed, of each kind: a mistake in the configuration must not keep certificates and lists from
/// being renewed.
#[derive(Default)]
struct Failures {
    configuration: Option<Failed>,
    files: Option<Failed>,
}

impl Failures {
    fn of(&mut self, load: Load) -> &mut Option<Failed> {
        match load {
            Load::Configuration => &mut self.configuration,
            Load::Files => &mut self.files,
        }
    }

    fn is_none(&self) -> bool {
        self.configuration.is_none() && self.files.is_none()
    }
}

/// A load that was told to have failed.
struct Failed {
    fingerprint: u64,
    problems: Vec<String>,
    /// The configuration, if it could be read.
    config: Option<Config>,
}

/// What a look at the files has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is served.
    Served,
    /// There is nothing new.
    Same,
    /// It is refused, which was told now or before.
    Refused,
    /// It may be half a change.
    Unsettled,
}

impl Renewer {
    /// Everything that is served now, and from where.
    pub(in crate::ops) fn new(
        (source, config): (Option<Source>, Config),
        (generation, fingerprint): (Arc<Generation>, u64),
        (control, board): (Sender<Control>, Arc<Board>),
        (most, guard, bounds): (usize, Guard, Bounds),
        clock: &Clock,
    ) -> Renewer {
        let now = clock.wall.timestamp().as_second();
        board.serves(Arc::clone(&generation), None, now);
        let agenda = Agenda::new(config.reload, clock);
        let mut renewer = Renewer {
            source,
            config,
            generation,
            fingerprint,
            failed: Failures::default(),
            agenda,
            watcher: None,
            is_unwatchable: false,
            control,
            board,
            most,
            guard,
            bounds,
        };
        renewer.watch(clock);
        renewer
    }

    pub(in crate::ops) fn config(&self) -> &Config {
        &self.config
    }

    pub(in crate::ops) fn generation(&self) -> &Generation {
        &self.generation
    }

    pub(in crate::ops) fn board(&self) -> &Board {
        &self.board
    }

    pub(in crate::ops) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    pub(in crate::ops) fn proofs(&self) -> &Arc<ProofBoard> {
        self.guard.board()
    }

    pub(in crate::ops) fn guard(&mut self) -> &mut Guard {
        &mut self.guard
    }

    pub(in crate::ops) fn agenda(&mut self) -> &mut Agenda {
        &mut self.agenda
    }

    /// Looks at the files, and serves what they hold if that is new and good. Anything wrong with them
    /// keeps what is served.
    ///
    /// # Errors
    /// Why the program may not go on at all, if its FIPS module has failed.
    pub(in crate::ops) fn renew(
        &mut self,
        occasion: Occasion,
        clock: &Clock,
        crew: &Crew,
    ) -> Result<(), String> {
        // First, so that a change behind the reading is told.
        self.watch(clock);
        let mut outcome = match occasion.reads_configuration() {
            true => self.renew_configuration(occasion, clock, crew)?,
            false => Outcome::Same,
        };
        if matches!(outcome, Outcome::Same | Outcome::Refused) {
            let sources = self.guard.board().files();
            let staged = Ok(Staged::of(self.config.clone(), sources));
            let needs_change = match occasion {
                Occasion::Watch | Occasion::Interval => true,
                Occasion::Retry => self.failed.files.is_none(),
                _ => outcome == Outcome::Refused,
            };
            let of_files = match &staged {
                Ok(staged) if needs_change => self.known(Load::Files, staged.fingerprint),
                _ => None,
            };
            let of_files = match of_files {
                Some(known) => known,
                None => self.load(Load::Files, staged, occasion, clock, crew)?,
            };
            if outcome == Outcome::Same {
                outcome = of_files;
            }
        }
        match outcome {
            Outcome::Unsettled => return Ok(()),
            _ if self.failed.is_none() => self.agenda.succeeded(occasion),
            _ if occasion.needs_change() => self.agenda.nothing_new(),
            _ => self.agenda.retry(clock.steady),
        }
        self.board.gauges().set_failing(!self.failed.is_none());
        // It may name other files.
        self.watch(clock);
        Ok(())
    }

    fn renew_configuration(
        &mut self,
        occasion: Occasion,
        clock: &Clock,
        crew: &Crew,
    ) -> Result<Outcome, String> {
        let Some(source) = &self.source else {
            return Ok(Outcome::Same);
        };
        let staged = Staged::read(source);
        if let Ok(staged) = &staged
            && staged.config == self.config
        {
            // It may be written in another way.
            self.guard.board().set_files(staged.sources.clone());
            if self.failed.configuration.take().is_some() {
                self.tell_mended();
            }
            return Ok(Outcome::Same);
        }
        let read = staged.as_ref().ok().map(|staged| &staged.config);
        let refused = self.failed.configuration.as_ref();
        if occasion == Occasion::Retry {
            // Only what was refused is tried again, and not what somebody may be still at work on.
            let is_the_same =
                refused.is_some_and(|f| f.config.is_some() && f.config.as_ref() == read);
            if !is_the_same {
                return Ok(Outcome::Same);
            }
        }
        let fingerprint = fingerprint_of(&staged);
        if occasion.needs_change()
            && let Some(known) = self.known(Load::Configuration, fingerprint)
        {
            return Ok(known);
        }
        self.load(Load::Configuration, staged, occasion, clock, crew)
    }

    fn load(
        &mut self,
        load: Load,
        staged: Result<Staged, Unreadable>,
        occasion: Occasion,
        clock: &Clock,
        crew: &Crew,
    ) -> Result<Outcome, String> {
        // There is something to be done with keys. Before that, as at the start.
        let unix_now = clock.wall.timestamp().as_second();
        self.guard.prove(clock.steady, unix_now)?;
        let fingerprint = fingerprint_of(&staged);
        let config = staged.as_ref().ok().map(|staged| staged.config.clone());
        match self.attempt(staged, occasion, clock, crew) {
            Ok(()) => {
                *self.failed.of(load) = None;
                if load == Load::Configuration {
                    self.failed = Failures::default();
                }
                Ok(Outcome::Served)
            }
            Err(problems) => {
                let failed = Failed {
                    fingerprint,
                    problems,
                    config,
                };
                Ok(self.refuse(load, failed, occasion, clock))
            }
        }
    }

    /// What is known of a load already: that it is what is served, or was told to be wrong.
    fn known(&mut self, load: Load, fingerprint: u64) -> Option<Outcome> {
        let failed = self.failed.of(load).as_ref().map(|f| f.fingerprint);
        if failed == Some(fingerprint) {
            return Some(Outcome::Refused);
        }
        if fingerprint != self.fingerprint {
            return None;
        }
        if self.failed.of(load).take().is_some() {
            self.tell_mended();
        }
        Some(Outcome::Same)
    }

    fn tell_mended(&self) {
        log::info!(
            "the files hold again what generation {} serves",
            self.generation.number
        );
    }

    fn attempt(
        &mut self,
        staged: Result<Staged, Unreadable>,
        occasion: Occasion,
        clock: &Clock,
        crew: &Crew,
    ) -> Result<(), Vec<String>> {
        let read = staged
            .as_ref()
            .map_or(&self.config, |staged| &staged.config);
        let beyond = self.bounds.lacks(read, self.source.as_ref());
        let mut staged =
            staged.map_err(|unreadable| [beyond.clone(), unreadable.problems].concat())?;
        if !beyond.is_empty() {
            return Err(beyond);
        }
        let (config, fingerprint) = (staged.config.clone(), staged.fingerprint);
        let sources = std::mem::take(&mut staged.sources);
        if (config.fips, config.fips_pq) != (self.config.fips, self.config.fips_pq) {
            let what = "fips: it and fips_pq are what they were at the start, for as long as the program \
                        runs: start it again";
            return Err(vec![what.to_owned()]);
        }
        let now = clock.wall.timestamp().as_second();
        let makes_anew = occasion.makes_anew();
        let proven = staged.prove(self.guard.profile(), now, &self.generation, makes_anew)?;
        let mut warnings = self.warnings(&proven);
        let passed = &self.bounds.passed;
        let next = Next::behind(&self.generation, proven, (crew.workers.len(), passed));
        let next = next.map_err(|error| vec![error.to_string()])?;
        warnings.extend(lost_names_of(&self.generation, &next.generation));
        for warning in warnings {
            log::warn!("{warning}");
        }
        self.guard.board().set_files(sources);
        self.commit(next, (config, fingerprint), occasion, clock, crew);
        Ok(())
    }

    /// What works but should be looked at.
    fn warnings(&self, proven: &Proven) -> Vec<String> {
        let mut warnings = proven.warnings.clone();
        warnings.extend(self.bounds.passed.warnings(&proven.config.pairs));
        if proven.config.workers != self.config.workers {
            warnings.push("workers: another number takes effect with the next start".to_owned());
        }
        if proven.config.admin != self.config.admin {
            warnings.push("admin: other listeners take effect with the next start".to_owned());
        }
        if proven.config.landlock != self.config.landlock {
            warnings.push("landlock: another value takes effect with the next start".to_owned());
        }
        if proven.config.log_level != self.config.log_level {
            warnings.push("log.level: another one takes effect with the next start".to_owned());
        }
        if proven.config.log_format != self.config.log_format {
            warnings.push("log.format: another one takes effect with the next start".to_owned());
        }
        warnings
    }

    /// Nothing in here can fail.
    fn commit(
        &mut self,
        Next { generation, opened }: Next,
        (config, fingerprint): (Config, u64),
        occasion: Occasion,
        clock: &Clock,
        crew: &Crew,
    ) {
        let generation = Arc::new(generation);
        let limit = config.limits.connections.unwrap_or(self.most);
        crew.admission
            .set_limits(Some(limit), config.limits.handshakes);
        for post in generation.posts() {
            post.connections.set_limit(post.served.pair.connections);
        }
        for (listener, id) in &opened {
            if let (Ok(endpoint), Some(post)) = (listener.endpoint(), generation.post(*id)) {
                announce(&endpoint, &post.served.pair);
            }
        }
        for post in self.generation.posts() {
            if generation.post(post.served.id).is_none() {
                let pair = &post.served.pair;
                log::info!(pair = pair.name.as_str(); "no longer listening on {}", pair.inbound);
            }
        }
        if let Err(what) = crew.directories.serve(&generation) {
            log::error!("{what}");
        }
        crew.acceptor.post(AcceptorMsg::Publish {
            generation: Arc::clone(&generation),
            opened,
        });
        let until = clock.steady + config.drain;
        crew.post_all(|| WorkerMsg::Reload {
            generation: Arc::clone(&generation),
            until,
        });
        self.agenda.set_triggers(config.reload, clock);
        self.generation = generation;
        let before = std::mem::replace(&mut self.config, config);
        self.fingerprint = fingerprint;
        let number = self.generation.number;
        let now = clock.wall.timestamp().as_second();
        self.board
            .serves(Arc::clone(&self.generation), Some(occasion), now);
        let by = match &self.failed.configuration {
            Some(_) if self.config == before => ", by the configuration that was served before",
            _ => "",
        };
        log::info!("reloaded: generation {number} serves new connections{by}");
    }

    fn refuse(&mut self, load: Load, failed: Failed, occasion: Occasion, clock: &Clock) -> Outcome {
        if self.agenda.failed(occasion, clock.steady) == Failure::Unsettled {
            return Outcome::Unsettled;
        }
        let now = clock.wall.timestamp().as_second();
        self.board.refuses(&failed.problems, occasion, now);
        let before = self.failed.of(load).replace(failed);
        let (Some(failed), number) = (self.failed.of(load), self.generation.number) else {
            return Outcome::Refused;
        };
        let is_repeated = before.is_some_and(|before| before.problems == failed.problems);
        if occasion == Occasion::Signal || !is_repeated {
            for problem in &failed.problems {
                log::error!("{problem}");
            }
            log::error!(
                "not reloaded: generation {number} goes on serving; it is tried again every minute"
            );
        }
        Outcome::Refused
    }

    /// Watches the files that matter now, if that is asked for.
    fn watch(&mut self, clock: &Clock) {
        let is_wanted = self.config.reload.watch;
        if self.watcher.is_none() && is_wanted && !self.is_unwatchable {
            match Watcher::start(self.control.clone()) {
                Ok(watcher) => self.watcher = Some(watcher),
                Err(error) => {
                    self.is_unwatchable = true;
                    log::warn!("files cannot be watched, but are read every ten seconds: {error}");
                }
            }
        }
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let mut files = BTreeSet::new();
        if is_wanted {
            files = files_of(&self.config.pairs);
            files.extend(self.source.iter().map(|source| source.path.clone()));
        }
        if watcher.follow(&files) {
            self.agenda.files_changed(clock.steady);
        }
    }
}

fn fingerprint_of(staged: &Result<Staged, Unreadable>) -> u64 {
    match staged {
        Ok(staged) => staged.fingerprint,
        Err(unreadable) => unreadable.fingerprint,
    }
}

/// The names that certificates of pairs that go on no longer carry, as warnings.
fn lost_names_of(older: &Generation, newer: &Generation) -> BTreeSet<String> {
    let mut warnings = BTreeSet::new();
    for post in newer.posts() {
        let served = &post.served;
        let Some(older) = older.post(served.id) else {
            continue;
        };
        let lost = lost_names(&older.served.credentials.cert, &served.credentials.cert);
        let file = served.pair.tls.cert.display();
        warnings.extend(lost.iter().map(|name| {
            format!(
                "{file}: the certificate no longer carries {name}: peers that expect that name \
                 will refuse it"
            )
        }));
    }
    warnings
}

/// Tells where a pair listens.
pub(in crate::ops) fn announce(endpoint: &Endpoint, pair: &Pair) {
    let (name, mode) = (pair.name.as_str(), pair.mode);
    match pair.directory {
        Some(_) => log::info!(pair = name, mode:% = mode; "listening on {endpoint}"),
        None => log::info!(
            pair = name,
            mode:% = mode,
            outbound:% = pair.outbound;
            "listening on {endpoint}"
        ),
    }
}
