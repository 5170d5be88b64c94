//! Far ends that die in the middle.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ChildStdin;
use std::sync::mpsc::{Receiver, channel};

use serde_json::json;

use crate::support::backend;
use crate::support::certs::TestPki;
use crate::support::openssl;
use crate::support::peers::{self, Peer};
use crate::support::program::Program;
use crate::support::wait::{PATIENCE, until};
use crate::{noise, words};

const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];

/// A server, with the program as its persona.
fn served(version: &str, on_truncation: &str) -> (Peer, Program) {
    let pki = TestPki::new();
    let server = openssl::server(&pki.server("localhost"), &[version]);
    let program = persona(&pki, &server, on_truncation);
    (server, program)
}

fn persona(pki: &TestPki, server: &Peer, on_truncation: &str) -> Program {
    let alice = pki.client("alice");
    Program::run(&json!({
        "ca": pki.ca, "cert": alice.cert, "key": alice.key,
        "address_pairs": [{ "name": "persona", "inbound": "127.0.0.1:0",
            "outbound": format!("localhost:{}", server.port), "on_truncation": on_truncation }],
    }))
}

/// Writes a stream without end into a peer, for as long as the peer lives.
fn feed(mut stdin: ChildStdin) {
    const WORDS: u32 = 16 * 1024;
    std::thread::spawn(move || {
        let mut starts = (0..).step_by(WORDS as usize);
        starts.try_for_each(|start| stdin.write_all(&words(start..start + WORDS)))
    });
}

/// Everything up to the end or the failure.
fn drained(stream: &mut TcpStream) -> (Vec<u8>, Result<usize, ErrorKind>) {
    let mut bytes = Vec::new();
    let outcome = stream.read_to_end(&mut bytes);
    (bytes, outcome.map_err(|error| error.kind()))
}

/// Lets the server die while its stream is under way, and only then reads what had come.
fn cut_short(
    server: &mut Peer,
    program: &Program,
) -> (TcpStream, Vec<u8>, Result<usize, ErrorKind>) {
    let mut stream = program.connect("persona");
    let (stdin, _stdout) = server.pipes();
    feed(stdin);
    stream.peek(&mut [0]).unwrap();
    server.kill();
    let (bytes, outcome) = drained(&mut stream);
    assert!(!bytes.is_empty());
    assert!(bytes == noise(bytes.len()), "other bytes than were sent");
    (stream, bytes, outcome)
}

#[test]
fn a_server_that_dies_in_its_stream_leaves_all_that_came_and_a_reset() {
    for version in VERSIONS {
        let (mut server, program) = served(version, "abort");
        let (_, bytes, outcome) = cut_short(&mut server, &program);
        assert_eq!(outcome, Err(ErrorKind::ConnectionReset), "{version}");
        let access = program.access("persona", 0);
        assert_eq!(access.reason(), "tls_truncated", "{access:?}");
        assert_eq!(access.get("leg"), "outbound", "{access:?}");
        assert_eq!(access.number("bytes_inward"), bytes.len() as u64);
    }
}

#[test]
fn a_truncation_that_is_configured_as_an_end_is_a_clean_end() {
    for version in VERSIONS {
        let (mut server, program) = served(version, "end");
        let (stream, bytes, outcome) = cut_short(&mut server, &program);
        assert_eq!(outcome, Ok(bytes.len()), "{version}");
        drop(stream);
        let access = program.access("persona", 0);
        assert_eq!(access.number("bytes_inward"), bytes.len() as u64);
        assert!(
            ["completed", "sink_lost"].contains(&access.reason()),
            "{access:?}"
        );
    }
}

