//! A new program that does not come to serve changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::json;

use super::support::certs::TestPki;
use super::support::program::PROGRAM;
use super::support::succession::Line;
use super::support::wait::until;
use super::support::{backend, pairs};
use super::{make, ping, script};

/// An upgrade comes to nothing: what lives goes on, who comes is served, and by the same process.
fn fails(line: &Line) {
    let (pids, failures) = (line.pids(), line.failures());
    let mut live = line.program.connect("persona");
    ping(&mut live);
    line.program.signal("USR2");
    until("the failure", || (line.failures() > failures).then_some(()));
    ping(&mut live);
    ping(&mut line.program.connect("persona"));
    assert_eq!(line.pids(), pids);
}

fn run() -> (TestPki, Line) {
    let pki = TestPki::new();
    let line = Line::run(&pairs::both(&pki, backend::echo()));
    (pki, line)
}

/// Lets a script be in the program's place that writes its process number and then does this.
fn put(line: &Line, folder: &Path, text: &str) -> PathBuf {
    let told = folder.join("started");
    let text = format!("echo $$ > {0}.new; mv {0}.new {0}; {text}", told.display());
    line.replace(|path| script(path, &text));
    told
}

fn is_alive(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    status.is_ok_and(|status| !status.contains(") Z "))
}

#[test]
fn a_broken_configuration_changes_nothing_and_a_good_one_is_taken_up() {
    let (pki, line) = run();
    let config = pairs::both(&pki, backend::echo());
    line.program.reconfigure(&json!({}));
    fails(&line);
    fails(&line);
    // Its gateway is elsewhere, where nobody listens yet.
    line.program.reconfigure(&config);
    let first = line.pids()[0];
    assert_ne!(line.upgrade(first), first);
    ping(&mut line.program.connect("persona"));
}

#[test]
fn an_address_that_somebody_else_has_changes_nothing() {
    let (pki, line) = run();
    let taken = std::net::TcpListener::bind(pairs::lone_address()).unwrap();
    let config = pairs::both(&pki, backend::echo());
    let at = taken.local_addr().unwrap().to_string();
    line.program
        .reconfigure(&pairs::with(config, "/address_pairs/1/inbound", at));
    fails(&line);
}

#[test]
fn a_program_that_ends_at_once_or_cannot_be_started_changes_nothing() {
    let (pki, line) = run();
    put(&line, pki.folder(), "exit 3");
    fails(&line);
    line.replace(|path| fs::write(path, "no program").unwrap());
    fails(&line);
    fs::remove_file(&line.file).unwrap();
    fails(&line);
    std::os::unix::fs::symlink(PROGRAM, &line.file).unwrap();
    let first = line.pids()[0];
    line.upgrade(first);
    ping(&mut line.program.connect("persona"));
}

#[test]
fn a_program_that_never_gets_ready_is_killed_and_a_reload_waits_for_that() {
    let (pki, line) = run();
    let told = put(&line, pki.folder(), "exec sleep 1000");
    line.program.signal("USR2");
    let pid = until("its start", || fs::read_to_string(&told).ok());
    // Another one comes to nothing, and a reload comes behind.
    line.program.signal("USR2");
    line.program.signal("HUP");
    ping(&mut line.program.connect("persona"));
    assert_eq!((line.failures(), line.program.generation()), (0, 1));
    until("the failure", || (line.failures() == 1).then_some(()));
    until("the reload", || {
        (line.program.generation() == 2).then_some(())
    });
    assert!(!is_alive(&pid));
    ping(&mut line.program.connect("persona"));
}

#[test]
fn a_stop_meanwhile_ends_both() {
    let (pki, mut line) = run();
    let told = put(&line, pki.folder(), "exec sleep 1000");
    line.program.signal("USR2");
    let pid = until("its start", || fs::read_to_string(&told).ok());
    line.program.signal("TERM");
    assert_eq!(line.program.exit().code(), Some(0));
    until("its end", || (!is_alive(&pid)).then_some(()));
}

#[test]
fn who_is_killed_meanwhile_takes_the_new_one_along() {
    let (pki, line) = run();
    let told = put(&line, pki.folder(), "exec sleep 1000");
    line.program.signal("USR2");
    let pid = until("its start", || fs::read_to_string(&told).ok());
    line.program.signal("KILL");
    until("its end", || (!is_alive(&pid)).then_some(()));
}

/// The signals that a process has handlers for, the first one in the lowest bit.
fn caught(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap()
}

#[test]
fn signals_that_reach_every_process_of_it_leave_it_able_to_upgrade() {
    let (_pki, line) = run();
    let signals = [Signal::HUP, Signal::USR2, Signal::TERM, Signal::INT];
    let &[launcher] = line.launchers().as_slice() else {
        panic!("one launcher");
    };
    // It may have been started only just now.
    until("its handlers", || {
        let caught = caught(launcher);
        let all = signals
            .iter()
            .all(|signal| caught >> (signal.as_raw() - 1) & 1 == 1);
        all.then_some(())
    });
    for signal in signals {
        line.signal(launcher, signal);
    }
    let first = line.pids()[0];
    line.upgrade(first);
    ping(&mut line.program.connect("persona"));
}

#[test]
fn a_reload_with_another_program_in_its_place_upgrades_or_if_that_fails_reloads() {
    let (pki, mut line) = run();
    put(&line, pki.folder(), "exit 3");
    line.program.reload();
    assert_eq!((line.failures(), line.pids().len()), (1, 1));
    // The same program in another file.
    line.replace(|path| make(r#"cp "$2" "$1""#, path, PROGRAM));
    let before = line.served();
    line.program.signal("HUP");
    line.served_again(before);
    assert_eq!(line.program.exit().code(), Some(0));
    ping(&mut line.program.connect("persona"));
}
