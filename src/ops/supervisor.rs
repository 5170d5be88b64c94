//! Waits for signals, reloads, hands over and ends.

mod handover;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use jiff::Zoned;

use super::admin::Server;
use super::board::Stage;
use super::control::{Command, Control, ControlLine, ThreadEnd};
use super::descriptors;
use super::fips::ProofBoard;
use super::gauges::Gauges;
use super::landlock::Landlock;
use super::reload::{Clock, Crew, Occasion, Renewer, announce};
use super::service::{Manager, Status};
use super::surroundings::Succession;
use super::upgrade::Predecessor;
use crate::conn::PairId;
use crate::net::Endpoint;
use crate::reactor::{AcceptorMsg, WorkerMsg};

/// How long the workers may take to end their last connections behind the drain deadline.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Why a running program ended against its will: a thread of it failed, or its FIPS module did.
#[derive(Debug)]
pub struct RunError(String);

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long the last rows of a connector's table of connections may take.
const LAST_ROWS: Duration = Duration::from_secs(2);

/// A started program.
pub struct Running {
    control: Sender<Control>,
    messages: Receiver<Control>,
    crew: Arc<Crew>,
    renewer: Renewer,
    manager: Manager,
    /// Where it listened at the start.
    endpoints: Vec<(PairId, Endpoint)>,
    workers_alive: usize,
    state: State,
    /// The workers were told to end at once.
    is_forced: bool,
    descriptors: u64,
    /// Ends with it.
    admin: Server,
    succession: Succession,
}

enum State {
    Serving,
    /// No new connections; `force_at` is when the workers are told to stop.
    Draining {
        force_at: Instant,
        /// Somebody has told it to stop, and may tell it again.
        is_told: bool,
    },
}

/// What the clocks show.
#[allow(clippy::disallowed_methods)] // the supervisor's clocks
pub(super) fn clock() -> Clock {
    Clock {
        steady: Instant::now(),
        wall: Zoned::now(),
    }
}

/// What the one on the wall shows, in seconds since 1970.
pub(super) fn unix_now() -> i64 {
    clock().wall.timestamp().as_second()
}

impl Running {
    pub(super) fn new(
        line: ControlLine,
        crew: Arc<Crew>,
        (renewer, manager): (Renewer, Manager),
        endpoints: Vec<(PairId, Endpoint)>,
        (descriptors, admin, succession): (u64, Server, Succession),
    ) -> Running {
        Running {
            control: line.sender,
            messages: line.receiver,
            workers_alive: crew.workers.len(),
            crew,
            renewer,
            manager,
            endpoints,
            state: State::Serving,
            is_forced: false,
            descriptors,
            admin,
            succession,
        }
    }

    /// Where the pair at that place of the configuration listens since the start.
    pub fn endpoint(&self, pair: usize) -> Option<&Endpoint> {
        let mut endpoints = self.endpoints.iter();
        endpoints
            .find(|(id, _)| id.place == pair)
            .map(|(_, endpoint)| endpoint)
    }