#[test]
fn a_server_that_dies_with_bytes_unread_resets_and_the_application_is_reset() {
    for version in VERSIONS {
        let (mut server, program) = served(version, "end");
        let mut stream = program.connect("persona");
        let (mut stdin, mut stdout) = server.pipes();
        // Both directions have worked before.
        stream.write_all(b"ping").unwrap();
        let mut piece = [0; 4];
        stdout.read_exact(&mut piece).unwrap();
        stdin.write_all(b"pong").unwrap();
        stream.read_exact(&mut piece).unwrap();
        assert_eq!(&piece, b"pong");

        server.freeze();
        stream.write_all(b"unread").unwrap();
        until("bytes to lie unread", || {
            (peers::unread(server.port) > 0).then_some(())
        });
        server.kill();
        let (_, outcome) = drained(&mut stream);
        assert_eq!(outcome, Err(ErrorKind::ConnectionReset), "{version}");
        let access = program.access("persona", 0);
        assert_eq!(access.reason(), "source_reset", "{access:?}");
        assert_eq!(access.get("leg"), "outbound", "{access:?}");
    }
}

/// What came, and how it ended.
type Ending = (Vec<u8>, Result<usize, ErrorKind>);

/// A service that hands over its connections.
fn handing_over() -> (SocketAddr, Receiver<TcpStream>) {
    let (sender, receiver) = channel();
    let address = backend::service(move |stream| {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        sender.send(stream).unwrap();
    });
    (address, receiver)
}

fn gateway(pki: &TestPki, service: SocketAddr, on_truncation: &str) -> Program {
    let server = pki.server("localhost");
    Program::run(&json!({
        "ca": pki.ca, "cert": server.cert, "key": server.key,
        "address_pairs": [{ "name": "gateway", "mode": "server", "inbound": "127.0.0.1:0",
            "outbound": service.to_string(), "on_truncation": on_truncation }],
    }))
}

/// Lets a client die while its stream is under way; what the service then got, and how it ended.
fn client_cut_short(version: &str, on_truncation: &str) -> (Program, Ending) {
    let pki = TestPki::new();
    let (service, streams) = handing_over();
    let program = gateway(&pki, service, on_truncation);
    let port = program.addr("gateway").port();
    let mut client = openssl::client(port, Some(&pki.client("alice")), &[version]);
    let (stdin, _stdout) = client.pipes();
    feed(stdin);
    let mut stream = streams.recv_timeout(PATIENCE).unwrap();
    stream.peek(&mut [0]).unwrap();
    client.kill();
    let (bytes, outcome) = drained(&mut stream);
    assert!(!bytes.is_empty());
    assert!(bytes == noise(bytes.len()), "other bytes than were sent");
    (program, (bytes, outcome))
}

#[test]
fn a_client_that_dies_in_its_stream_leaves_all_that_came_and_a_reset_at_the_service() {
    for version in VERSIONS {
        let (program, (bytes, outcome)) = client_cut_short(version, "abort");
        assert_eq!(outcome, Err(ErrorKind::ConnectionReset), "{version}");
        let access = program.access("gateway", 0);
        assert_eq!(access.reason(), "tls_truncated", "{access:?}");
        assert_eq!(access.get("leg"), "inbound", "{access:?}");
        assert_eq!(access.number("bytes_outward"), bytes.len() as u64);
    }
}

#[test]
fn a_clients_truncation_that_is_configured_as_an_end_is_a_clean_end_at_the_service() {
    for version in VERSIONS {
        let (program, (bytes, outcome)) = client_cut_short(version, "end");
        assert_eq!(outcome, Ok(bytes.len()), "{version}");
        let access = program.access("gateway", 0);
        assert_eq!(access.number("bytes_outward"), bytes.len() as u64);
    }
}

#[test]
fn a_server_that_ends_first_with_close_notify_completes() {
    let data = noise(1 << 20);
    for version in VERSIONS {
        let pki = TestPki::new();
        std::fs::write(pki.folder().join("file"), &data).unwrap();
        // As a web server the command ends its side behind the answer.
        let web = ["-WWW", "-http_server_binmode", version];
        let server = openssl::server(&pki.server("localhost"), &web);
        let program = persona(&pki, &server, "abort");
        let mut stream = program.connect("persona");
        stream.write_all(b"GET /file HTTP/1.0\r\n\r\n").unwrap();
        let (answer, outcome) = drained(&mut stream);
        assert_eq!(outcome, Ok(answer.len()), "{version}");
        assert!(answer.ends_with(&data), "{version}");
        drop(stream);
        let access = program.access("persona", 0);
        assert_eq!(access.reason(), "completed", "{access:?}");
    }
}
