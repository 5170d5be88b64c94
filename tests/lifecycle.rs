//! The program's life: start, reload, drain and end; its exit codes.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "lifecycle/drain.rs"]
mod drain;
#[path = "lifecycle/reload.rs"]
mod reload;
#[path = "lifecycle/resumption.rs"]
mod resumption;
#[path = "lifecycle/start.rs"]
mod start;
mod support;

use std::io::{ErrorKind, Read};
use std::net::TcpStream;

use support::backend::ping;

/// The connection is reset, and not a byte comes before that.
fn assert_reset(stream: &mut TcpStream) {
    let read = stream.read(&mut [0; 16]);
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
}
