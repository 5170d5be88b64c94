//! The way from the first line to the exit code, as far as it is the same in both halves.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::{ChildStdin, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::PairArgs;
use super::child::{Child, exit_code, quoted};
use super::events::{Event, Watch};
use super::exchange::{Fault, Said};
use super::farewell::Farewell;
use super::model::{believe, load, one_time_identity};
use crate::cli::{COULD_NOT, WRONG_WORDS, fail, unix_now};
use crate::config::{Loaded, Pair};
use crate::net::Endpoint;
use crate::ops::{self, Command, ControlLine, Running, Surroundings, check_credentials, logging};
use crate::tls::authority::Identity;
use crate::tls::{Credentials, Profile};

/// How long a child whose output has ended may take to end itself, before it is told of as one that goes on.
const LAST_WORD: Duration = Duration::from_secs(1);

/// How long the last that the child has written may take to be read.
const LAST_OUTPUT: Duration = Duration::from_secs(5);

/// Far enough to be never.
const NEVER: Duration = Duration::from_secs(3600);

/// How a pairing comes to its end.
pub(super) enum End {
    /// The child has ended.
    Child(io::Result<ExitStatus>),
    /// It was asked to end, and there is no child to say how.
    Asked,
    /// Something has failed.
    Fault(String),
}

/// An error's words, under what has failed.
pub(super) fn fault<E: Display>(doing: &str) -> impl Fn(E) -> End {
    move |error| End::Fault(format!("{doing}: {error}"))
}

/// A pairing under way.
pub(super) struct Course {
    pub(super) watch: Watch,
    events: Receiver<Event>,
    farewell: Farewell,
    /// How long the other end may take.
    patience: Duration,
    /// What the other end is called.
    other: String,
    child: Option<Child>,
    /// Open as long as we are there: a child may take its end for ours.
    stdin: Option<ChildStdin>,
    /// Closed once all that the child has written was passed on.
    passed: Option<Receiver<()>>,
    service: Option<Box<dyn Fn(Command)>>,
}

/// Makes the identity, reads the flags, and takes one of the halves to its end.
pub(super) fn run(
    args: &PairArgs,
    half: impl FnOnce(&mut Course, Loaded, &Identity) -> Result<Infallible, End>,
) -> ExitCode {
    let identity = match one_time_identity(unix_now()) {
        Ok(identity) => identity,
        Err(error) => return fail(COULD_NOT, &format!("pair: making a certificate: {error}")),
    };
    let loaded = match load(args, &identity) {
        Ok(loaded) => loaded,
        Err(problems) => return fail(WRONG_WORDS, &problems),
    };
    let _log = match logging::start(loaded.config.log_level, loaded.config.log_format) {
        Ok(guard) => guard,
        Err(error) => return fail(COULD_NOT, &error),
    };
    for warning in &loaded.warnings {
        log::warn!("{warning}");
    }
    let mut course = match Course::new(args, &loaded) {
        Ok(course) => course,
        Err(error) => return fail(COULD_NOT, &format!("pair: {error}")),
    };
    let Err(end) = half(&mut course, loaded, &identity);
    course.finish(end)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a command of the outermost layer, which waits itself"
)]
impl Course {
    fn new(args: &PairArgs, loaded: &Loaded) -> io::Result<Course> {
        let (watch, events) = Watch::new();
        // Before there is a child, so that none is without its farewell.
        watch.signals()?;
        let pair = loaded.config.pairs.first();
        Ok(Course {
            watch,
            events,
            farewell: Farewell::new(loaded.config.drain),
            patience: pair.map_or(NEVER, |pair| pair.timeouts.handshake),
            other: match args.accept {
                true => "whoever has started it".to_owned(),
                false => quoted(&args.command),
            },
            child: None,
            stdin: None,
            passed: None,
            service: None,
        })
    }

