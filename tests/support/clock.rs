//! A clock on the wall that a test sets, for one process: the system has one for the whole machine, and a
//! time namespace has none of its own.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::peers;

/// The clock of the processes that it was given to. Their other clocks go on as they are.
pub struct Clock {
    library: PathBuf,
    ahead: PathBuf,
    _folder: TempDir,
}

impl Clock {
    /// One that is right.
    pub fn new() -> Clock {
        let folder = TempDir::new().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/clock.c");
        let library = folder.path().join("clock.so");
        let ahead = folder.path().join("ahead");
        fs::write(&ahead, 0_i64.to_ne_bytes()).unwrap();
        // It links this program, too.
        let mut compiler = peers::command("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]);
        let made = compiler.arg(&library).arg(source).status().unwrap();
        assert!(made.success());
        Clock {
            library,
            ahead,
            _folder: folder,
        }
    }

    /// Lets a command have it.
    pub fn give(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library);
        command.env("CLOCK_AHEAD", &self.ahead);
    }

    /// Sets it: so many seconds from the right time.
    pub fn set(&self, seconds: i64) {
        let file = fs::File::options().write(true).open(&self.ahead).unwrap();
        file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }
}
