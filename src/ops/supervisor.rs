//! Starts everything, and then waits for signals, reloads and ends.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use jiff::Zoned;
use mio::Poll;

use super::control::{Command, Control, ThreadEnd};
use super::credentials::load_generation;
use super::{descriptors, listeners, schedule, signals, threads};
use crate::config::{Config, Pair};
use crate::net::{Endpoint, Inherited, Listener};
use crate::reactor::{
    Acceptor, AcceptorMsg, Admission, Mailbox, Worker, WorkerMsg, mailbox, resolve_lane,
};

/// How often the wall clock is compared with the reload hour: it may be set, and machines sleep.
const CLOCK_INTERVAL: Duration = Duration::from_secs(20);

/// Messages that may wait for the supervisor; who posts one more waits. Signals come one at a time, and
/// each thread ends once.
const CONTROL_QUEUE: usize = 64;

/// How long the workers may take to end their last connections behind the drain deadline.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Why the program could not start.
#[derive(Debug)]
pub enum StartError {
    /// Certificates, keys or trust files: each problem a line.
    Credentials(Vec<String>),
    /// An address cannot be listened on.
    Listen {
        /// The configured pair's name.
        pair: String,
        /// What the system said.
        what: String,
    },
    /// The system refused a thread, a poller or a signal handler.
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Credentials(problems) => f.write_str(&problems.join("\n")),
            StartError::Listen { pair, what } => write!(f, "pair {pair:?}: {what}"),
            StartError::System(error) => write!(f, "the system refused: {error}"),
        }
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> StartError {
        StartError::System(error)
    }
}

/// Why a running program ended against its will: a thread of it failed.
#[derive(Debug)]
pub struct RunError(String);

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A started program.
pub struct Running {
    control: Sender<Control>,
    messages: Receiver<Control>,
    pairs: Arc<[Arc<Pair>]>,
    endpoints: Vec<(usize, Endpoint)>,
    workers: Vec<Mailbox<WorkerMsg>>,
    workers_alive: usize,
    acceptor: Mailbox<AcceptorMsg>,
    generation: u64,
    reload: Option<Reload>,
    drain: Duration,
    state: State,
    /// The workers were told to end at once.
    is_forced: bool,
    limit: usize,
    descriptors: u64,
}

/// The reload hour and its next instant.
struct Reload {
    hour: u8,
    next: Zoned,
}

enum State {
    Serving,
    /// No new connections; `force_at` is when the workers are told to stop.
    Draining {
        force_at: Instant,
    },
}

/// Proves the credentials, listens on every pair, and starts the threads.
#[allow(clippy::disallowed_methods)] // the certificates are judged by the wall clock
pub fn start(config: Config) -> Result<Running, StartError> {
    let pairs: Arc<[Arc<Pair>]> = config.pairs.into_iter().map(Arc::new).collect();
    let now = Zoned::now();
    let generation = load_generation(&pairs, 1, now.timestamp().as_second());
    let generation = Arc::new(generation.map_err(StartError::Credentials)?);
    let descriptors = descriptors::raise_limit();
    let most = descriptors::connections(descriptors);
    let doors = listen_all(&pairs)?;
    let endpoints = doors
        .iter()
        .map(|(listener, pair, _)| Ok((*pair, listener.endpoint()?)));
    let endpoints = endpoints.collect::<io::Result<Vec<_>>>()?;

    let (control, messages) = crossbeam_channel::bounded(CONTROL_QUEUE);
    let count = match config.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        count => count,
    };
    let lane = Arc::new(resolve_lane()?);
    let mut workers = Vec::new();
    for index in 0..count {
        let (pairs, lane) = (Arc::clone(&pairs), Arc::clone(&lane));
        let (worker, mailbox) = Worker::new(pairs, Arc::clone(&generation), lane)?;
        threads::spawn(format!("worker-{index}"), &control, || worker.run())?;
        workers.push(mailbox);
    }
    let poll = Poll::new()?;
    let (acceptor, receiver) = mailbox(&poll)?;
    let limit = config.limits.connections.unwrap_or(most);
    let admission = Arc::new(Admission::new(
        Some(limit),
        config.limits.handshakes,
        pairs.iter().map(|pair| pair.connections),
        count,
        acceptor.bell(),
    ));
    let thread = Acceptor::new(poll, receiver, doors, admission, workers.clone())?;
    threads::spawn("acceptor".to_owned(), &control, || thread.run())?;
    let reload = config.reload.hour.and_then(|hour| Reload::new(hour, &now));
    let running = Running {
        control,
        messages,
        pairs,
        endpoints,
        workers_alive: workers.len(),
        workers,
        acceptor,
        generation: 1,
        reload,
        drain: config.drain,
        state: State::Serving,
        is_forced: false,
        limit,
        descriptors,
    };
    Ok(running)
}

fn listen_all(pairs: &[Arc<Pair>]) -> Result<Vec<(Listener, usize, bool)>, StartError> {
    let mut doors = Vec::new();
    for (index, pair) in pairs.iter().enumerate() {
        let is_tls = pair.mode.inbound_tls();
        let inherited = Inherited {
            nodelay: pair.tcp.nodelay,
            keepalive: pair.tcp.keepalive,
            // Whatever becomes of a plain connection, half a stream must not look whole.
            resets_on_close: !is_tls,
        };
        let listeners =
            listeners::listen(&pair.inbound, &inherited).map_err(|error| StartError::Listen {
                pair: pair.name.clone(),
                what: format!("cannot listen on {}: {error}", pair.inbound),
            })?;
        doors.extend(
            listeners
                .into_iter()
                .map(|listener| (listener, index, is_tls)),
        );
    }
    Ok(doors)
}

