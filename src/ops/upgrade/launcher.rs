//! The process that starts the new program, and what commands it.

use std::cell::Cell;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

use super::line::{Line, within};
use super::predecessor::MARK;
use super::program::{Program, RUNNING};

/// The command by which this program becomes a launcher.
const COMMAND: &str = "launcher";

/// For what takes it no time at all.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize, Deserialize)]
enum Order {
    /// Start it, with the descriptor that comes along as its standard input.
    Start,
    /// It serves: leave it alone, and end.
    Keep,
    /// Kill it.
    Kill,
}

#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Started(u32),
    NotStarted(String),
    Killed(String),
}

/// An order or an answer. An answer has its order's number, as it may come when nobody waits for it any more.
type Numbered<T> = (u64, T);

/// Commands a launcher, which ends when this is dropped.
#[derive(Debug)]
pub(in crate::ops) struct Launcher {
    line: Line,
    process: Child,
    /// The number of the last order.
    last: Cell<u64>,
}

impl Launcher {
    /// Starts one that can start this program again, and nothing else. Call it before the process is confined.
    pub(super) fn start(program: &Program) -> io::Result<Launcher> {
        let (line, end) = Line::pair()?;
        let mut command = Command::new(RUNNING);
        if let Some(called) = program.words.first() {
            // What is shown to whoever lists processes.
            command.arg0(called);
        }
        command.arg(COMMAND).arg(&program.path).arg("--");
        command.args(&program.words).stdin(end.into_end());
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", MARK.0] {
            command.env_remove(name);
        }
        // The new one will be watched in place of this one.
        let own = std::process::id().to_string();
        if env::var_os("WATCHDOG_PID").is_some_and(|pid| pid == OsStr::new(&own)) {
            command.env_remove("WATCHDOG_PID");
        }
        let process = command.spawn()?;
        let last = Cell::new(0);
        Ok(Launcher {
            line,
            process,
            last,
        })
    }

    /// Has the program started, with this line as its standard input; its process number.
    pub(super) fn launch(&self, line: Line) -> Result<u32, String> {
        let end = line.into_end();
        let told = self.tell(Order::Start, Some(end.as_fd()));
        // Who waits for the program's end waits for the end of this one too.
        drop(end);
        told.map_err(gone)?;
        match self.answer()? {
            Answer::Started(pid) => Ok(pid),
            Answer::NotStarted(why) | Answer::Killed(why) => Err(why),
        }
    }

    /// Leaves the program that was started last to itself.
    pub(super) fn keep(mut self) {
        if self.tell(Order::Keep, None).is_ok() {
            // So that the program is the service manager's child by the time that it is told of.
            let _ = self.process.wait();
        }
    }

    /// Has the program killed that was started last, if it still runs; how it has ended.
    pub(super) fn kill(&self) -> Result<String, String> {
        self.tell(Order::Kill, None).map_err(gone)?;
        match self.answer()? {
            Answer::Killed(how) => Ok(how),
            other => Err(format!("the launcher says {other:?}")),
        }
    }

    fn tell(&self, order: Order, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        self.last.update(|last| last + 1);
        let order: Numbered<Order> = (self.last.get(), order);
        self.line.send(&order, descriptor, within(PATIENCE))
    }

    /// The answer to the last order; those that come late for others are nobody's.
    fn answer(&self) -> Result<Answer, String> {
        let until = within(PATIENCE);
        loop {
            match self.line.receive::<Numbered<Answer>>(until) {
                Ok(Some(((number, answer), _))) if number == self.last.get() => return Ok(answer),
                Ok(Some(_)) => {}
                Ok(None) => return Err(gone(io::ErrorKind::UnexpectedEof.into())),
                Err(error) => return Err(gone(error)),
            }
        }
    }
}

fn gone(error: io::Error) -> String {
    format!("the process that would start it does not answer ({error}): restart this program")
}

/// Is the launcher of the program at `path`, until who commands it is gone.
///
/// # Errors
/// What the system says.
pub fn serve(path: &OsStr, words: &[OsString]) -> io::Result<()> {
    // Signals are for the program, whoever sends them to all processes of its name or of its terminal.
    for signal in [SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    let line = Line::of_stdin()?;
    let mut child = None;
    let obeyed = obey(&line, (path, words), &mut child);
    // Nobody would ever tell it to serve.
    end(child);
    obeyed
}

/// Does what it is told until nobody tells anything any more. What is to go on by itself is no child then.
fn obey(
    line: &Line,
    (path, words): (&OsStr, &[OsString]),
    child: &mut Option<Child>,
) -> io::Result<()> {
    while let Some(((number, order), descriptor)) = line.receive::<Numbered<Order>>(None)? {
        let answer = match (order, descriptor) {
            (Order::Start, Some(new_line)) => {
                // Whoever has broken into the program gets one at a time, and not as many as there can be.
                end(child.take());
                let started = launch(path, words, Line::from_end(new_line));
                match started {
                    Ok(started) => Answer::Started(child.insert(started).id()),
                    Err(error) => {
                        Answer::NotStarted(format!("cannot start {}: {error}", path.display()))
                    }
                }
            }
            (Order::Start, None) => Answer::NotStarted("without a line to it".to_owned()),
            (Order::Keep, _) => {
                drop(child.take());
                return Ok(());
            }
            (Order::Kill, _) => Answer::Killed(end(child.take())),
        };
        let answer: Numbered<Answer> = (number, answer);
        line.send(&answer, None, None)?;
    }
    Ok(())
}

fn launch(path: &OsStr, words: &[OsString], line: Line) -> io::Result<Child> {
    let mut command = Command::new(path);
    if let Some((called, words)) = words.split_first() {
        command.arg0(called).args(words);
    }
    let stdin = Stdio::from(line.into_end());
    command.stdin(stdin).env(MARK.0, MARK.1).spawn()
}

/// How it has ended.
fn end(child: Option<Child>) -> String {
    let Some(mut child) = child else {
        return "was not there".to_owned();
    };
    let ended = match child.try_wait() {
        Ok(None) => child.kill().and_then(|()| child.wait()),
        Ok(Some(status)) => Ok(status),
        Err(error) => Err(error),
    };
    match ended {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_comes_late_is_not_taken_for_that_of_another_order() {
        let (line, other) = Line::pair().unwrap();
        // It ends by itself, and nobody asks it anything.
        let mut process = Command::new(RUNNING);
        let process = process.arg("--list").stdout(Stdio::null()).spawn();
        let launcher = Launcher {
            line,
            process: process.unwrap(),
            last: Cell::new(1),
        };
        // It took so long to start the program that nobody waits for it.
        let late: Numbered<_> = (1, Answer::Started(7));
        other.send(&late, None, None).unwrap();
        let killed: Numbered<_> = (2, Answer::Killed("well".to_owned()));
        other.send(&killed, None, None).unwrap();
        assert_eq!(launcher.kill().as_deref(), Ok("well"));
        let (_, end) = Line::pair().unwrap();
        let started: Numbered<_> = (3, Answer::Started(8));
        other.send(&started, None, None).unwrap();
        assert_eq!(launcher.launch(end), Ok(8));
    }
}
