//! A service manager, as far as the program can tell: a socket that it writes to.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use tempfile::TempDir;

use super::wait::PATIENCE;

/// Takes what a program tells.
pub struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _folder: TempDir,
}

/// One message: assignments, a line each.
#[derive(Debug)]
pub struct Told(Vec<String>);

impl Told {
    /// What is assigned to a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut assignments = self.0.iter().filter_map(|line| line.split_once('='));
        assignments
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// Whether that line is in it.
    pub fn says(&self, line: &str) -> bool {
        self.0.iter().any(|own| own == line)
    }
}

impl Manager {
    /// Listens in a folder of its own.
    pub fn new() -> Manager {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager {
            socket,
            path,
            _folder: folder,
        }
    }

    /// Lets a command tell this manager.
    pub fn manages(&self, command: &mut Command) {
        command.env("NOTIFY_SOCKET", &self.path);
    }

    /// The next message.
    pub fn next(&self) -> Told {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("nothing is told");
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        Told(text.lines().map(str::to_owned).collect())
    }

    /// The next message with that line in it.
    pub fn until(&self, line: &str) -> Told {
        let start = Instant::now();
        loop {
            let told = self.next();
            if told.says(line) {
                return told;
            }
            assert!(start.elapsed() < PATIENCE, "waited in vain for {line}");
        }
    }

    /// All messages that are there now.
    pub fn rest(&self) -> Vec<Told> {
        self.socket.set_nonblocking(true).unwrap();
        let mut rest = Vec::new();
        let mut bytes = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut bytes) {
            let text = std::str::from_utf8(&bytes[..length]).unwrap();
            rest.push(Told(text.lines().map(str::to_owned).collect()));
        }
        rest
    }
}
