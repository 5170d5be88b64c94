//! A program, and those that take over from it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::program::{PROGRAM, Program};
use super::wait::until;

/// A program that others take over from; all of them are killed when dropped.
pub struct Line {
    /// The first of them.
    pub program: Program,
    /// Where the program's file is: a link to it, until something else is put there.
    pub file: PathBuf,
    _folder: TempDir,
}

impl Line {
    /// Runs it and waits until it is ready.
    pub fn run(config: &Value) -> Line {
        Line::run_with(config, |_| {})
    }

    /// The same with a changed command.
    pub fn run_with(config: &Value, change: impl FnOnce(&mut Command)) -> Line {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("mtls-persona");
        std::os::unix::fs::symlink(PROGRAM, &file).unwrap();
        let program = Program::run_with(config, |command| {
            let mut own = Command::new(&file);
            own.args(command.get_args())
                .stdin(std::process::Stdio::null());
            *command = own;
            change(command);
        });
        Line {
            program,
            file,
            _folder: folder,
        }
    }

    /// Puts another file in the place of the program's.
    pub fn replace(&self, put: impl FnOnce(&Path)) {
        let newer = self.file.with_extension("newer");
        put(&newer);
        fs::rename(newer, &self.file).unwrap();
    }

    /// Those that run now, oldest first: their process numbers.
    pub fn pids(&self) -> Vec<u32> {
        self.processes()
            .into_iter()
            .filter(|(_, is_launcher)| !is_launcher)
            .map(|(pid, _)| pid)
            .collect()
    }

    /// The processes that start successors.
    pub fn launchers(&self) -> Vec<u32> {
        let launchers = self
            .processes()
            .into_iter()
            .filter(|(_, is_launcher)| *is_launcher);
        launchers.map(|(pid, _)| pid).collect()
    }

    /// All processes, by the configuration that is theirs alone, and whether they are launchers; oldest first.
    fn processes(&self) -> Vec<(u32, bool)> {
        let config = self.program.config.as_os_str().as_bytes();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().map_while(Result::ok) {
            let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
                continue;
            };
            let Ok(words) = fs::read(entry.path().join("cmdline")) else {
                continue;
            };
            let words: Vec<_> = words.split(|byte| *byte == 0).collect();
            let Some(start) = start(pid).filter(|_| words.contains(&config)) else {
                continue;
            };
            let is_launcher = words.get(1) == Some(&b"launcher".as_slice());
            found.push((start, pid, is_launcher));
        }
        found.sort_unstable();
        let found = found.into_iter();
        found
            .map(|(_, pid, is_launcher)| (pid, is_launcher))
            .collect()
    }

    /// How often one of them has begun to serve.
    pub fn served(&self) -> usize {
        let lines = self.program.lines();
        lines
            .iter()
            .filter(|line| line.contains("ready with "))
            .count()
    }

    /// Sends the process of that number a signal.
    pub fn signal(&self, pid: u32, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Lets the process of that number hand over, and waits until both know that another one serves: its number.
    pub fn upgrade(&self, pid: u32) -> u32 {
        let before = self.served();
        self.signal(pid, Signal::USR2);
        self.served_again(before)
    }

    /// Waits until one more than so many have begun to serve and the one before knows it: the newest one's number.
    pub fn served_again(&self, before: usize) -> u32 {
        until("a successor", || (self.served() > before).then_some(()));
        // The first one has succeeded nobody.
        until("its predecessor's knowledge of it", || {
            let lines = self.program.lines();
            let mut successors = lines.iter().filter_map(|line| successor(line));
            successors.nth(before - 1)
        })
    }

    /// How many upgrades have come to nothing.
    pub fn failures(&self) -> usize {
        let lines = self.program.lines();
        lines
            .iter()
            .filter(|line| line.contains("not upgraded: "))
            .count()
    }
}

/// The process that a line of the log tells to serve now.
fn successor(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("upgraded: process ")?;
    rest.strip_suffix(" serves")?.parse().ok()
}

/// When a process was started, in the clock ticks of field 22 of proc(5)'s `stat`; none once it is gone. Numbers of
/// processes do not tell who is older: they begin anew behind the last one.
fn start(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

impl Drop for Line {
    fn drop(&mut self) {
        for (pid, _) in self.processes() {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}
