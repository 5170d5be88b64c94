//! The log: its forms, and what becomes of it where nobody reads.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::certs::TestPki;
use support::program::{PROGRAM, Program};
use support::wait::PATIENCE;
use support::{backend, pairs};

/// A client and a gateway in one, with an echo behind them and that form of log.
fn both_with(pki: &TestPki, format: &str) -> Value {
    let config = pairs::both(pki, backend::echo());
    pairs::with(config, "/log", json!({ "format": format }))
}

fn ping(stream: &mut TcpStream) {
    stream.write_all(b"hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"hello");
}

#[test]
fn in_json_every_line_is_an_object_and_an_access_tells_numbers_as_such() {
    let pki = TestPki::new();
    let mut program = Program::run(&both_with(&pki, "json"));
    ping(&mut program.connect("persona"));
    program.access("persona", 0);
    program.access("gateway", 0);
    program.signal("TERM");
    assert!(program.exit().success());
    let objects: Vec<Value> = program
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for object in &objects {
        for key in ["time", "level", "msg"] {
            assert!(object[key].is_string(), "{object}");
        }
    }
    let mut accesses = objects.iter().filter(|object| object["msg"] == "access");
    let access = accesses.find(|access| access["pair"] == "gateway").unwrap();
    assert_eq!(access["level"], "INFO");
    assert_eq!(access["bytes_outward"], 5);
    assert_eq!(access["reason"], "completed");
    assert_eq!(access["inbound_version"], "TLSv1.3");
    assert!(access["inbound_subject"].is_string());
}

#[test]
fn in_logfmt_lines_begin_with_time_level_and_msg() {
    let pki = TestPki::new();
    let program = Program::run(&both_with(&pki, "logfmt"));
    ping(&mut program.connect("persona"));
    let access = program.access("persona", 0);
    assert_eq!(access.reason(), "completed");
    assert_eq!(access.number("bytes_inward"), 5);
    for line in program.lines() {
        let rest = line.strip_prefix("time=").unwrap();
        let (_, rest) = rest.split_once(" level=").unwrap();
        let (level, _) = rest.split_once(" msg=").unwrap();
        assert!(["INFO", "WARN"].contains(&level), "{line}");
    }
}

/// The program with that end of a socket as its standard error, and what `JOURNAL_STREAM` is made from.
fn with_stderr(config: &Value, pki: &TestPki, stderr: UnixStream, journal: &str) -> Killed {
    let path = pki.folder().join("journal.json");
    std::fs::write(&path, config.to_string()).unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("run").arg("--config").arg(&path);
    command.env("JOURNAL_STREAM", journal);
    command.stderr(Stdio::from(OwnedFd::from(stderr)));
    Killed(command.spawn().unwrap())
}

struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn device_and_inode(stream: &UnixStream) -> String {
    let copy = OwnedFd::from(stream.try_clone().unwrap());
    let file = std::fs::File::from(copy).metadata().unwrap();
    format!("{}:{}", file.dev(), file.ino())
}

fn first_line(config: &Value, pki: &TestPki, journal: impl Fn(&UnixStream) -> String) -> String {
    let (reader, writer) = UnixStream::pair().unwrap();
    reader.set_read_timeout(Some(PATIENCE)).unwrap();
    let journal = journal(&writer);
    let _program = with_stderr(config, pki, writer, &journal);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    line
}

#[test]
fn the_journal_is_told_levels_and_no_time() {
    let pki = TestPki::new();
    let config = both_with(&pki, "text");
    let line = first_line(&config, &pki, device_and_inode);
    assert!(line.starts_with("<4>") || line.starts_with("<6>"), "{line}");
}

#[test]
fn a_standard_error_that_is_not_the_journal_is_written_to_as_ever() {
    let pki = TestPki::new();
    let config = both_with(&pki, "text");
    // What an outer unit's environment would say.
    let line = first_line(&config, &pki, |_| "8:1".to_owned());
    assert!(line.starts_with("20"), "{line}");
}
