//! What the program tells of itself over HTTP, and that nobody who asks disturbs a connection.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "admin/connections.rs"]
mod connections;
#[path = "admin/counters.rs"]
mod counters;
#[path = "admin/fips.rs"]
mod fips;
#[path = "admin/listeners.rs"]
mod listeners;
#[path = "admin/mtlsd.rs"]
mod mtlsd;
#[path = "admin/observability.rs"]
mod observability;
#[path = "admin/pages.rs"]
mod pages;
#[path = "admin/refusals.rs"]
mod refusals;
#[path = "admin/reloads.rs"]
mod reloads;
#[path = "admin/rude.rs"]
mod rude;
#[path = "admin/status.rs"]
mod status;
mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::Value;

use support::backend::ping;
use support::certs::TestPki;
use support::metrics::Scrape;
use support::program::Program;
use support::{backend, pairs};

/// A configuration that tells everything on a free port.
fn told(config: Value) -> Value {
    pairs::with(config, "/admin/listen", "127.0.0.1:0")
}

/// A persona and a gateway before an echo, with revocation lists, and where everything is told.
fn program(pki: &TestPki) -> (Program, SocketAddr) {
    let mut config = told(pairs::both(pki, backend::echo()));
    config["crl"] = serde_json::json!(pki.crl(&[]));
    let program = Program::run(&config);
    let admin = program.admin("everything");
    (program, admin)
}

/// What is counted now.
fn scrape(program: &Program) -> Scrape {
    Scrape::take(program.admin("everything"))
}

/// Sends so many bytes, ends, and reads them again up to the end. The first one is back before the others
/// go: who has ended already keeps no ticket of what comes with the answer.
fn exchange(mut stream: TcpStream, bytes: usize) {
    stream.write_all(&[7]).unwrap();
    stream.read_exact(&mut [0]).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let sent = std::thread::spawn(move || {
        writer.write_all(&vec![7; bytes - 1]).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    sent.join().unwrap();
    assert_eq!(answer.len(), bytes - 1);
}
