//! Limits and deadlines: what waits, what is cut, and that nobody else suffers.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "limits/admission.rs"]
mod admission;
#[path = "limits/deadlines.rs"]
mod deadlines;
#[path = "limits/destination.rs"]
mod destination;
#[path = "limits/exhaustion.rs"]
mod exhaustion;
#[path = "limits/fairness.rs"]
mod fairness;
mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use mtls_persona::tls::Credentials;
use support::tls::{alice, localhost};

/// So many times there and back again.
fn ping(stream: &mut (impl Read + Write), times: usize) {
    for number in 0..times {
        let message = number.to_be_bytes();
        stream.write_all(&message).unwrap();
        let mut answer = [0; size_of::<usize>()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, message);
    }
}

/// The connection is reset, and not a byte comes before that.
fn assert_reset(stream: &mut TcpStream) {
    let read = stream.read(&mut [0; 16]);
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
}
