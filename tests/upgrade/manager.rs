//! What the service manager is told.

use serde_json::json;

use super::ping;
use super::support::certs::TestPki;
use super::support::manager::Manager;
use super::support::succession::Line;
use super::support::{backend, pairs};

#[test]
fn it_is_told_of_the_new_process_by_the_old_one_and_then_by_the_new_one_alone() {
    let (pki, manager) = (TestPki::new(), Manager::new());
    let config = pairs::both(&pki, backend::echo());
    let config = pairs::with(config, "/timeouts/drain", "10m");
    let line = Line::run_with(&config, |command| {
        // The number of the process is known to the shell alone.
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", r#"WATCHDOG_PID=$$ exec "$@""#, "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        shell.env("WATCHDOG_USEC", "200000");
        manager.manages(&mut shell);
        *command = shell;
    });
    manager.until("READY=1");
    manager.until("WATCHDOG=1");
    let mut live = line.program.connect("persona");
    ping(&mut live);
    let first = line.pids()[0];
    let second = line.upgrade(first);
    manager.until("RELOADING=1");
    let told = manager.until(&format!("MAINPID={second}"));
    assert!(told.says("READY=1"), "{told:?}");
    let told = manager.until("READY=1");
    assert_eq!(
        told.get("STATUS"),
        Some("2 pairs, 0 connections live, generation 1")
    );
    // The old one tells nothing more, as the new one may not be taken for stopping.
    line.program.signal("TERM");
    for _ in 0..5 {
        let told = manager.until("WATCHDOG=1");
        assert!(
            told.get("STATUS")
                .is_none_or(|status| !status.contains("stopping"))
        );
    }
    assert!(manager.rest().iter().all(|told| !told.says("STOPPING=1")));
    ping(&mut live);
}

#[test]
fn one_that_fails_is_told_to_have_ended() {
    let (pki, manager) = (TestPki::new(), Manager::new());
    let config = pairs::both(&pki, backend::echo());
    let line = Line::run_with(&config, |command| manager.manages(command));
    manager.until("READY=1");
    line.program.reconfigure(&json!({}));
    line.program.signal("USR2");
    manager.until("RELOADING=1");
    let told = manager.until("READY=1");
    assert!(told.get("MAINPID").is_none(), "{told:?}");
    ping(&mut line.program.connect("persona"));
}