impl Reload {
    fn new(hour: u8, now: &Zoned) -> Option<Reload> {
        let next = schedule::next_reload(now, hour)?;
        Some(Reload { hour, next })
    }
}

impl Running {
    /// Where the pair at that place of the configuration listens.
    pub fn endpoint(&self, pair: usize) -> Option<&Endpoint> {
        let mut endpoints = self.endpoints.iter();
        endpoints
            .find(|(p, _)| *p == pair)
            .map(|(_, endpoint)| endpoint)
    }

    /// Lets SIGHUP reload, and SIGTERM and SIGINT stop.
    pub fn obey_signals(&self) -> io::Result<()> {
        signals::watch(self.control.clone())
    }

    /// Something that sends commands from another thread.
    pub fn commander(&self) -> impl Fn(Command) + Send + use<> {
        let control = self.control.clone();
        // Nobody listens any more once it has ended, and then there is nothing to command.
        move |command| drop(control.send(Control::Command(command)))
    }

    fn announce(&self) {
        let (limit, descriptors) = (self.limit, self.descriptors);
        for (pair, endpoint) in &self.endpoints {
            let pair = &self.pairs[*pair];
            log::info!(
                "listening on {endpoint} pair={:?} mode={} outbound={}",
                pair.name,
                pair.mode,
                pair.outbound
            );
        }
        log::info!(
            "ready with {} workers, {limit} connections at most, {descriptors} descriptors",
            self.workers.len()
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
    #[allow(clippy::disallowed_methods)] // the supervisor's clock
    pub fn wait(mut self) -> Result<(), RunError> {
        self.announce();
        loop {
            let message = self.messages.recv_timeout(self.patience(Instant::now()));
            match message {
                Ok(Control::Command(Command::Reload)) => self.reload(&Zoned::now()),
                Ok(Control::Command(Command::Stop)) => self.stop(Instant::now())?,
                Ok(Control::ThreadEnded { name, end }) => self.thread_ended(&name, end)?,
                Err(RecvTimeoutError::Timeout) => self.tick(Instant::now())?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(RunError("the control channel is gone".to_owned()));
                }
            }
            if self.workers_alive == 0 {
                log::info!("stopped");
                return Ok(());
            }
        }
    }

    fn patience(&self, now: Instant) -> Duration {
        match self.state {
            State::Serving => CLOCK_INTERVAL,
            State::Draining { force_at } => force_at.saturating_duration_since(now),
        }
    }

    #[allow(clippy::disallowed_methods)] // the reload hour is one of the wall clock
    fn tick(&mut self, now: Instant) -> Result<(), RunError> {
        if let State::Draining { force_at } = self.state {
            if now >= force_at {
                return self.force(now);
            }
            return Ok(());
        }
        let wall = Zoned::now();
        if let Some(reload) = &self.reload
            && wall >= reload.next
        {
            self.reload(&wall);
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
        };
        self.post_all(|| WorkerMsg::Stop);
        Ok(())
    }

    /// Builds and proves fresh credentials, and publishes them by one pointer; keeps the old ones if
    /// anything is wrong with the new. Live connections stay as they are.
    fn reload(&mut self, wall: &Zoned) {
        if let Some(reload) = &mut self.reload {
            let next = schedule::next_reload(wall, reload.hour);
            reload.next = next.unwrap_or_else(|| reload.next.clone());
        }
        if !matches!(self.state, State::Serving) {
            log::info!("not reloading: the program is stopping");
            return;
        }
        let number = self.generation + 1;
        match load_generation(&self.pairs, number, wall.timestamp().as_second()) {
            Ok(generation) => {
                self.generation = number;
                let generation = Arc::new(generation);
                self.post_all(|| WorkerMsg::Publish(Arc::clone(&generation)));
                log::info!("reloaded: credentials of generation {number} serve new connections");
            }
            Err(problems) => {
                for problem in &problems {
                    log::error!("{problem}");
                }
                log::error!(
                    "not reloaded: generation {} goes on serving",
                    self.generation
                );
            }
        }
    }

    fn stop(&mut self, now: Instant) -> Result<(), RunError> {
        if let State::Draining { .. } = self.state {
            if self.is_forced {
                return Ok(());
            }
            log::warn!("told to stop again: ending every connection");
            return self.force(now);
        }
        log::info!("stopping: live connections have {:?} to end", self.drain);
        let until = now + self.drain;
        self.state = State::Draining {
            force_at: until + STOP_GRACE,
        };
        // The acceptor ends first, so that no connection comes behind the drain; see `thread_ended`.
        self.acceptor.post(AcceptorMsg::Stop);
        Ok(())
    }

    fn thread_ended(&mut self, name: &str, end: ThreadEnd) -> Result<(), RunError> {
        let State::Draining { force_at } = self.state else {
            return Err(told(name, &end));
        };
        if end != ThreadEnd::Done {
            return Err(told(name, &end));
        }
        if name == "acceptor" {
            let until = force_at - STOP_GRACE;
            self.post_all(|| WorkerMsg::Drain(until));
        } else {
            self.workers_alive -= 1;
        }
        Ok(())
    }

    fn post_all(&self, message: impl Fn() -> WorkerMsg) {
        for worker in &self.workers {
            worker.post(message());
        }
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