    /// Starts the child with a line on its standard input, and reads its own.
    pub(super) fn start_other(&mut self, command: &[OsString], line: &str) -> Result<(), End> {
        let failed = fault("starting the child");
        let mut child = Child::start(command, Stdio::piped()).map_err(&failed)?;
        self.watch.child(&child).map_err(&failed)?;
        if let Some(stdout) = child.stdout() {
            self.passed = Some(self.watch.output(stdout).map_err(&failed)?);
        }
        if let Some(mut stdin) = child.stdin() {
            // A child that is gone already is told of by its end.
            let _ = stdin.write_all(line.as_bytes());
            self.stdin = Some(stdin);
        }
        self.child = Some(child);
        Ok(())
    }

    /// Starts the plain service as the child, whose output is held back until something is sent.
    pub(super) fn start_service(&mut self, command: &[OsString]) -> Result<Sender<()>, End> {
        let failed = fault("starting the child");
        let mut child = Child::start(command, Stdio::null()).map_err(&failed)?;
        self.watch.child(&child).map_err(&failed)?;
        let stdout = child.stdout();
        self.child = Some(child);
        let stdout = stdout
            .ok_or("it has no output")
            .map_err(fault("starting the child"))?;
        let (go, passed) = self.watch.later_output(stdout).map_err(&failed)?;
        self.passed = Some(passed);
        Ok(go)
    }

    /// Waits for the line of the other end.
    pub(super) fn hear(&mut self) -> Result<Said, End> {
        let until = Instant::now() + self.patience;
        loop {
            match self.next(Some(until))? {
                Some(Event::Line(Ok(line))) => return Said::read(&line).map_err(|e| self.said(e)),
                Some(Event::Line(Err(fault))) => return Err(self.silent(fault)),
                Some(_) => {}
                None => {
                    let what = format!("it said no line within {:?}", self.patience);
                    return Err(self.said(what));
                }
            }
        }
    }

    /// What is wrong with the other end.
    pub(super) fn said(&self, what: impl Display) -> End {
        End::Fault(format!("{}: {what}", self.other))
    }

    /// The other end will say no line. If that is because it has ended, how it has says more.
    fn silent(&mut self, fault: Fault) -> End {
        if self.child.is_none() || fault == Fault::TooLong {
            return self.said(fault);
        }
        let until = Instant::now() + LAST_WORD;
        loop {
            match self.next(Some(until)) {
                Err(end @ End::Child(_)) => return end,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return self.said(fault),
            }
        }
    }

    /// Proves that the destination of the pair is there, and who it should be.
    pub(super) fn reach(&mut self, pair: &Pair) -> Result<(), End> {
        let until = Instant::now() + self.patience;
        let credentials = proven(pair)?;
        let watched = self.watch.reach(pair.clone(), credentials, until);
        watched.map_err(fault("reaching the other end"))?;
        let to = pair.outbound.to_string();
        loop {
            match self.next(Some(until))? {
                Some(Event::Reached(Ok(()))) => return Ok(()),
                Some(Event::Reached(Err(what))) => {
                    return Err(End::Fault(format!("{to} is not what was said: {what}")));
                }
                Some(_) => {}
                None => {
                    let what = format!("{to} has not answered within {:?}", self.patience);
                    return Err(End::Fault(what));
                }
            }
        }
    }

    /// Begins to serve; where it listens.
    pub(super) fn serve(&mut self, loaded: Loaded) -> Result<Endpoint, End> {
        let line = ControlLine::default();
        let running = ops::start(loaded, None, line, Surroundings::default());
        let running: Running = running.map_err(|error| End::Fault(error.to_string()))?;
        let endpoint = running.endpoint(0).cloned();
        let endpoint = endpoint
            .ok_or("it listens nowhere")
            .map_err(fault("serving"))?;
        self.service = Some(Box::new(running.commander()));
        let watched = self.watch.service(running);
        watched.map_err(fault("serving"))?;
        Ok(endpoint)
    }

