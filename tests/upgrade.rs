//! Another process takes over, and nobody notices.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "upgrade/failures.rs"]
mod failures;
#[path = "upgrade/launcher.rs"]
mod launcher;
#[path = "upgrade/listeners.rs"]
mod listeners;
#[path = "upgrade/load.rs"]
mod load;
#[path = "upgrade/manager.rs"]
mod manager;
#[path = "upgrade/new.rs"]
mod new;
#[path = "upgrade/old.rs"]
mod old;
mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use support::backend::ping;

/// Writes a program of the shell's.
fn script(path: &Path, text: &str) {
    let text = format!("#!/bin/sh\n{text}\n");
    make(r#"printf %s "$2" >"$1""#, path, &text);
}

/// Makes a program of a file, as this does which gets the path and the other word. A process of its own has the
/// file open meanwhile: what another test starts at that moment would hold it open for longer if it was this one,
/// and nobody can start a program that is open for writing.
fn make(how: &str, path: &Path, word: &str) {
    let mut shell = Command::new("sh");
    let how = format!(r#"{how} && chmod 755 "$1""#);
    shell
        .args(["-c", &how, "sh"])
        .arg(path)
        .arg(word)
        .stdin(Stdio::null());
    assert!(shell.status().unwrap().success());
}
