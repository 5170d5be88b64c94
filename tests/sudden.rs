//! Sudden ends and odd bytes: what the peers of a plain leg may believe, and that nothing stalls.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use rustix::net::{SendFlags, send};
use serde_json::json;
use support::certs::TestPki;
use support::duplex::Duplex;
use support::pairs;
use support::program::{PROGRAM, Program};
use support::tls::{TlsPeer, credentials};
use support::wait::until;
use support::{backend, pattern};

use mtls_persona::tls::Role;

/// Reads to the end, whatever it is; the bytes and the error, if it was one.
fn rest(stream: &mut TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes);
    (bytes, end.err().map(|error| error.kind()))
}

#[test]
fn a_killed_program_leaves_a_reset_to_plain_peers_and_no_end() {
    let pki = TestPki::new();
    let program = Program::run(&pairs::both(&pki, backend::echo()));
    let mut client = program.connect("persona");
    client.write_all(b"half of it").unwrap();
    let mut answer = [0; 10];
    client.read_exact(&mut answer).unwrap();
    program.signal("KILL");
    assert_eq!(
        rest(&mut client),
        (vec![], Some(ErrorKind::ConnectionReset))
    );
}

#[test]
fn a_truncated_stream_stays_truncated_when_the_program_is_told_to_stop_at_once() {
    let pki = TestPki::new();
    let (hand_over, readers) = mpsc::channel();
    let service = backend::service(move |stream| hand_over.send(stream).unwrap());
    let mut program = Program::run(&pairs::server(&pki, service));
    let alice = credentials(&pki.client("alice"), &pki.ca, Role::Client);
    let mut peer = TlsPeer::connect(program.addr("gateway"), &alice).unwrap();
    let mut reader: TcpStream = readers.recv().unwrap();
    reader.be_patient();
    // More than the buffers of a socket that nobody reads take.
    let sending = std::thread::spawn(move || {
        let _ = pattern::send(&mut peer, 64 << 20);
    });
    until("the stream to be under way", || {
        (reader.peek(&mut [0]).unwrap() > 0).then_some(())
    });
    program.signal("TERM");
    until("the drain", || {
        program.has_line(" stopping: ").then_some(())
    });
    program.signal("TERM");
    assert!(program.exit().success());
    let (bytes, end) = rest(&mut reader);
    assert!(bytes.len() < 64 << 20);
    assert_eq!(end, Some(ErrorKind::ConnectionReset));
    sending.join().unwrap();
}

#[test]
fn bytes_behind_urgent_data_arrive() {
    let pki = TestPki::new();
    let program = Program::run(&pairs::both(&pki, backend::echo()));
    let mut client = program.connect("persona");
    client.write_all(b"abc").unwrap();
    send(&client, b"!", SendFlags::OOB).unwrap();
    client.write_all(b"def").unwrap();
    // The urgent byte itself is out of band, and not part of the stream.
    let mut answer = [0; 6];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"abcdef");
}

#[test]
fn a_unix_peer_cannot_write_fields_into_the_access_log() {
    let pki = TestPki::new();
    let folder = tempfile::tempdir().unwrap();
    let inbound = folder.path().join("persona");
    let mut config = pairs::client(&pki, pairs::lone_address());
    config["address_pairs"][0]["inbound"] = json!(format!("unix:{}", inbound.display()));
    let program = Program::run(&config);
    let evil = folder.path().join("a reason=completed \" b");
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&socket2::SockAddr::unix(&evil).unwrap())
        .unwrap();
    socket
        .connect(&socket2::SockAddr::unix(&inbound).unwrap())
        .unwrap();
    let access = program.access("persona", 0);
    assert_eq!(access.reason(), "connect_refused");
    assert_eq!(access.get("inbound"), format!("unix:{}", evil.display()));
}

#[test]
fn a_standard_error_that_nobody_reads_does_not_keep_the_program_from_ending() {
    let pki = TestPki::new();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("mtls-persona.json");
    let inbound = pairs::lone_address();
    let mut model = pairs::client(&pki, pairs::lone_address());
    model["address_pairs"][0]["inbound"] = json!(inbound.to_string());
    std::fs::write(&config, model.to_string()).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["run", "--config"]).arg(&config);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    until("the program to listen", || TcpStream::connect(inbound).ok());
    // Each is a line of the log: more of them than the pipe and the queue hold.
    for _ in 0..10_000 {
        rest(&mut TcpStream::connect(inbound).unwrap());
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    let status = until("its end", || child.try_wait().unwrap());
    assert!(status.success());
}
