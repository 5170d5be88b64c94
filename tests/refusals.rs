//! Who is refused, for which reason, and what either side can have learnt by then.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "refusals/clients.rs"]
mod clients;
#[path = "refusals/gateways.rs"]
mod gateways;
#[path = "refusals/ours.rs"]
mod ours;
#[path = "refusals/strangers.rs"]
mod strangers;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

/// What an application sends that must not reach a refused peer.
const SECRET: [u8; 5000] = [b'x'; 5000];

/// The versions of TLS as the `openssl` command's options and as the access log has them.
const VERSIONS: [(&str, &str); 2] = [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")];

/// Sends what must stay secret, and expects a reset instead of an answer.
#[track_caller]
fn assert_reset(stream: TcpStream) {
    let (outcome, answer) = outcome_of(stream, &SECRET);
    assert_eq!(outcome, Err(ErrorKind::ConnectionReset));
    assert!(answer.is_empty());
}

/// Sends and then reads to the end: how that went, and what came.
fn outcome_of(mut stream: TcpStream, data: &[u8]) -> (Result<usize, ErrorKind>, Vec<u8>) {
    let mut answer = Vec::new();
    let outcome = stream
        .write_all(data)
        .and_then(|()| stream.read_to_end(&mut answer));
    (outcome.map_err(|error| error.kind()), answer)
}
