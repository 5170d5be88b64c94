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

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use support::backend::ping;

/// Writes a program of the shell's.
fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
