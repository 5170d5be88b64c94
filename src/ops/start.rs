//! Starts everything.

use std::fmt;
use std::io;
use std::sync::Arc;

use crossbeam_channel::Sender;
use mio::Poll;

use super::admin::Server;
use super::board::{Board, Origin};
use super::control::{Control, ControlLine};
use super::fips::{ConfigFile, Guard, Proof, Standing};
pub use super::reload::ListenError;
use super::reload::{Crew, Next, Renewer, Staged};
use super::supervisor::{Running, clock};
use super::surroundings::Surroundings;
use super::{descriptors, threads};
use crate::base::tally::WorkerCounters;
use crate::config::{Config, Loaded, Source};
use crate::reactor::{Acceptor, Admission, Directories, Generation, Worker, mailbox, resolve_lane};

/// Why the program could not start.
#[derive(Debug)]
pub enum StartError {
    /// FIPS is to be in effect and is not.
    Fips(String),
    /// Certificates, keys or trust files: each problem a line.
    Credentials(Vec<String>),
    /// A pair's address cannot be listened on.
    Listen(ListenError),
    /// An administrative address cannot be listened on.
    Admin(String),
    /// The system refused a thread, a poller or a signal handler.
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Fips(what) => f.write_str(what),
            StartError::Credentials(problems) => f.write_str(&problems.join("\n")),
            StartError::Listen(error) => error.fmt(f),
            StartError::Admin(what) => write!(f, "admin: {what}"),
            StartError::System(error) => write!(f, "the system refused: {error}"),
        }
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> StartError {
        StartError::System(error)
    }
}

/// Proves the credentials, listens on every pair, and starts the threads. `source` is where the
/// configuration is from, to be read again; without it only the files that it names are. Its warnings are
/// the caller's to tell.
pub fn start(
    loaded: Loaded,
    source: Option<Source>,
    line: ControlLine,
    surroundings: Surroundings,
) -> Result<Running, StartError> {
    let clock = clock();
    let unix_now = clock.wall.timestamp().as_second();
    // First: nothing is to be done with keys by a library that is not what it should be.
    let (standing, facts) = Standing::of(&loaded.config).map_err(StartError::Fips)?;
    let proof = Proof {
        facts,
        at: unix_now,
    };
    let guard = Guard::new(standing, proof, clock.steady);
    guard.announce();
    let profile = guard.profile();
    let sources = ConfigFile::of(&loaded);
    guard.board().set_files(sources.clone());
    let config = loaded.config;
    surroundings.announce(&config);
    let Surroundings {
        manager,
        bounds,
        succession,
        ..
    } = surroundings;
    let is_successor = succession.predecessor.is_some();
    // Before all else, so that it tells of the start.
    let origin = Origin {
        started: clock.steady,
        fips: Arc::clone(guard.board()),
        landlock: bounds.confinement.state(),
    };
    let board = Arc::new(Board::new(origin));
    let left = (bounds.passed.legacy(), is_successor);
    let admin = Server::start(&config.admin, &board, left).map_err(StartError::Admin)?;
    let staged = Staged::of(config.clone(), sources);
    let fingerprint = staged.fingerprint;
    let none = Generation::new(0, Vec::new());
    let proven = staged.prove(profile, unix_now, &none, true);
    let proven = proven.map_err(StartError::Credentials)?;
    for warning in &proven.warnings {
        log::warn!("{warning}");
    }
    let descriptors = descriptors::raise_limit();
    let workers = match config.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        count => count,
    };
    let next = Next::behind(&none, proven, (workers, &bounds.passed));
    let next = next.map_err(StartError::Listen)?;
    let endpoints = next.opened.iter();
    let endpoints = endpoints.map(|(listener, pair)| Ok((*pair, listener.endpoint()?)));
    let endpoints = endpoints.collect::<io::Result<Vec<_>>>()?;
    let most = descriptors::connections(descriptors);
    let directories = Arc::new(Directories::new(profile));
    let threads = (&line.sender, directories);
    let (crew, generation) = muster(&config, (next, is_successor), (workers, most), threads)?;
    let crew = Arc::new(crew);
    board.muster(Arc::clone(&crew));
    let renewer = Renewer::new(
        (source, config),
        (generation, fingerprint),
        (line.sender.clone(), board),
        (most, guard, bounds),
        &clock,
    );
    Ok(Running::new(
        line,
        crew,
        (renewer, manager),
        endpoints,
        (descriptors, admin, succession),
    ))
}

/// Starts the threads that serve; those of a successor accept nothing yet.
fn muster(
    config: &Config,
    (next, is_successor): (Next, bool),
    (count, most): (usize, usize),
    (control, directories): (&Sender<Control>, Arc<Directories>),
) -> io::Result<(Crew, Arc<Generation>)> {
    let lane = Arc::new(resolve_lane()?);
    let mut workers = Vec::new();
    let counters: Vec<Arc<WorkerCounters>> = (0..count).map(|_| Arc::default()).collect();
    for (index, counters) in counters.iter().enumerate() {
        let (worker, mailbox) = Worker::new(
            Arc::clone(&lane),
            Arc::clone(&directories),
            Arc::clone(counters),
        )?;
        threads::spawn(format!("worker-{index}"), control, || worker.run())?;
        workers.push(mailbox);
    }
    let poll = Poll::new()?;
    let (acceptor, receiver) = mailbox(&poll)?;
    let limit = config.limits.connections.unwrap_or(most);
    let handshakes = config.limits.handshakes;
    let admission = Admission::new(Some(limit), handshakes, count, acceptor.bell());
    let admission = Arc::new(admission);
    let mut thread = Acceptor::new(poll, receiver, Arc::clone(&admission), workers.clone());
    let Next { generation, opened } = next;
    directories.tell(workers.clone());
    directories.serve(&generation).map_err(io::Error::other)?;
    thread.publish(&generation, opened)?;
    if is_successor {
        thread.pause();
    }
    threads::spawn("acceptor".to_owned(), control, || thread.run())?;
    let crew = Crew {
        workers,
        acceptor,
        admission,
        directories,
        counters,
        lookups: Arc::clone(lane.lookups()),
    };
    Ok((crew, Arc::new(generation)))
}
