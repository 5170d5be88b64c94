//! Peers that do not speak TLS, or do not go on with it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::Ordering;

use serde_json::json;
use socket2::SockRef;

use crate::assert_reset;
use crate::support::backend::{self, counted};
use crate::support::certs::TestPki;
use crate::support::program::Program;
use crate::support::tap;

const HTTP_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
const SSH_BANNER: &[u8] = b"SSH-2.0-OpenSSH_9.2\r\n";
/// PostgreSQL's SSLRequest: its length and the number 80877103.
const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const NOISE: &[u8] = &[0xde; 600];
/// The header of a handshake record, with noise in it.
const NOISE_IN_A_RECORD: &[u8] = &[
    22, 3, 1, 0, 12, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
];
/// The begin of a ClientHello whose rest does not come.
const HALF_A_HELLO: &[u8] = &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

/// How a stranger goes on after its first bytes.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// It waits for an answer.
    Listens,
    /// It sends FIN.
    Ends,
    /// It resets the connection.
    Resets,
}

fn gateway(service: SocketAddr) -> Program {
    let pki = TestPki::new();
    let server = pki.server("localhost");
    let pair = |name: &str, handshake: &str| {
        json!({ "name": name, "mode": "server", "timeouts": { "handshake": handshake },
            "inbound": "127.0.0.1:0", "outbound": service.to_string() })
    };
    Program::run(&json!({
        "ca": pki.ca, "cert": server.cert, "key": server.key,
        "address_pairs": [pair("gateway", "60s"), pair("hasty", "300ms")],
    }))
}

/// Says `first` to a gateway; what it hears until the end.
fn visit(mut stream: TcpStream, first: &[u8], then: Then) -> Vec<u8> {
    let mut answer = Vec::new();
    stream.write_all(first).unwrap();
    match then {
        Then::Listens => {}
        Then::Ends => stream.shutdown(Shutdown::Write).unwrap(),
        Then::Resets => {
            let at_once = Some(std::time::Duration::ZERO);
            SockRef::from(&stream).set_linger(at_once).unwrap();
            return answer;
        }
    }
    stream.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn strangers_on_a_tls_port_learn_no_more_than_an_alert_and_reach_no_service() {
    use Then::*;
    let cases: [(&str, &[u8], Then, &str); 11] = [
        ("gateway", HTTP_REQUEST, Listens, "tls_plaintext"),
        ("gateway", SSH_BANNER, Listens, "tls_plaintext"),
        ("gateway", SSL_REQUEST, Listens, "tls_plaintext"),
        ("gateway", NOISE, Listens, "tls_malformed"),
        ("gateway", NOISE_IN_A_RECORD, Listens, "tls_malformed"),
        ("gateway", b"", Ends, "handshake_closed"),
        ("gateway", HALF_A_HELLO, Ends, "handshake_closed"),
        ("gateway", b"", Resets, "handshake_closed"),
        ("gateway", HALF_A_HELLO, Resets, "handshake_closed"),
        ("hasty", b"", Listens, "handshake_timeout"),
        ("hasty", HALF_A_HELLO, Listens, "handshake_timeout"),
    ];
    let (service, connections) = counted();
    let program = gateway(service);
    for (pair, first, then, reason) in cases {
        let what = format!(
            "{reason} after {:?} {then:?}",
            first.escape_ascii().to_string()
        );
        let index = program.accesses(pair).len();
        let answer = visit(program.connect(pair), first, then);
        let access = program.access(pair, index);
        assert_eq!(access.reason(), reason, "{what}: {access:?}");
        assert_eq!(access.get("leg"), "inbound", "{what}: {access:?}");
        let heard = tap::records(&answer);
        assert!(
            heard.is_empty() || heard == [(tap::ALERT, 2)],
            "{what}: {heard:?}"
        );
        assert!(heard.is_empty() || reason.starts_with("tls_"), "{what}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

/// A service that says `first` and then waits for the other end, closes, or resets.
fn stranger(first: &'static [u8], then: Then) -> SocketAddr {
    backend::service(move |mut stream| {
        // Its reader has read the ClientHello: a close is a FIN.
        let mut hello = [0; 16 * 1024];
        let _ = stream.read(&mut hello).unwrap();
        stream.write_all(first).unwrap();
        match then {
            Then::Listens => {
                let _ = stream.read_to_end(&mut Vec::new());
            }
            Then::Ends => {}
            Then::Resets => {
                let at_once = Some(std::time::Duration::ZERO);
                SockRef::from(&stream).set_linger(at_once).unwrap();
            }
        }
    })
}

#[test]
fn a_destination_that_speaks_no_tls_gives_its_reason_and_a_reset() {
    use Then::*;
    let cases: [(&[u8], Then, &str); 9] = [
        (HTTP_ANSWER, Listens, "tls_plaintext"),
        (HTTP_ANSWER, Ends, "tls_plaintext"),
        (SSH_BANNER, Listens, "tls_plaintext"),
        (b"220 mail.example.org ESMTP\r\n", Listens, "tls_plaintext"),
        (NOISE, Listens, "tls_malformed"),
        (NOISE_IN_A_RECORD, Listens, "tls_malformed"),
        (b"", Ends, "handshake_closed"),
        (b"", Resets, "handshake_closed"),
        (b"", Listens, "handshake_timeout"),
    ];
    let pki = TestPki::new();
    let alice = pki.client("alice");
    let pair = |(index, (first, then, reason)): (usize, &(&'static [u8], Then, &str))| {
        let handshake = match *reason {
            "handshake_timeout" => "300ms",
            _ => "60s",
        };
        json!({ "name": index.to_string(), "timeouts": { "handshake": handshake },
            "inbound": "127.0.0.1:0", "server_name": "localhost",
            "outbound": stranger(first, *then).to_string() })
    };
    let program = Program::run(&json!({
        "ca": pki.ca, "cert": alice.cert, "key": alice.key,
        "address_pairs": cases.iter().enumerate().map(pair).collect::<Vec<_>>(),
    }));
    for (index, (first, then, reason)) in cases.iter().enumerate() {
        let what = format!(
            "{reason} after {:?} {then:?}",
            first.escape_ascii().to_string()
        );
        assert_reset(program.connect(&index.to_string()));
        let access = program.access(&index.to_string(), 0);
        assert_eq!(access.reason(), *reason, "{what}: {access:?}");
        assert_eq!(access.get("leg"), "outbound", "{what}: {access:?}");
    }
}
