//! Whether a file was read.

use std::io::ErrorKind;
use std::path::Path;

use inotify::{Inotify, WatchMask};

use super::wait::until;

/// Notes that somebody has read a file.
pub struct Reads {
    inotify: Inotify,
}

impl Reads {
    /// From now on, and whatever the file will be called.
    pub fn of(file: &Path) -> Reads {
        let inotify = Inotify::init().unwrap();
        // Whoever writes closes it in another way.
        let mask = WatchMask::CLOSE_NOWRITE;
        inotify.watches().add(file, mask).unwrap();
        Reads { inotify }
    }

    /// Waits until it was read, since the last time that this was asked.
    pub fn wait(&mut self) {
        let mut buffer = [0; 4096];
        until("a file to be read", || {
            match self.inotify.read_events(&mut buffer) {
                Ok(mut events) => events.next().map(drop),
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Err(error) => panic!("{error}"),
            }
        });
    }
}
