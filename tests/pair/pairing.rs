//! A `pair` as a process, with what it writes.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mtls_persona::tls::authority::Purpose;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

use crate::support::access::Access;
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::peers::Gathered;
use crate::support::program::PROGRAM;
use crate::support::wait::{PATIENCE, until};

/// A running `pair`; killed when dropped.
pub struct Pairing {
    pub child: Child,
    pub out: Gathered,
    pub err: Gathered,
    /// Empty, but for what is told in there.
    pub folder: TempDir,
}

impl Pairing {
    /// Starts it before a command, with these flags.
    pub fn of(flags: &[&str], command: &[&str]) -> Pairing {
        Pairing::start(&[&["--address-file", "address"], flags, &["--"], command].concat())
    }

    /// Starts it before a script.
    pub fn script(flags: &[&str], script: &str) -> Pairing {
        Pairing::of(flags, &["sh", "-c", script])
    }

    /// Starts the whole chain, up to a plain service.
    pub fn chain(flags: &[&str], service: SocketAddr) -> Pairing {
        let outbound = service.to_string();
        let accept = [PROGRAM, "pair", "--accept", "--outbound", &outbound];
        Pairing::of(flags, &accept)
    }

    /// Starts it with these words. Its folders for whatever is lent are its own.
    pub fn start(words: &[&str]) -> Pairing {
        Pairing::by(PROGRAM, &[&["pair"], words].concat())
    }

    /// Starts it by way of a program that becomes it.
    pub fn by(program: &str, words: &[&str]) -> Pairing {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(program);
        command.args(words).current_dir(folder.path());
        command.env("TMPDIR", folder.path()).env_remove("RUST_LOG");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        Pairing {
            out: Gathered::of(child.stdout.take().unwrap()),
            err: Gathered::of(child.stderr.take().unwrap()),
            child,
            folder,
        }
    }

    /// A file in its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits for a file in its folder that has a line.
    pub fn told(&self, name: &str) -> String {
        until("a file", || {
            let text = fs::read_to_string(self.file(name)).ok();
            text.filter(|text| text.ends_with('\n'))
        })
        .trim_end()
        .to_owned()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.told("address").parse().unwrap()
    }

    /// A plain connection through it.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Where the inner half of a chain listens.
    pub fn inner(&self) -> SocketAddr {
        until("the inner half", || {
            let text = self.err.text();
            let line = text.lines().find(|line| line.contains("mode=server"))?;
            let (_, rest) = line.split_once("listening on ")?;
            rest.split(' ').next()?.parse().ok()
        })
    }

    /// Waits for a connection that has ended for that reason.
    pub fn access(&self, reason: &str) -> Access {
        until("an access line", || {
            let text = self.err.text();
            let mut accesses = text.lines().filter_map(Access::parse);
            accesses.find(|access| access.reason() == reason)
        })
    }

    pub fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    /// Waits for its end; its exit code.
    pub fn exit(&mut self) -> i32 {
        let status = until("the end of a pairing", || self.child.try_wait().unwrap());
        status.code().unwrap()
    }

    /// The process that it has started.
    pub fn started(&self) -> i32 {
        let path = format!("/proc/{0}/task/{0}/children", self.pid());
        until("a child", || {
            let children = fs::read_to_string(&path).unwrap();
            children.split_whitespace().next()?.parse().ok()
        })
    }
}

impl Drop for Pairing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("pair: {}", self.err.text());
        }
    }
}

/// Sends a signal to a process.
pub fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Whether a process is there and does anything.
pub fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits for the end of a process that is not ours.
pub fn until_gone(pid: i32) {
    until("the end of a process", || (!lives(pid)).then_some(()));
}

/// An identity of a test's own, as one end of a pairing has it.
pub fn identity(pki: &TestPki) -> IdentityFiles {
    pki.self_signed(Purpose::Both)
}

/// A file with the line that an end says which has that certificate and listens there.
pub fn said(files: &IdentityFiles, port: u16) -> PathBuf {
    let cert = fs::read_to_string(&files.cert).unwrap();
    let path = files.cert.with_extension("line");
    fs::write(
        &path,
        format!("{}\n", json!({ "cert": cert, "port": port })),
    )
    .unwrap();
    path
}

/// How a path is written in a script.
pub fn written(path: &Path) -> String {
    format!("'{}'", path.display())
}
