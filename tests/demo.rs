//! The demonstration shows what it promises, and leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};

use support::program::PROGRAM;
use support::wait::{PATIENCE, until};
use tempfile::TempDir;

/// A running demonstration with a folder for its temporary files; killed when dropped.
struct Demo {
    child: Child,
    lines: Receiver<String>,
    shown: String,
    folder: TempDir,
}

impl Demo {
    fn start(args: &[&str]) -> Demo {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("demo").args(args);
        command.env("TMPDIR", folder.path()).env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::sync_channel(256);
        std::thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok);
            lines.for_each(|line| drop(sender.send(line)));
        });
        Demo {
            child,
            lines,
            shown: String::new(),
            folder,
        }
    }

    /// Reads on until a line begins so, spaces aside; the rest of that line.
    fn line(&mut self, beginning: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no {beginning:?} in\n{}", self.shown));
            self.shown += &line;
            self.shown.push('\n');
            if let Some(rest) = line.trim_start().strip_prefix(beginning) {
                return rest.trim().to_owned();
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end: the exit code and standard error.
    fn end(&mut self) -> (ExitStatus, String) {
        let status = until("the end", || self.child.try_wait().unwrap());
        let mut errors = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut errors).unwrap();
        (status, errors)
    }

    fn left(&self) -> usize {
        fs::read_dir(self.folder.path()).unwrap().count()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_shows_what_was_negotiated_who_was_there_and_how_fast_it_was() {
    let mut demo = Demo::start(&[]);
    assert_eq!(demo.line("version "), "TLSv1.3");
    assert!(demo.line("suite ").starts_with("TLS_"));
    assert_eq!(demo.line("group "), "X25519");

    demo.line("the persona, as the gateway saw it");
    assert_eq!(demo.line("subject "), "CN=persona");
    assert_eq!(demo.line("SANs "), "URI:spiffe://demo.example/persona");
    assert_eq!(demo.line("issuer "), "CN=throw-away authority");
    assert!(demo.line("ends in ").ends_with(" days"));

    demo.line("the gateway, as the persona saw it");
    assert_eq!(demo.line("subject "), "CN=gateway.demo.example");
    assert_eq!(demo.line("SANs "), "DNS:gateway.demo.example");
    assert_eq!(demo.line("issuer "), "CN=throw-away authority");

    demo.line("5. 256 MiB there and back");
    let throughput = demo.line("");
    assert!(throughput.contains(" MiB/s each way"), "{throughput}");

    let during = demo.line("that transfer went on with ");
    let after = demo.line("new connections are made by ");
    assert!(during.starts_with("serial ") && after.starts_with("serial "));
    assert_ne!(during, after, "the certificate changed");

    demo.line("Done");
    let (status, errors) = demo.end();
    assert!(status.success(), "{status}: {errors}");
    assert_eq!(errors, "", "nothing is logged unless RUST_LOG asks for it");
    assert_eq!(demo.left(), 0, "nothing stays in the temporary folder");
}

#[test]
fn kept_it_can_be_reached_as_it_says_until_it_is_told_to_stop() {
    let mut demo = Demo::start(&["--keep"]);
    let address = demo.line("nc ").replace(' ', ":");
    let address: SocketAddr = address.parse().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"a line\n").unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"a line\n");
    drop(stream);

    let folder = demo.line("ls ");
    assert_eq!(mode(Path::new(&folder)), 0o700);
    assert_eq!(mode(&Path::new(&folder).join("persona.key")), 0o600);
    demo.signal("TERM");
    demo.line("Done");
    let (status, errors) = demo.end();
    assert!(status.success(), "{status}: {errors}");
    assert_eq!(demo.left(), 0, "nothing stays in the temporary folder");
}

#[test]
fn a_signal_in_the_midst_of_it_leaves_nothing_behind() {
    let mut demo = Demo::start(&[]);
    demo.line("2. ");
    demo.signal("INT");
    let (status, errors) = demo.end();
    // It may have been done with everything just before.
    if !status.success() {
        assert_eq!(
            status.code(),
            Some(1),
            "it was not the signal that ended it"
        );
        assert_eq!(errors, "mtls-persona: demo: interrupted\n");
    }
    assert_eq!(demo.left(), 0, "nothing stays in the temporary folder");
}

#[test]
fn without_a_place_for_its_folder_it_says_so() {
    let mut demo = Command::new(PROGRAM);
    demo.arg("demo").env("TMPDIR", "/nonexistent");
    let output = demo.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("making the temporary folder"), "{errors}");
    assert!(errors.contains("/nonexistent"), "{errors}");
}
