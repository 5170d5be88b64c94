//! Servers of others that a test starts for itself.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::wait::{PATIENCE, until};

/// A server in the foreground, its output in a file; ended when dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
    /// How it is asked to end at once.
    stop: Signal,
}

impl Daemon {
    /// Starts it and waits until `is_ready`. Its output goes to `log`.
    pub fn start(
        mut command: Command,
        log: &Path,
        stop: Signal,
        mut is_ready: impl FnMut() -> bool,
    ) -> Daemon {
        let output = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null());
        command.stdout(output.try_clone().unwrap()).stderr(output);
        let mut daemon = Daemon {
            child: command.spawn().unwrap(),
            log: log.to_owned(),
            stop,
        };
        until("a server to be ready", || {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                panic!("{command:?} ended with {status}; if it lacks a part, run .ci/prepare test");
            }
            is_ready().then_some(())
        });
        daemon
    }

    /// Ends it and waits until it is gone, with force if it takes too long.
    pub fn stop(&mut self) {
        let start = Instant::now();
        let pid = Pid::from_child(&self.child);
        while let Ok(None) = self.child.try_wait() {
            let is_late = start.elapsed() > PATIENCE;
            let signal = if is_late { Signal::KILL } else { self.stop };
            // Asked again: a signal that comes before its handler is lost.
            let _ = kill_process(pid, signal);
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            for line in log.lines() {
                eprintln!("server: {line}");
            }
        }
    }
}

/// A program in one of these folders or on PATH.
pub fn tool(name: &str, folders: &[PathBuf]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = folders.iter().cloned().chain(std::env::split_paths(&path));
    let mut files = folders.map(|folder| folder.join(name));
    let file = files.find(|file| file.is_file());
    file.unwrap_or_else(|| panic!("{name} is not installed: run .ci/prepare test"))
}

/// A port that nobody listens on, below those that the system gives to outgoing connections: a
/// server that is away for a while finds it free again, and no dial to it meets itself.
pub fn lasting_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + 16 * (std::process::id() % 1_250);
    let first = u16::try_from(first).unwrap();
    loop {
        let port = first + TAKEN.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
