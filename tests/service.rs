//! The program and its service manager.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "service/notify.rs"]
mod notify;
#[path = "service/sockets.rs"]
mod sockets;
mod support;
#[path = "service/unit.rs"]
mod unit;

use std::io::{Read, Write};

/// There and back again.
fn ping(stream: &mut (impl Read + Write)) {
    stream.write_all(b"ping").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"ping");
}
