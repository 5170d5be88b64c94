//! The program under test as a process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::access::Access;
use super::wait::{PATIENCE, until};

/// The program's file.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_mtls-persona");

/// A running program; killed when dropped.
pub struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    /// Where its configuration lies; rewrite it before a reload.
    pub config: PathBuf,
    _folder: TempDir,
}

impl Program {
    /// Runs it with that configuration and waits until it is ready.
    pub fn run(config: &Value) -> Program {
        Program::run_with(config, |_| {})
    }

    /// As [`Program::run`], with a changed command (environment, limits by a wrapper, …).
    pub fn run_with(config: &Value, change: impl FnOnce(&mut Command)) -> Program {
        Program::start(config, change).ready()
    }

    fn ready(mut self) -> Program {
        until("the program to be ready", || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended with {status}: {:#?}", self.lines());
            }
            self.has_line("ready with ").then_some(())
        });
        self
    }

    /// Runs it on files in any form: the arguments, and the files by name in a folder that it is started
    /// in. The first file is its configuration. Waits until it is ready.
    pub fn run_files(args: &[&str], files: &[(&str, String)]) -> Program {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut command = Command::new(PROGRAM);
        command.args(args).current_dir(folder.path());
        command.stdin(Stdio::null());
        let config = folder.path().join(files[0].0);
        Program::spawn(command, config, folder).ready()
    }

    /// Runs a command of it on files of the test's own, and waits until it is ready.
    pub fn run_command(command: Command, config: PathBuf) -> Program {
        Program::spawn(command, config, TempDir::new().unwrap()).ready()
    }

    /// Starts it and does not wait.
    pub fn start(config: &Value, change: impl FnOnce(&mut Command)) -> Program {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("mtls-persona.json");
        fs::write(&path, config.to_string()).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("--config").arg(&path);
        command.stdin(Stdio::null());
        change(&mut command);
        Program::spawn(command, path, folder)
    }

    fn spawn(mut command: Command, config: PathBuf, folder: TempDir) -> Program {
        command.stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let sink = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                sink.lock().unwrap().push(line);
            }
        });
        Program {
            child,
            lines,
            config,
            _folder: folder,
        }
    }

    /// What it has written to standard error so far.
    pub fn lines(&self) -> Vec<String> {
        // Who panics while looking at them wants them told all the same.
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }

    /// Whether a line with that text was written.
    pub fn has_line(&self, text: &str) -> bool {
        self.lines
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains(text))
    }

    /// How many lines say that something is wrong.
    pub fn errors(&self) -> usize {
        let lines = self.lines.lock().unwrap();
        let told = [" ERROR ", "level=ERROR ", "\"level\":\"ERROR\""];
        let is_error = |line: &&String| told.iter().any(|told| line.contains(told));
        lines.iter().filter(is_error).count()
    }

    /// How many loads it has told to be refused, each behind all that was wrong with it.
    pub fn refusals(&self) -> usize {
        let lines = self.lines.lock().unwrap();
        let is_last = |line: &&String| line.contains("not reloaded: generation ");
        lines.iter().filter(is_last).count()
    }

    /// The load that serves new connections, counted from 1.
    pub fn generation(&self) -> u64 {
        let lines = self.lines.lock().unwrap();
        let mut newest_first = lines.iter().rev();
        let number = newest_first.find_map(|line| {
            let (_, rest) = line.split_once("reloaded: generation ")?;
            rest.split(' ').next()?.parse().ok()
        });
        number.unwrap_or(1)
    }

    /// Puts another configuration in the place of its own, in one step.
    pub fn reconfigure(&self, config: &Value) {
        let newer = self.config.with_extension("newer");
        fs::write(&newer, config.to_string()).unwrap();
        fs::rename(newer, &self.config).unwrap();
    }

    /// Lets it reload, and waits until it has.
    pub fn reload(&self) {
        let before = self.generation();
        self.signal("HUP");
        until("the reload", || (self.generation() > before).then_some(()));
    }

    /// Lets it reload, and waits until it has told what keeps it from that.
    pub fn refuse_reload(&self) {
        let before = self.refusals();
        self.signal("HUP");
        until("the refusal", || (self.refusals() > before).then_some(()));
    }

    /// Where the pair of that name listens.
    pub fn addr(&self, pair: &str) -> SocketAddr {
        let names = [
            format!(" pair={pair:?} "),
            format!(" pair={pair} "),
            format!("\"pair\":{pair:?},"),
        ];
        // It is among the first, and there may be a hundred thousand.
        let lines = self.lines.lock().unwrap();
        let line = lines
            .iter()
            .find(|l| l.contains("listening on ") && names.iter().any(|name| l.contains(name)));
        let line = line.unwrap_or_else(|| panic!("{pair} does not listen: {lines:#?}"));
        let (_, rest) = line.split_once("listening on ").unwrap();
        let address = rest.split([' ', '"']).next().unwrap();
        address.parse().unwrap()
    }

    /// The first port where it tells that of itself: `everything`, `health` or `metrics`.
    pub fn admin(&self, what: &str) -> SocketAddr {
        let names = [format!(" admin={what}"), format!("\"admin\":{what:?}")];
        let lines = self.lines.lock().unwrap();
        let line = lines
            .iter()
            .filter(|line| !line.contains("listening on unix:"))
            .find(|l| l.contains("listening on ") && names.iter().any(|name| l.contains(name)));
        let line = line.unwrap_or_else(|| panic!("{what} is not told: {lines:#?}"));
        let (_, rest) = line.split_once("listening on ").unwrap();
        rest.split([' ', '"']).next().unwrap().parse().unwrap()
    }

    /// A connection to the pair of that name, with time-outs on reads and writes.
    pub fn connect(&self, pair: &str) -> TcpStream {
        let stream = TcpStream::connect(self.addr(pair)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The access log of a pair so far.
    pub fn accesses(&self, pair: &str) -> Vec<Access> {
        let lines = self.lines.lock().unwrap();
        let accesses = lines.iter().filter_map(|line| Access::parse(line));
        accesses
            .filter(|access| access.get("pair") == pair)
            .collect()
    }

    /// Waits for the pair's access line number `index` (from 0).
    pub fn access(&self, pair: &str, index: usize) -> Access {
        until("an access line", || self.accesses(pair).get(index).cloned())
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let signal = match name {
            "HUP" => Signal::HUP,
            "INT" => Signal::INT,
            "KILL" => Signal::KILL,
            "TERM" => Signal::TERM,
            "USR2" => Signal::USR2,
            other => panic!("no test sends {other}"),
        };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub fn exit(&mut self) -> ExitStatus {
        until("the program's end", || self.child.try_wait().unwrap())
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .unwrap()
            .count()
    }

    /// Its resident memory in KiB.
    pub fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            for line in self.lines() {
                eprintln!("program: {line}");
            }
        }
    }
}

/// Puts the command behind a shell that lowers its descriptor limit.
pub fn with_descriptors(command: &mut Command, limit: usize) {
    let mut shell = Command::new("sh");
    let script = format!("ulimit -n {limit} && exec \"$@\"");
    shell.args(["-c", &script, "sh"]).arg(command.get_program());
    shell.args(command.get_args());
    shell.stdin(Stdio::null()).stderr(Stdio::piped());
    *command = shell;
}

/// Runs the program to its end: exit code, standard output, standard error.
pub fn outcome(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(PROGRAM).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
