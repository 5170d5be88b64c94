//! A test in a process of its own: its environment, and what it breaks in its TLS library, is no other's.

use std::ffi::OsStr;
use std::process::Command;

/// Runs one of these tests once more, alone and with that in its environment, by which it knows that it is.
#[track_caller]
pub fn once_more(test: &str, environment: &[(&str, &OsStr)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--include-ignored"]);
    command.envs(environment.iter().copied());
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 passed"), "{told}");
}
