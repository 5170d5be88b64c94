//! What is served, and how something newer takes its place.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::Sender;

use super::agenda::{Agenda, Clock, Failure, Occasion};
use super::next::Next;
use super::stage::{Proven, Staged, Unreadable, files_of};
use super::watch::Watcher;
use crate::base::tally::WorkerCounters;
use crate::config::{Config, Pair};
use crate::identity::lost_names;
use crate::net::Endpoint;
use crate::ops::board::Board;
use crate::ops::control::Control;
use crate::reactor::{AcceptorMsg, Admission, Generation, Lookups, Mailbox, WorkerMsg};

/// The threads that serve.
pub(in crate::ops) struct Crew {
    pub(in crate::ops) workers: Vec<Mailbox<WorkerMsg>>,
    pub(in crate::ops) acceptor: Mailbox<AcceptorMsg>,
    pub(in crate::ops) admission: Arc<Admission>,
    /// What is counted of each worker.
    pub(in crate::ops) counters: Vec<Arc<WorkerCounters>>,
    pub(in crate::ops) lookups: Arc<Lookups>,
}

impl Crew {
    pub(in crate::ops) fn post_all(&self, message: impl Fn() -> WorkerMsg) {
        for worker in &self.workers {
            worker.post(message());
        }
    }
}

/// What is served, and what makes it anew.
pub(in crate::ops) struct Renewer {
    /// The configuration's file, if it is from one.
    source: Option<PathBuf>,
    /// The configuration that is served.
    config: Config,
    generation: Arc<Generation>,
    /// Of what is served.
    fingerprint: u64,
    failed: Option<Failed>,
    agenda: Agenda,
    watcher: Option<Watcher>,
    is_unwatchable: bool,
    control: Sender<Control>,
    board: Arc<Board>,
    /// Connections that the descriptors carry.
    most: usize,
}

/// A load that was told to have failed.
struct Failed {
    fingerprint: u64,
    problems: Vec<String>,
    /// It was of the configuration too.
    reads_configuration: bool,
}

/// Why nothing new is served.
struct Refused {
    fingerprint: u64,
    problems: Vec<String>,
}

