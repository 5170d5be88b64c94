//! What becomes of the old process.

use std::io::{ErrorKind, Read};

use rustix::process::Signal;
use serde_json::Value;

use super::ping;
use super::support::certs::TestPki;
use super::support::succession::Line;
use super::support::wait::until;
use super::support::{backend, pairs};

fn config(drain: &str) -> Value {
    let pki = TestPki::new();
    // Its files are read by then, and they stay until the process of the test ends.
    let config = pairs::with(pairs::both(&pki, backend::echo()), "/timeouts/drain", drain);
    std::mem::forget(pki);
    config
}

#[test]
fn it_ends_with_zero_once_its_last_connection_has_ended() {
    let mut line = Line::run(&config("10m"));
    let mut live = line.program.connect("persona");
    ping(&mut live);
    let first = line.pids()[0];
    line.upgrade(first);
    ping(&mut live);
    drop(live);
    assert_eq!(line.program.exit().code(), Some(0));
    ping(&mut line.program.connect("persona"));
}

#[test]
fn the_drain_deadline_cuts_what_outlives_it() {
    let mut line = Line::run(&config("100ms"));
    let mut live = line.program.connect("persona");
    ping(&mut live);
    let first = line.pids()[0];
    line.upgrade(first);
    let cut = live.read(&mut [0; 1]).unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::ConnectionReset);
    assert_eq!(line.program.access("persona", 0).get("reason"), "drained");
    assert_eq!(line.program.exit().code(), Some(0));
}

#[test]
fn told_to_stop_it_goes_on_draining_and_told_again_it_ends() {
    let mut line = Line::run(&config("10m"));
    let mut live = line.program.connect("persona");
    ping(&mut live);
    let first = line.pids()[0];
    let second = line.upgrade(first);
    line.program.signal("TERM");
    until("the answer", || {
        line.program.has_line("told to stop").then_some(())
    });
    ping(&mut live);
    line.program.signal("USR2");
    line.program.signal("HUP");
    line.program.signal("TERM");
    assert_eq!(line.program.exit().code(), Some(0));
    assert_eq!((line.pids(), line.failures()), (vec![second], 0));
    ping(&mut line.program.connect("persona"));
    line.signal(second, Signal::TERM);
    until("the end of all", || line.pids().is_empty().then_some(()));
}

#[test]
fn ten_in_a_row_leave_one_program_and_one_launcher_with_what_the_first_ones_had() {
    let mut line = Line::run(&config("10m"));
    let has = |pid: u32, what: &str| {
        let entries = std::fs::read_dir(format!("/proc/{pid}/{what}")).unwrap();
        entries.count()
    };
    // Those of both, once nobody else is there and threads that end have ended.
    let counts = |line: &Line| {
        let (pids, launchers) = (line.pids(), line.launchers());
        let &[pid] = pids.as_slice() else { return None };
        let &[launcher] = launchers.as_slice() else {
            return None;
        };
        Some([has(pid, "fd"), has(pid, "task"), has(launcher, "fd")])
    };
    let mut last = line.pids()[0];
    // The first one has not been started by a launcher.
    last = line.upgrade(last);
    assert_eq!(line.program.exit().code(), Some(0));
    ping(&mut line.program.connect("persona"));
    let first = until("the old one's end", || counts(&line));
    for _ in 0..9 {
        last = line.upgrade(last);
        ping(&mut line.program.connect("persona"));
    }
    // What one leaves to the next would be there nine times by now. The first look may have seen what was about to
    // go: the line to the predecessor, a connection.
    until("no more than before", || {
        let now = counts(&line)?;
        let mut both = now.iter().zip(&first);
        both.all(|(now, first)| now <= first).then_some(())
    });
    assert_eq!(line.pids(), [last]);
}
