//! SIGTERM and SIGINT let live connections finish; a deadline or a second signal does not.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;

use serde_json::json;

use super::support::certs::TestPki;
use super::support::duplex::unix_connect;
use super::support::program::Program;
use super::support::wait::until;
use super::support::{backend, pairs};
use super::{assert_reset, ping};

/// A persona and a gateway before an echo, which get `drain` to end.
fn program(pki: &TestPki, drain: &str) -> Program {
    let config = pairs::both(pki, backend::echo());
    Program::run(&pairs::with(config, "/timeouts/drain", drain))
}

fn until_closed(address: SocketAddr) {
    until("the listener to be closed", || {
        let refused = TcpStream::connect(address).err()?;
        (refused.kind() == ErrorKind::ConnectionRefused).then_some(())
    });
}

/// Waits for so many access lines of the pair with that reason. [`until_closed`] may have left lines of
/// its own, without a byte.
fn until_told(program: &Program, pair: &str, reason: &str, count: usize) {
    until("the access lines", || {
        let mut accesses = program.accesses(pair);
        accesses.retain(|access| access.number("bytes_outward") > 0);
        let is_told = accesses.len() == count && accesses.iter().all(|a| a.reason() == reason);
        is_told.then_some(())
    });
}

/// Whichever half was cut first, the other one may have seen its peer leave instead.
fn until_told_by_a_half(program: &Program, reason: &str) {
    until("the access line of a half", || {
        let accesses = ["persona", "gateway"].map(|pair| program.accesses(pair));
        let mut accesses = accesses.iter().flatten();
        accesses.find(|access| access.reason() == reason).map(drop)
    });
}

/// Sends the rest, ends, and reads the rest and the end.
fn finish(mut stream: TcpStream) {
    stream.write_all(b"the rest").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"the rest");
}

fn drains_on(signal: &str) {
    let pki = TestPki::new();
    let mut program = program(&pki, "10m");
    let (mut first, mut second) = (program.connect("persona"), program.connect("persona"));
    ping(&mut first);
    ping(&mut second);
    let listening = ["persona", "gateway"].map(|pair| program.addr(pair));
    program.signal(signal);
    listening.into_iter().for_each(until_closed);
    for _ in 0..20 {
        ping(&mut first);
        ping(&mut second);
    }
    finish(first);
    ping(&mut second);
    finish(second);
    assert_eq!(program.exit().code(), Some(0));
    for pair in ["persona", "gateway"] {
        until_told(&program, pair, "completed", 2);
    }
}

#[test]
fn sigterm_closes_the_listeners_and_lets_live_connections_finish() {
    drains_on("TERM");
}

#[test]
fn sigint_closes_the_listeners_and_lets_live_connections_finish() {
    drains_on("INT");
}

#[test]
fn without_a_connection_sigterm_ends_it_at_once() {
    let pki = TestPki::new();
    let mut program = program(&pki, "10m");
    program.signal("TERM");
    assert_eq!(program.exit().code(), Some(0));
}

#[test]
fn a_connection_that_outlives_the_drain_time_is_reset() {
    let pki = TestPki::new();
    let mut program = program(&pki, "1s");
    let mut stream = program.connect("persona");
    ping(&mut stream);
    program.signal("TERM");
    assert_reset(&mut stream);
    assert_eq!(program.exit().code(), Some(0));
    until_told_by_a_half(&program, "drained");
}

#[test]
fn a_handshake_that_outlives_the_drain_time_is_cut() {
    let pki = TestPki::new();
    let mut program = program(&pki, "1s");
    let base = program.descriptors();
    let mut silent = program.connect("gateway");
    until("it to be accepted", || {
        (program.descriptors() > base).then_some(())
    });
    program.signal("TERM");
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert_eq!(program.exit().code(), Some(0));
    assert_eq!(program.access("gateway", 0).reason(), "drained");
}

#[test]
fn a_second_signal_ends_every_connection_at_once() {
    let pki = TestPki::new();
    let mut program = program(&pki, "10m");
    let mut stream = program.connect("persona");
    ping(&mut stream);
    let address = program.addr("persona");
    program.signal("TERM");
    until_closed(address);
    ping(&mut stream);
    program.signal("INT");
    assert_reset(&mut stream);
    assert_eq!(program.exit().code(), Some(0));
    until_told_by_a_half(&program, "stopped");
}

#[test]
fn sighup_during_a_drain_changes_nothing() {
    let pki = TestPki::new();
    let mut program = program(&pki, "10m");
    let mut stream = program.connect("persona");
    ping(&mut stream);
    let address = program.addr("persona");
    program.signal("TERM");
    until_closed(address);
    for _ in 0..5 {
        program.signal("HUP");
        ping(&mut stream);
    }
    finish(stream);
    assert_eq!(program.exit().code(), Some(0));
}

#[test]
fn the_socket_file_goes_away_at_the_beginning_of_a_drain() {
    let pki = TestPki::new();
    let path = pki.folder().join("inbound");
    let mut program = unix_program(&pki, &path);
    let mut stream = unix_connect(&path);
    ping(&mut stream);
    program.signal("TERM");
    until("the file to be removed", || (!path.exists()).then_some(()));
    ping(&mut stream);
    drop(stream);
    assert_eq!(program.exit().code(), Some(0));
}

/// As [`program`], with a UNIX socket for the persona's inbound leg.
pub(super) fn unix_program(pki: &TestPki, path: &Path) -> Program {
    let mut config = pairs::both(pki, backend::echo());
    config["address_pairs"][0]["inbound"] = json!(format!("unix:{}", path.display()));
    Program::run(&config)
}