    /// What other threads may know of reloads.
    pub fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(self.renewer.board().gauges())
    }

    /// What other threads may know of FIPS.
    pub fn fips(&self) -> Arc<ProofBoard> {
        Arc::clone(self.renewer.proofs())
    }

    /// Whether the kernel holds the program to its files and ports.
    pub fn landlock(&self) -> Landlock {
        self.renewer.bounds().confinement.state()
    }

    /// Something that sends commands from another thread.
    pub fn commander(&self) -> impl Fn(Command) + Send + use<> {
        let control = self.control.clone();
        // Nobody listens any more once it has ended, and then there is nothing to command.
        move |command| drop(control.send(Control::Command(command)))
    }

    fn announce(&self) {
        let generation = self.renewer.generation();
        for (id, endpoint) in &self.endpoints {
            if let Some(post) = generation.post(*id) {
                announce(endpoint, &post.served.pair);
            }
        }
        let (limit, descriptors) = (self.crew.admission.limit(), self.descriptors);
        log::info!(
            "ready with {} workers, {limit} connections at most, {descriptors} descriptors",
            self.crew.workers.len()
        );
        if limit > descriptors::connections(descriptors) {
            log::warn!(
                "limits.connections is {limit}, but {descriptors} descriptors carry only {}: raise \
                 LimitNOFILE or ulimit -n",
                descriptors::connections(descriptors)
            );
        }
    }

    /// Serves until a command or a failure ends it.
    pub fn wait(mut self) -> Result<(), RunError> {
        let predecessor = self.take_over()?;
        self.announce();
        if predecessor.is_some_and(Predecessor::heard_of_reload) {
            // By the same way as if it had come to this process. The queue has room, as nobody asks yet.
            let _ = self.control.try_send(Control::Command(Command::Reload));
        }
        self.manager.ready(self.status());
        loop {
            let patience = self.patience(&clock());
            let message = self.messages.recv_timeout(patience);
            let clock = clock();
            let mut is_reload_asked = false;
            match message {
                Ok(message) => self.take(message, &clock, &mut is_reload_asked)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(RunError("the control channel is gone".to_owned()));
                }
            }
            // A load takes its time: all that is asked for is heard before, and one answers many.
            while let Ok(message) = self.messages.try_recv() {
                self.take(message, &clock, &mut is_reload_asked)?;
            }
            if is_reload_asked {
                self.renew_as_asked(&clock)?;
            }
            if self.workers_alive == 0 {
                self.crew.directories.finish(LAST_ROWS);
                log::info!("stopped");
                return Ok(());
            }
            self.tick(&clock)?;
        }
    }

    fn take(
        &mut self,
        message: Control,
        clock: &Clock,
        is_reload_asked: &mut bool,
    ) -> Result<(), RunError> {
        match message {
            Control::Command(Command::Reload) => self.reload_or_upgrade(is_reload_asked),
            Control::Command(Command::Upgrade) => self.upgrade(is_reload_asked),
            Control::Upgrade(event) => self.upgraded(event, is_reload_asked),
            Control::Command(Command::Stop) => self.stop(clock.steady)?,
            Control::FilesChanged => self.renewer.agenda().files_changed(clock.steady),
            Control::ThreadEnded { name, end } => self.thread_ended(&name, end)?,
        }
        Ok(())
    }

    fn patience(&mut self, clock: &Clock) -> Duration {
        let patience = match self.state {
            // What is served must not change while another process takes it over.
            State::Serving if self.succession.upgrader.is_under_way() => Duration::MAX,
            State::Serving => self.renewer.agenda().patience(clock),
            State::Draining { force_at, .. } => force_at.saturating_duration_since(clock.steady),
        };
        patience
            .min(self.renewer.guard().patience(clock.steady))
            .min(self.manager.patience(clock.steady))
    }

    /// What the service manager may know.
    fn status(&self) -> Status {
        Status {
            connections: self.crew.admission.connections(),
            pairs: self.renewer.generation().posts().len(),
            generation: self.renewer.generation().number,
            is_reload_failing: self.renewer.board().gauges().is_reload_failing(),
            is_stopping: matches!(self.state, State::Draining { .. }),
        }
    }

    /// Does what the clocks say is due.
    fn tick(&mut self, clock: &Clock) -> Result<(), RunError> {
        let unix_now = clock.wall.timestamp().as_second();
        let guard = self.renewer.guard();
        guard.tick(clock.steady, unix_now).map_err(RunError)?;
        let status = self.status();
        let ask = |roll| self.crew.ask_all(roll);
        self.manager.tick(clock.steady, status, ask);
        match self.state {
            State::Draining { force_at, .. } if clock.steady >= force_at => {
                self.force(clock.steady)
            }
            State::Draining { .. } => Ok(()),
            State::Serving if self.succession.upgrader.is_under_way() => Ok(()),
            State::Serving => {
                if let Some(occasion) = self.renewer.agenda().due(clock) {
                    self.renew(occasion, clock)?;
                }
                Ok(())
            }
        }
    }

    /// The service manager may wait for the end of a reload that was asked for.
    fn renew_as_asked(&mut self, clock: &Clock) -> Result<(), RunError> {
        let is_serving = matches!(self.state, State::Serving);
        if is_serving {
            self.manager.reloading();
        }
        self.renew(Occasion::Signal, clock)?;
        if is_serving {
            self.manager.ready(self.status());
        }
        Ok(())
    }

    fn renew(&mut self, occasion: Occasion, clock: &Clock) -> Result<(), RunError> {
        match self.state {
            State::Serving => {
                let renewed = self.renewer.renew(occasion, clock, &self.crew);
                renewed.map_err(RunError)?;
            }
            State::Draining { .. } => log::info!("not reloading: the program is stopping"),
        }
        Ok(())
    }

    /// Tells the workers to end at once; the second time they are given up.
    fn force(&mut self, now: Instant) -> Result<(), RunError> {
        if self.is_forced {
            let what = "a worker does not end: ending without it";
            return Err(RunError(what.to_owned()));
        }
        self.is_forced = true;
        self.state = State::Draining {
            force_at: now + STOP_GRACE,
            is_told: true,
        };
        self.crew.post_all(|| WorkerMsg::Stop);
        Ok(())
    }

    fn stop(&mut self, now: Instant) -> Result<(), RunError> {
        match self.state {
            State::Serving => {
                self.succession.upgrader.abort();
                self.drain(now, true);
                let patience = self.renewer.config().drain + STOP_GRACE;
                self.manager.stopping(patience, self.status());
                Ok(())
            }
            State::Draining {
                force_at,
                is_told: false,
            } => {
                log::info!("told to stop: stopping already, behind an upgrade");
                let is_told = true;
                self.state = State::Draining { force_at, is_told };
                Ok(())
            }
            State::Draining { .. } if self.is_forced => Ok(()),
            State::Draining { .. } => {
                log::warn!("told to stop again: ending every connection");
                self.force(now)
            }
        }
    }

    /// Accepts nothing more, and lets what lives end in its time.
    fn drain(&mut self, now: Instant, is_told: bool) {
        let drain = self.renewer.config().drain;
        log::info!("stopping: live connections have {drain:?} to end");
        // Behind an upgrade the service goes on, and so it is told to whoever is in still and asks for it.
        if is_told {
            self.renewer.board().set_stage(Stage::Draining);
        }
        let until = now + drain;
        self.state = State::Draining {
            force_at: until + STOP_GRACE,
            is_told,
        };
        // The acceptor ends first, so that no connection comes behind the drain; see `thread_ended`.
        self.crew.acceptor.post(AcceptorMsg::Stop);
    }

    fn thread_ended(&mut self, name: &str, end: ThreadEnd) -> Result<(), RunError> {
        let State::Draining { force_at, .. } = self.state else {
            return Err(told(name, &end));
        };
        if end != ThreadEnd::Done {
            return Err(told(name, &end));
        }
        if name == "acceptor" {
            let until = force_at - STOP_GRACE;
            self.crew.post_all(|| WorkerMsg::Drain(until));
        } else {
            self.workers_alive -= 1;
        }
        Ok(())
    }
}

fn told(name: &str, end: &ThreadEnd) -> RunError {
    let what = match end {
        ThreadEnd::Done => "ended unasked".to_owned(),
        ThreadEnd::Failed(what) => format!("failed: {what}"),
        ThreadEnd::Panicked => "panicked, which is a fault in this program".to_owned(),
    };
    RunError(format!(
        "thread {name} {what}; ending, so that a restart can serve"
    ))
}
