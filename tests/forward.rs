//! The program forwards: a persona and a gateway, with a service behind them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;

use serde_json::json;
use support::backend;
use support::certs::TestPki;
use support::daemon::lasting_port;
use support::program::Program;

/// A persona before a gateway before a service.
fn both(pki: &TestPki, service: std::net::SocketAddr) -> Program {
    let (client, server) = (pki.client("alice"), pki.server("localhost"));
    let gateway = lasting_port();
    Program::run(&json!({
        "ca": pki.ca, "cert": client.cert, "key": client.key,
        "address_pairs": [
            { "name": "gateway", "mode": "server", "cert": server.cert, "key": server.key,
              "inbound": format!("127.0.0.1:{gateway}"), "outbound": service.to_string() },
            { "name": "persona", "inbound": "127.0.0.1:0",
              "outbound": format!("localhost:{gateway}") },
        ],
    }))
}

#[test]
fn a_plain_client_reaches_a_plain_service_over_mutual_tls() {
    let pki = TestPki::new();
    let program = both(&pki, backend::echo());
    let mut stream = program.connect("persona");
    stream.write_all(b"hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"hello");

    let outward = program.access("persona", 0);
    assert_eq!(outward.reason(), "completed");
    assert_eq!(outward.get("outbound_version"), "TLSv1.3");
    assert_eq!(outward.number("bytes_outward"), 5);
    assert_eq!(outward.number("bytes_inward"), 5);
    let inward = program.access("gateway", 0);
    assert_eq!(inward.reason(), "completed");
    assert!(inward.get("inbound_subject").starts_with("CN=alice"));
}

#[test]
fn an_answer_that_begins_after_the_request_has_ended_arrives() {
    let pki = TestPki::new();
    let program = both(&pki, backend::count());
    let mut stream = program.connect("persona");
    stream.write_all(&[7; 100_000]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "100000");
}

#[test]
fn a_service_that_speaks_first_is_heard_by_a_client_that_says_nothing() {
    let pki = TestPki::new();
    let service = backend::service(|mut stream| {
        stream.write_all(b"220 welcome").unwrap();
        // Until the client has gone.
        let _ = stream.read(&mut [0]);
    });
    let program = both(&pki, service);
    let mut stream = program.connect("persona");
    let mut greeting = [0; 11];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"220 welcome");
}
