//! Certificates and settings that are exchanged under live traffic: new connections have the new ones, and
//! nobody loses a connection by it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "rotation/configuration.rs"]
mod configuration;
#[path = "rotation/files.rs"]
mod files;
#[path = "rotation/folders.rs"]
mod folders;
#[path = "rotation/gateway.rs"]
mod gateway;
#[path = "rotation/ground.rs"]
mod ground;
#[path = "rotation/judged.rs"]
mod judged;
#[path = "rotation/material.rs"]
mod material;
#[path = "rotation/mistakes.rs"]
mod mistakes;
#[path = "rotation/policies.rs"]
mod policies;
#[path = "rotation/storms.rs"]
mod storms;
mod support;
#[path = "rotation/time.rs"]
mod time;

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use support::backend::ping;
use support::tls::{alice, localhost};

/// The connection is reset, and not a byte comes before that.
fn assert_reset(stream: &mut TcpStream) {
    let read = stream.read(&mut [0; 16]);
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

/// Lets threads that go by it end, also when the test fails meanwhile.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