    /// Serves until something ends it.
    pub(super) fn go_on(&mut self) -> Result<Infallible, End> {
        loop {
            self.next(None)?;
        }
    }

    /// The next event that is not an end; none if there is none by then.
    fn next(&mut self, until: Option<Instant>) -> Result<Option<Event>, End> {
        loop {
            let now = Instant::now();
            if until.is_some_and(|until| now >= until) {
                return Ok(None);
            }
            let wake = [until, self.farewell.next()].into_iter().flatten().min();
            match self.events.recv_deadline(wake.unwrap_or(now + NEVER)) {
                Ok(Event::Signal(signal)) => match &self.child {
                    Some(child) => child.signal(self.farewell.pass(signal, Instant::now())),
                    None => return Err(End::Asked),
                },
                Ok(Event::ChildEnded) => {
                    if let Some(child) = self.child.take() {
                        return Err(End::Child(child.reap()));
                    }
                }
                Ok(Event::Abandoned) => return Err(End::Asked),
                Ok(Event::ServiceEnded(what)) => {
                    self.service = None;
                    let what = what.unwrap_or_else(|| "it ended unasked".to_owned());
                    return Err(End::Fault(format!("serving: {what}")));
                }
                Ok(event) => return Ok(Some(event)),
                Err(RecvTimeoutError::Timeout) => {
                    let due = self.farewell.due(Instant::now());
                    if let (Some(signal), Some(child)) = (due, &self.child) {
                        child.signal(signal);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Err(End::Asked),
            }
        }
    }

    /// Ends all that is left, and tells how it went.
    fn finish(mut self, end: End) -> ExitCode {
        let code = self.told(&end);
        drop(self.stdin.take());
        self.end_service();
        self.end_child();
        if let Some(passed) = self.passed.take() {
            // Somebody outside of its group may hold it open.
            let _ = passed.recv_timeout(LAST_OUTPUT);
        }
        code
    }

    fn told(&self, end: &End) -> ExitCode {
        let what = match end {
            End::Asked => return ExitCode::SUCCESS,
            End::Child(Ok(status)) if self.service.is_some() || self.farewell.is_asked() => {
                return ExitCode::from(exit_code(*status));
            }
            End::Child(Ok(status)) => format!("the child has ended too early: {status}"),
            End::Child(Err(error)) => format!("waiting for the child: {error}"),
            End::Fault(what) => what.clone(),
        };
        fail(COULD_NOT, &format!("pair: {what}"))
    }

    /// Lets live connections end; a signal ends them at once.
    fn end_service(&mut self) {
        let Some(command) = self.service.take() else {
            return;
        };
        command(Command::Stop);
        loop {
            match self.events.recv() {
                Ok(Event::Signal(_)) => command(Command::Stop),
                Ok(Event::ServiceEnded(_)) | Err(_) => return,
                Ok(Event::ChildEnded) => self.reap(),
                Ok(_) => {}
            }
        }
    }

    fn end_child(&mut self) {
        if let (Some(child), Some(signal)) = (&self.child, self.farewell.ask(Instant::now())) {
            child.signal(signal);
        }
        while self.child.is_some() {
            if let Err(End::Child(_)) = self.next(None) {
                return;
            }
        }
    }

    fn reap(&mut self) {
        if let Some(child) = self.child.take() {
            let _ = child.reap();
        }
    }
}

/// The credentials of a pair.
fn proven(pair: &Pair) -> Result<Arc<Credentials>, End> {
    let checked = check_credentials([pair], Profile::Ordinary, unix_now());
    let checked = checked.map_err(|lines| End::Fault(lines.join("\n")))?;
    let first = checked.credentials.into_iter().next();
    first.ok_or("there are none").map_err(fault("credentials"))
}

/// Lets every pair of a configuration believe the other end alone.
pub(super) fn believe_all(loaded: &mut Loaded, said: Said) {
    for pair in &mut loaded.config.pairs {
        believe(pair, said);
    }
}
