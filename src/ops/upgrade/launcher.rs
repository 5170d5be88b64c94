//! The process that starts the new program, and what commands it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
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

/// Commands a launcher, which ends when this is dropped.
#[derive(Debug)]
pub(in crate::ops) struct Launcher {
    line: Line,
    process: Child,
}

impl Launcher {
    /// Starts one that can start this program again, and nothing else. Call it before the process is confined.
    pub(super) fn start(program: &Program) -> io::Result<Launcher> {
        let (line, end) = Line::pair()?;
        let mut command = Command::new(RUNNING);
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
        Ok(Launcher { line, process })
    }

    /// Has the program started, with this line as its standard input; its process number.
    pub(super) fn launch(&self, line: Line) -> Result<u32, String> {
        let end = line.into_end();
        let told = self
            .line
            .send(&Order::Start, Some(end.as_fd()), within(PATIENCE));
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
        let told = self.line.send(&Order::Keep, None, within(PATIENCE));
        if told.is_ok() {
            // So that the program is the service manager's child by the time that it is told of.
            let _ = self.process.wait();
        }
    }

    /// Has the program killed that was started last, if it still runs; how it has ended.
    pub(super) fn kill(&self) -> Result<String, String> {
        let told = self.line.send(&Order::Kill, None, within(PATIENCE));
        told.map_err(gone)?;
        match self.answer()? {
            Answer::Killed(how) => Ok(how),
            other => Err(format!("the launcher says {other:?}")),
        }
    }

    fn answer(&self) -> Result<Answer, String> {
        match self.line.receive(within(PATIENCE)) {
            Ok(Some((answer, _))) => Ok(answer),
            Ok(None) => Err(gone(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(gone(error)),
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
    let mut child: Option<Child> = None;
    while let Some((order, descriptor)) = line.receive(None)? {
        let answer = match (order, descriptor) {
            (Order::Start, Some(end)) => {
                let started = launch(path, words, Line::from_end(end));
                match started {
                    Ok(started) => Answer::Started(child.insert(started).id()),
                    Err(error) => {
                        Answer::NotStarted(format!("cannot start {}: {error}", path.display()))
                    }
                }
            }
            (Order::Start, None) => Answer::NotStarted("without a line to it".to_owned()),
            (Order::Keep, _) => return Ok(()),
            (Order::Kill, _) => Answer::Killed(end(child.take())),
        };
        line.send(&answer, None, None)?;
    }
    // Nobody would ever tell it to serve.
    end(child);
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
