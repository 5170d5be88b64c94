//! What happens to a pairing, from threads that wait for it.

use std::io::{self, Read};
use std::process::ChildStdout;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{PidfdFlags, getppid, pidfd_open};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::child::Child;
use super::exchange::{Fault, FirstLine, Taken};
use crate::cli::connect::pass;
use crate::cli::probe::greet;
use crate::config::Pair;
use crate::ops::Running;
use crate::tls::Credentials;

/// Events that may wait to be looked at; more wait with their threads.
const EVENTS_MAX: usize = 16;

/// Bytes of a first line that are read at once.
const PIECE: usize = 4096;

/// How long it takes until a destination that is not there yet is tried again.
const AGAIN: Duration = Duration::from_millis(50);

/// What happens.
pub(super) enum Event {
    /// We are asked to end.
    Signal(i32),
    /// The child has ended, and is to be reaped.
    ChildEnded,
    /// The other end has said its line, or will not.
    Line(Result<Vec<u8>, Fault>),
    /// The destination was reached, or why it was not.
    Reached(Result<(), String>),
    /// What forwards has ended, with what went wrong if something did.
    ServiceEnded(Option<String>),
    /// Whoever has started us is no longer there.
    Abandoned,
}

/// Where events come from; each is watched by a thread of its own.
#[derive(Clone)]
pub(super) struct Watch(Sender<Event>);

impl Watch {
    /// And where they come out.
    pub(super) fn new() -> (Watch, Receiver<Event>) {
        let (sender, events) = bounded(EVENTS_MAX);
        (Watch(sender), events)
    }

    fn thread(
        &self,
        name: &str,
        body: impl FnOnce(&Sender<Event>) + Send + 'static,
    ) -> io::Result<()> {
        let sender = self.0.clone();
        let thread = thread::Builder::new().name(format!("pair-{name}"));
        thread.spawn(move || body(&sender)).map(drop)
    }

    /// Signals that ask for an end.
    pub(super) fn signals(&self) -> io::Result<()> {
        // That a child has ended is told by another thread. But whoever has started us may have ignored that
        // signal, which is inherited, and then the kernel would reap the child and forget how it has ended.
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCHLD])?;
        self.thread("signals", move |events| {
            for signal in signals.forever().filter(|signal| *signal != SIGCHLD) {
                let _ = events.send(Event::Signal(signal));
            }
        })
    }

    /// The end of the child.
    pub(super) fn child(&self, child: &Child) -> io::Result<()> {
        let wait = child.awaiter();
        self.thread("child", move |events| {
            wait();
            let _ = events.send(Event::ChildEnded);
        })
    }

    /// The first line of the child; what it writes behind it goes to our standard output. The receiver is
    /// closed once all of it has.
    pub(super) fn output(&self, mut stdout: ChildStdout) -> io::Result<Receiver<()>> {
        let (done, passed) = bounded::<()>(0);
        self.thread("output", move |events| {
            let behind = first_line(&mut stdout, events);
            if let Some(behind) = behind {
                let _ = pass(&mut behind.as_slice().chain(stdout), &mut io::stdout());
            }
            drop(done);
        })?;
        Ok(passed)
    }

    /// What the child writes goes to our standard output, once something was sent. The receiver is closed
    /// once all of it has.
    pub(super) fn later_output(
        &self,
        mut stdout: ChildStdout,
    ) -> io::Result<(Sender<()>, Receiver<()>)> {
        let (go, gone) = bounded::<()>(1);
        let (done, passed) = bounded::<()>(0);
        self.thread("output", move |_| {
            if gone.recv().is_ok() {
                let _ = pass(&mut stdout, &mut io::stdout());
            }
            drop(done);
        })?;
        Ok((go, passed))
    }

    /// The first line of our standard input, and the end of that.
    pub(super) fn input(&self) -> io::Result<()> {
        self.thread("input", |events| {
            let mut stdin = io::stdin().lock();
            // A fault is told, and is the end of it.
            if first_line(&mut stdin, events).is_some() {
                let _ = pass(&mut stdin, &mut io::sink());
                let _ = events.send(Event::Abandoned);
            }
        })
    }

    /// The end of the process that has started us.
    pub(super) fn parent(&self) -> io::Result<()> {
        // An older kernel has none of these, and leaves the end of standard input to tell it.
        let parent = getppid();
        let process = parent.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        // If it has ended in between, its number may be somebody else's by now.
        let has_ended = getppid() != parent;
        if !has_ended && process.is_none() {
            return Ok(());
        }
        self.thread("parent", move |events| {
            if let (false, Some(process)) = (has_ended, &process) {
                let mut ended = [PollFd::new(process, PollFlags::IN)];
                while let Err(rustix::io::Errno::INTR) = poll(&mut ended, None) {}
            }
            let _ = events.send(Event::Abandoned);
        })
    }

    /// Whether the destination of a pair can be reached by then; it may take a moment to be there.
    #[allow(
        clippy::disallowed_methods,
        reason = "a command of the outermost layer, which waits itself"
    )]
    pub(super) fn reach(
        &self,
        pair: Pair,
        credentials: Arc<Credentials>,
        until: Instant,
    ) -> io::Result<()> {
        self.thread("reach", move |events| {
            let reached = loop {
                match greet(&pair, &credentials) {
                    Ok(Ok(())) => break Ok(()),
                    Ok(Err((reason, _)))
                        if reason.is_about_dial() && Instant::now() + 2 * AGAIN < until =>
                    {
                        thread::park_timeout(AGAIN);
                    }
                    Ok(Err((reason, detail))) => {
                        break Err(format!("{}: {detail}", reason.label()));
                    }
                    Err(error) => break Err(error.to_string()),
                }
            };
            let _ = events.send(Event::Reached(reached));
        })
    }

    /// What forwards, to its end.
    pub(super) fn service(&self, running: Running) -> io::Result<()> {
        self.thread("service", move |events| {
            let what = running.wait().err().map(|error| error.to_string());
            let _ = events.send(Event::ServiceEnded(what));
        })
    }
}

/// Reads the first line of a stream and tells it; what was read behind it, if there is a line.
fn first_line(from: &mut impl Read, events: &Sender<Event>) -> Option<Vec<u8>> {
    let mut first = FirstLine::default();
    let mut piece = [0; PIECE];
    loop {
        let taken = match from.read(&mut piece) {
            Ok(count) => first.take(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Taken::More,
            Err(_) => Taken::Fault(Fault::Unreadable),
        };
        let (told, behind) = match taken {
            Taken::More => continue,
            Taken::Line(line, behind) => (Ok(line), Some(behind)),
            Taken::Fault(fault) => (Err(fault), None),
        };
        let _ = events.send(Event::Line(told));
        return behind;
    }
}
