//! A process under test: started, measured from outside, and ended.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::clock;

/// How long a process may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take to end by itself.
const GRACE: Duration = Duration::from_secs(3);
/// How long nothing may change before all of its processes are believed to be there.
const SETTLING: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(20);

/// A running process with its children.
pub(crate) struct Subject {
    child: Child,
    log: PathBuf,
    pids: Vec<i32>,
    /// Where it listens.
    pub(crate) inbound: SocketAddr,
}

impl Subject {
    /// Starts `command` and waits until it listens. What it says goes into a file in `folder`.
    pub(crate) fn start(
        mut command: Command,
        folder: &Path,
        inbound: SocketAddr,
    ) -> io::Result<Subject> {
        let log = folder.join("log");
        let out = File::create(&log)?;
        command
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out);
        Subject::spawn(command, log, inbound)
    }

    /// As [`Subject::start`], for a command whose output is read by the caller.
    pub(crate) fn start_piped(mut command: Command, inbound: SocketAddr) -> io::Result<Subject> {
        command.stdin(Stdio::null());
        Subject::spawn(command, PathBuf::new(), inbound)
    }

    fn spawn(mut command: Command, log: PathBuf, inbound: SocketAddr) -> io::Result<Subject> {
        let child = command.spawn()?;
        let mut subject = Subject {
            child,
            log,
            pids: Vec::new(),
            inbound,
        };
        subject.wait_until_it_listens()?;
        Ok(subject)
    }

    fn wait_until_it_listens(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while TcpStream::connect_timeout(&self.inbound, PATIENCE).is_err() {
            if self.child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                let words = self.last_words();
                return Err(io::Error::other(format!("does not listen: {words}")));
            }
            std::thread::sleep(TICK);
        }
        // Some listen before they have all of their processes.
        loop {
            let before = std::mem::replace(&mut self.pids, family(self.child.id() as i32)?);
            if before == self.pids {
                return Ok(());
            }
            std::thread::sleep(SETTLING);
        }
    }

    /// The end of what it said.
    pub(crate) fn last_words(&self) -> String {
        let words = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = words.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// CPU time that it has spent, user and system, children included.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        self.pids.iter().map(|pid| clock::process(*pid)).sum()
    }

    /// As [`Subject::cpu`], for one whose children come and go: those that are there now, and those that
    /// have ended.
    pub(crate) fn cpu_with_ended(&self) -> io::Result<Duration> {
        let root = self.child.id() as i32;
        // One may end meanwhile, and is then among the ended ones if those are asked last.
        let there = family(root)?.into_iter().map(clock::process);
        let there: Duration = there.filter_map(Result::ok).sum();
        Ok(there + clock::ended_children(root)?)
    }

    /// The process and its children.
    pub(crate) fn pids(&self) -> &[i32] {
        &self.pids
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill(Pid::from_raw(self.child.id() as i32), signal)?)
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn end(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other("it does not end"));
            }
            std::thread::sleep(TICK);
        }
    }

    /// Memory that is its own, in KiB: what it shares with others counts in part (PSS).
    pub(crate) fn memory_kib(&self) -> io::Result<u64> {
        self.rollup_kib("Pss")
    }

    /// Memory that it has asked for itself, in KiB, in the main memory or swapped out: pages of files do not
    /// count, whose share changes as other processes of the same file come and go.
    pub(crate) fn anonymous_kib(&self) -> io::Result<u64> {
        Ok(self.rollup_kib("Pss_Anon")? + self.rollup_kib("SwapPss")?)
    }

    fn rollup_kib(&self, field: &str) -> io::Result<u64> {
        self.pids.iter().map(|pid| rollup_kib(*pid, field)).sum()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM);
        let begun = Instant::now();
        while begun.elapsed() < GRACE && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(TICK);
        }
        for pid in family(self.child.id() as i32).unwrap_or_default() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

fn rollup_kib(pid: i32, field: &str) -> io::Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let mut lines = rollup.lines();
    let rest = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kib.ok_or_else(|| io::Error::other(format!("no {field} in smaps_rollup")))
}

/// A process and its descendants.
fn family(root: i32) -> io::Result<Vec<i32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // A process may end while the list is read.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        // The name in parentheses may hold anything; the parent is the second field behind it.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields);
        let parent = fields.and_then(|fields| fields.split_whitespace().nth(1)?.parse().ok());
        parents.push((pid, parent.unwrap_or(0)));
    }
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(
            parents
                .iter()
                .filter(|(_, p)| *p == parent)
                .map(|(pid, _)| *pid),
        );
        at += 1;
    }
    Ok(found)
}
