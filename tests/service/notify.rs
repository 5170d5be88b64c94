//! What the service manager is told, and when.

use std::net::TcpStream;
use std::process::Command;

use serde_json::json;

use super::ping;
use super::support::certs::TestPki;
use super::support::manager::{Manager, Told};
use super::support::program::Program;
use super::support::{backend, pairs};

/// How far a clock has come that a manager compares with.
fn monotonic_usec() -> i128 {
    match sd_notify::NotifyState::monotonic_usec_now().unwrap() {
        sd_notify::NotifyState::MonotonicUsec(now) => now,
        other => panic!("{other} is no time"),
    }
}

fn status(told: &Told) -> &str {
    told.get("STATUS").expect("it comes with a status")
}

#[test]
fn ready_is_the_first_word_and_told_when_every_pair_accepts() {
    let (pki, manager) = (TestPki::new(), Manager::new());
    let mut config = pairs::both(&pki, backend::echo());
    let inbound = pairs::lone_address();
    config["address_pairs"][0]["inbound"] = json!(inbound.to_string());
    let _program = Program::start(&config, |command| manager.manages(command));
    let told = manager.next();
    assert!(told.says("READY=1"), "{told:?}");
    assert_eq!(status(&told), "2 pairs, 0 connections live, generation 1");
    ping(&mut TcpStream::connect(inbound).unwrap());
}

#[test]
fn a_reload_is_told_with_its_time_and_its_end() {
    let (pki, manager) = (TestPki::new(), Manager::new());
    let config = pairs::both(&pki, backend::echo());
    let program = Program::run_with(&config, |command| manager.manages(command));
    manager.until("READY=1");
    let before = monotonic_usec();
    program.signal("HUP");
    let told = manager.until("RELOADING=1");
    let time: i128 = told.get("MONOTONIC_USEC").unwrap().parse().unwrap();
    assert!((before..=monotonic_usec()).contains(&time), "{told:?}");
    let told = manager.next();
    assert!(told.says("READY=1"), "{told:?}");
    assert!(status(&told).ends_with("generation 2"), "{told:?}");
}

#[test]
fn a_reload_that_is_refused_ends_too_and_the_status_says_so() {
    let (pki, manager) = (TestPki::new(), Manager::new());
    let config = pairs::both(&pki, backend::echo());
    let program = Program::run_with(&config, |command| manager.manages(command));
    manager.until("READY=1");
    program.reconfigure(&json!({}));
    program.signal("HUP");
    manager.until("RELOADING=1");
    let told = manager.until("READY=1");
    assert!(status(&told).contains("generation 1;"), "{told:?}");
    assert!(status(&told).contains("refused"), "{told:?}");
    program.reconfigure(&config);
    program.signal("HUP");
    let told = manager.until("READY=1");
    assert!(!status(&told).contains("refused"), "{told:?}");
}

#[test]
fn a_stop_is_told_at_its_begin_with_the_time_that_it_may_take() {
    let (pki, manager) = (TestPki::new(), Manager::new());
    let config = pairs::both(&pki, backend::echo());
    let config = pairs::with(config, "/timeouts/drain", "7m");
    let mut program = Program::run_with(&config, |command| manager.manages(command));
    let mut live = program.connect("persona");
    ping(&mut live);
    program.signal("TERM");
    let told = manager.until("STOPPING=1");
    // Both pairs are in this one process.
    assert_eq!(status(&told), "stopping: 2 connections live");
    let patience: u64 = told.get("EXTEND_TIMEOUT_USEC").unwrap().parse().unwrap();
    assert!(patience > 7 * 60 * 1_000_000, "{told:?}");
    ping(&mut live);
    drop(live);
    assert_eq!(program.exit().code(), Some(0));
}

#[test]
fn it_shows_that_it_lives_while_it_serves_and_while_it_drains() {
    let (pki, manager) = (TestPki::new(), Manager::new());
    let config = pairs::both(&pki, backend::echo());
    let program = Program::run_with(&config, |command| {
        manager.manages(command);
        command.env("WATCHDOG_USEC", "200000");
    });
    manager.until("READY=1");
    for _ in 0..5 {
        manager.until("WATCHDOG=1");
    }
    let mut live = program.connect("persona");
    ping(&mut live);
    program.signal("TERM");
    manager.until("STOPPING=1");
    for _ in 0..5 {
        manager.until("WATCHDOG=1");
    }
    ping(&mut live);
}

#[test]
fn a_watchdog_that_is_meant_for_another_process_hears_nothing() {
    let (pki, manager) = (TestPki::new(), Manager::new());
    let config = pairs::both(&pki, backend::echo());
    let mut program = Program::run_with(&config, |command| {
        manager.manages(command);
        command.env("WATCHDOG_USEC", "1000");
        command.env("WATCHDOG_PID", "1");
    });
    manager.until("READY=1");
    program.reload();
    program.signal("TERM");
    assert_eq!(program.exit().code(), Some(0));
    let rest = manager.rest();
    assert!(rest.iter().any(|told| told.says("STOPPING=1")), "{rest:?}");
    assert!(
        rest.iter().all(|told| told.get("WATCHDOG").is_none()),
        "{rest:?}"
    );
}

#[test]
fn a_manager_that_does_not_listen_keeps_nothing_from_running() {
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    let nowhere = pki.folder().join("nowhere");
    let change = |command: &mut Command| {
        command.env("NOTIFY_SOCKET", &nowhere);
        command.env("WATCHDOG_USEC", "100000");
    };
    let mut program = Program::run_with(&config, change);
    ping(&mut program.connect("persona"));
    program.reload();
    program.signal("TERM");
    assert_eq!(program.exit().code(), Some(0));
}