impl Renewer {
    /// Everything that is served now, and from where.
    pub(in crate::ops) fn new(
        (source, config): (Option<PathBuf>, Config),
        (generation, fingerprint): (Arc<Generation>, u64),
        (control, board): (Sender<Control>, Arc<Board>),
        most: usize,
        clock: &Clock,
    ) -> Renewer {
        let now = clock.wall.timestamp().as_second();
        board.serves(Arc::clone(&generation), now);
        let agenda = Agenda::new(config.reload, clock);
        let mut renewer = Renewer {
            source,
            config,
            generation,
            fingerprint,
            failed: None,
            agenda,
            watcher: None,
            is_unwatchable: false,
            control,
            board,
            most,
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

    pub(in crate::ops) fn agenda(&mut self) -> &mut Agenda {
        &mut self.agenda
    }

    /// Looks at the files, and serves what they hold if that is new and good. Anything wrong keeps what
    /// is served.
    pub(in crate::ops) fn renew(&mut self, occasion: Occasion, clock: &Clock, crew: &Crew) {
        // First, so that a change behind the reading is told.
        self.watch(clock);
        let has_failed_with_it = self.has_failed_with_configuration();
        let reads_configuration = occasion.reads_configuration(has_failed_with_it);
        let staged = match &self.source {
            Some(path) if reads_configuration => Staged::read(path),
            _ => Ok(Staged::of(self.config.clone())),
        };
        let fingerprint = match &staged {
            Ok(staged) => staged.fingerprint,
            Err(unreadable) => unreadable.fingerprint,
        };
        if occasion.needs_change() && self.is_known(fingerprint) {
            return;
        }
        match self.attempt(staged, fingerprint, clock, crew) {
            Ok(()) => {
                self.succeeded(occasion, reads_configuration);
                // It may name other files.
                self.watch(clock);
            }
            Err(problems) => {
                let refused = Refused {
                    fingerprint,
                    problems,
                };
                self.refuse(refused, occasion, reads_configuration, clock);
            }
        }
    }

    fn succeeded(&mut self, occasion: Occasion, reads_configuration: bool) {
        // Otherwise it still is wrong, whatever the certificates are.
        if reads_configuration || !self.has_failed_with_configuration() {
            self.agenda.succeeded(occasion);
            self.failed = None;
            self.board.gauges().recovered();
        }
    }

    /// Whether a load of the configuration was told to have failed, and none has succeeded since.
    fn has_failed_with_configuration(&self) -> bool {
        let mut failed = self.failed.iter();
        failed.any(|failed| failed.reads_configuration)
    }

    /// Whether the files hold what is served, or what was told to be wrong already.
    fn is_known(&mut self, fingerprint: u64) -> bool {
        if fingerprint == self.fingerprint {
            if self.failed.take().is_some() {
                self.board.gauges().recovered();
                log::info!(
                    "the files hold again what generation {} serves",
                    self.generation.number
                );
            }
            self.agenda.succeeded(Occasion::Watch);
            return true;
        }
        let is_told = self
            .failed
            .as_ref()
            .is_some_and(|f| f.fingerprint == fingerprint);
        if is_told {
            self.agenda.nothing_new();
        }
        is_told
    }

    fn attempt(
        &mut self,
        staged: Result<Staged, Unreadable>,
        fingerprint: u64,
        clock: &Clock,
        crew: &Crew,
    ) -> Result<(), Vec<String>> {
        let staged = staged.map_err(|unreadable| unreadable.problems)?;
        let config = staged.config.clone();
        let proven = staged.prove(clock.wall.timestamp().as_second())?;
        let mut warnings = self.warnings(&proven);
        let next = Next::behind(&self.generation, proven, crew.workers.len());
        let next = next.map_err(|error| vec![error.to_string()])?;
        warnings.extend(lost_names_of(&self.generation, &next.generation));
        for warning in warnings {
            log::warn!("{warning}");
        }
        self.commit(next, config, fingerprint, clock, crew);
        Ok(())
    }

    /// What works but should be looked at.
    fn warnings(&self, proven: &Proven) -> Vec<String> {
        let mut warnings = proven.warnings.clone();
        if proven.config.workers != self.config.workers {
            warnings.push("workers: another number takes effect with the next start".to_owned());
        }
        if proven.config.admin != self.config.admin {
            warnings.push("admin: other listeners take effect with the next start".to_owned());
        }
        if proven.config.log_level != self.config.log_level {
            warnings.push("log.level: another one takes effect with the next start".to_owned());
        }
        warnings
    }

    /// Nothing in here can fail.
    fn commit(&mut self, next: Next, config: Config, fingerprint: u64, clock: &Clock, crew: &Crew) {
        let Next { generation, opened } = next;
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
                log::info!(
                    "no longer listening on {} pair={:?}",
                    pair.inbound,
                    pair.name
                );
            }
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
        self.config = config;
        self.fingerprint = fingerprint;
        let number = self.generation.number;
        let now = clock.wall.timestamp().as_second();
        self.board.serves(Arc::clone(&self.generation), now);
        log::info!("reloaded: generation {number} serves new connections");
    }

    fn refuse(
        &mut self,
        refused: Refused,
        occasion: Occasion,
        reads_configuration: bool,
        clock: &Clock,
    ) {
        if self.agenda.failed(occasion, clock.steady) == Failure::Unsettled {
            return;
        }
        self.board.gauges().failed();
        let is_repeated = occasion == Occasion::Retry
            && self
                .failed
                .as_ref()
                .is_some_and(|f| f.problems == refused.problems);
        if !is_repeated {
            for problem in &refused.problems {
                log::error!("{problem}");
            }
            log::error!(
                "not reloaded: generation {} goes on serving; it is tried again every minute",
                self.generation.number
            );
        }
        let has_failed_with_it = self.has_failed_with_configuration();
        self.failed = Some(Failed {
            fingerprint: refused.fingerprint,
            problems: refused.problems,
            reads_configuration: reads_configuration || has_failed_with_it,
        });
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
            files.extend(self.source.clone());
        }
        if watcher.follow(&files) {
            self.agenda.files_changed(clock.steady);
        }
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
    log::info!(
        "listening on {endpoint} pair={:?} mode={} outbound={}",
        pair.name,
        pair.mode,
        pair.outbound
    );
}
