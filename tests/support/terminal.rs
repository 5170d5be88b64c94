//! A terminal of a test's own, and a program at it.

use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::program::PROGRAM;
use super::wait::until;

/// The program at a terminal; killed when dropped.
pub struct Terminal {
    child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Runs it with these arguments at a terminal of so many columns and rows, which knows colours.
    pub fn run(
        args: &[&str],
        columns: u16,
        rows: u16,
        change: impl FnOnce(&mut Command),
    ) -> Terminal {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let size = Winsize {
            ws_col: columns,
            ws_row: rows,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&ours, size).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = open(
            name,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        );
        let theirs = File::from(theirs.unwrap());
        let mut command = Command::new(PROGRAM);
        command
            .args(args)
            .env("TERM", "xterm")
            .env_remove("NO_COLOR");
        command
            .stdin(Stdio::null())
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs);
        change(&mut command);
        let child = command.spawn().unwrap();
        // It is the child's alone, and ends with it.
        drop(command);
        let mut ours = File::from(ours);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = ours.read(&mut piece) {
                sink.lock().unwrap().extend_from_slice(&piece[..count]);
            }
        });
        Terminal { child, shown }
    }

    /// What was written to it so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Waits until something is written to it, behind so many bytes.
    pub fn until(&self, behind: usize, text: &str) {
        until(&format!("{text:?} at the terminal"), || {
            let shown = self.text();
            shown.get(behind..)?.contains(text).then_some(())
        });
    }

    /// Sends what Ctrl-C sends, and returns the exit code.
    pub fn interrupt(&mut self) -> i32 {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.exit()
    }

    /// Waits for its end, and returns the exit code.
    pub fn exit(&mut self) -> i32 {
        let status = until("the end at the terminal", || self.child.try_wait().unwrap());
        status.code().unwrap()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
