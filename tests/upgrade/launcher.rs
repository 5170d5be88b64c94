//! The process that starts the new one, with whoever commands it being the test itself.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

use super::new::{hear, say};
use super::script;
use super::support::program::PROGRAM;
use super::support::wait::until;

/// A launcher of a script that writes its process number behind those before and stays.
struct Launcher {
    line: OwnedFd,
    process: Child,
    folder: TempDir,
}

fn line() -> (OwnedFd, OwnedFd) {
    let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    socketpair(AddressFamily::UNIX, kind, flags, None).unwrap()
}

impl Launcher {
    fn start() -> Launcher {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("program");
        let told = folder.path().join("started");
        let text = format!("echo $$ >> {}; exec sleep 1000", told.display());
        script(&file, &text);
        let (line, end) = line();
        let mut command = Command::new(PROGRAM);
        command.arg("launcher").arg(&file).arg("--").arg("program");
        command.stdin(end).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        Launcher {
            line,
            process,
            folder,
        }
    }

    /// Orders a start, whose answer is still to come.
    fn order_start(&self, number: u64) {
        let (_, end) = line();
        say(&self.line, &json!([number, "Start"]), Some(end.as_fd()));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Lets it do nothing until it is continued.
    fn stop(&self) {
        self.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.process.id());
        until("its stop", || {
            let stat = fs::read_to_string(&stat).unwrap();
            stat.contains(") T ").then_some(())
        });
    }

    /// Those that it has started, and that run.
    fn running(&self) -> Vec<String> {
        let told = fs::read_to_string(self.folder.path().join("started")).unwrap_or_default();
        let pids = told.lines().map(str::to_owned);
        pids.filter(|pid| Path::new(&format!("/proc/{pid}")).exists())
            .collect()
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        for pid in self.running() {
            let _ = Command::new("kill").args(["-9", &pid]).status();
        }
    }
}

#[test]
fn it_lets_one_program_run_at_a_time_however_often_it_is_asked() {
    let launcher = Launcher::start();
    for number in 1..=5 {
        launcher.order_start(number);
        let answer = hear(&launcher.line);
        assert_eq!(answer[0], json!(number));
        let pid = answer[1]["Started"].as_u64().unwrap();
        until("its start", || {
            (launcher.running() == [pid.to_string()]).then_some(())
        });
    }
}

#[test]
fn one_that_nobody_hears_the_answer_of_leaves_no_program_behind() {
    let mut launcher = Launcher::start();
    launcher.order_start(1);
    hear(&launcher.line);
    until("its start", || launcher.running().pop());
    // It has an order still, and by the time that it comes to it nobody to answer to.
    launcher.stop();
    say(&launcher.line, &json!([2, "Start"]), None);
    let (line, _) = line();
    drop(std::mem::replace(&mut launcher.line, line));
    launcher.signal(Signal::CONT);
    until("its end", || launcher.process.try_wait().unwrap());
    assert_eq!(launcher.running(), <[String; 0]>::default());
}

#[test]
fn one_whose_answer_nobody_has_read_leaves_no_program_behind() {
    let mut launcher = Launcher::start();
    launcher.order_start(1);
    until("its start", || launcher.running().pop());
    until("its answer", || {
        let mut ends = [PollFd::new(&launcher.line, PollFlags::IN)];
        (poll(&mut ends, Some(&Timespec::default())).unwrap() == 1).then_some(())
    });
    let (line, _) = line();
    drop(std::mem::replace(&mut launcher.line, line));
    until("its end", || launcher.process.try_wait().unwrap());
    assert_eq!(launcher.running(), <[String; 0]>::default());
}
