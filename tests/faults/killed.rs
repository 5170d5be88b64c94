//! Ends that are killed: our own programs, and applications and services.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use super::support::certs::TestPki;
use super::support::duplex::{Duplex, unix_connect};
use super::support::pattern;
use super::support::program::Program;
use super::support::wait::PATIENCE;
use super::support::{backend, pairs};
use super::{assert_told, ping, told, until_reset};

/// What stands in the middle of a connection before anybody is killed; enough for any buffer to be in use.
const CAME: u64 = 300_000;

/// A persona and a gateway, each a process, before a service that hands over its connections.
struct Chain {
    persona: Program,
    gateway: Program,
    gateway_config: Value,
    services: Receiver<TcpStream>,
    _pki: TestPki,
}

impl Chain {
    fn start() -> Chain {
        let pki = TestPki::new();
        let (service, services) = handing_over();
        let gateway_config = told(pairs::server(&pki, service));
        let inbound = pairs::lone_address();
        let gateway_config = pairs::with(
            gateway_config,
            "/address_pairs/0/inbound",
            inbound.to_string(),
        );
        let gateway = Program::run(&gateway_config);
        Chain {
            persona: Program::run(&told(pairs::client(&pki, inbound))),
            gateway,
            gateway_config,
            services,
            _pki: pki,
        }
    }

    /// Both ends of a new connection, at rest after bytes in both directions.
    fn ends(&self) -> (TcpStream, TcpStream) {
        let mut near = self.persona.connect("persona");
        near.write_all(b"ping").unwrap();
        let mut far = self.services.recv_timeout(PATIENCE).unwrap();
        far.read_exact(&mut [0; 4]).unwrap();
        far.write_all(b"pong").unwrap();
        near.read_exact(&mut [0; 4]).unwrap();
        (near, far)
    }
}

fn handing_over() -> (SocketAddr, Receiver<TcpStream>) {
    let (hand_over, services) = channel();
    let service = backend::service(move |stream| {
        stream.be_patient();
        let _ = hand_over.send(stream);
    });
    (service, services)
}

/// Sends a part of something, and lets it arrive.
fn begin(sender: &mut TcpStream, reader: &mut TcpStream) {
    pattern::send(sender, CAME).unwrap();
    let (came, _) = pattern::receive_range(reader, 0, CAME);
    assert_eq!(came, CAME);
}

#[test]
fn behind_a_killed_gateway_both_ends_are_reset_and_the_persona_tells_of_a_truncation() {
    let mut chain = Chain::start();
    let (mut near, mut far) = chain.ends();
    begin(&mut far, &mut near);
    chain.gateway.signal("KILL");
    chain.gateway.exit();
    assert_eq!(until_reset(&mut near), 0);
    assert_eq!(until_reset(&mut far), 0);
    assert_told(&chain.persona, "persona", 0, "tls_truncated");
    assert_eq!(chain.persona.access("persona", 0).get("leg"), "outbound");

    // Until it is there again, nobody is told anything that could be an answer.
    assert_eq!(until_reset(&mut chain.persona.connect("persona")), 0);
    assert_told(&chain.persona, "persona", 1, "connect_refused");
    let again = Program::run(&chain.gateway_config);
    let (mut near, mut far) = chain.ends();
    begin(&mut near, &mut far);
    drop((near, far));
    assert_told(&again, "gateway", 0, "completed");
}

#[test]
fn behind_a_killed_persona_both_ends_are_reset_and_the_gateway_tells_of_a_truncation() {
    let mut chain = Chain::start();
    let (mut near, mut far) = chain.ends();
    begin(&mut near, &mut far);
    chain.persona.signal("KILL");
    chain.persona.exit();
    assert_eq!(until_reset(&mut near), 0);
    assert_eq!(until_reset(&mut far), 0);
    assert_told(&chain.gateway, "gateway", 0, "tls_truncated");
    assert_eq!(chain.gateway.access("gateway", 0).get("leg"), "inbound");
}

#[test]
fn a_gateway_that_is_killed_in_a_handshake_is_told_as_that_and_the_application_is_reset() {
    let pki = TestPki::new();
    let (server, sockets) = handing_over();
    let persona = Program::run(&told(pairs::client(&pki, server)));
    let mut near = persona.connect("persona");
    let mut socket = sockets.recv_timeout(PATIENCE).unwrap();
    socket.read_exact(&mut [0; 5]).unwrap();
    // What is left unread makes it a reset, as with a process that dies.
    drop(socket);
    assert_eq!(until_reset(&mut near), 0);
    assert_told(&persona, "persona", 0, "handshake_closed");
}

#[test]
fn an_application_that_dies_with_bytes_unread_resets_its_service() {
    let chain = Chain::start();
    let (near, mut far) = chain.ends();
    far.write_all(b"an answer").unwrap();
    near.peek(&mut [0]).unwrap();
    drop(near);
    assert_eq!(until_reset(&mut far), 0);
    assert_told(&chain.persona, "persona", 0, "source_reset");
    assert_told(&chain.gateway, "gateway", 0, "tls_truncated");
}

#[test]
fn an_application_that_dies_with_nothing_unread_is_one_that_has_ended() {
    let chain = Chain::start();
    let (near, mut far) = chain.ends();
    // The system sends FIN for it, and nobody beyond that can tell.
    drop(near);
    assert_eq!(far.read(&mut [0]).unwrap(), 0);
    drop(far);
    assert_told(&chain.persona, "persona", 0, "completed");
    assert_told(&chain.gateway, "gateway", 0, "completed");
}

#[test]
fn a_service_that_dies_with_bytes_unread_resets_its_application() {
    let chain = Chain::start();
    let (mut near, far) = chain.ends();
    near.write_all(b"a request").unwrap();
    far.peek(&mut [0]).unwrap();
    drop(far);
    assert_eq!(until_reset(&mut near), 0);
    assert_told(&chain.gateway, "gateway", 0, "source_reset");
    assert_told(&chain.persona, "persona", 0, "tls_truncated");
}

#[test]
fn a_killed_program_leaves_a_unix_peer_an_end_and_its_socket_file_to_the_next_one() {
    let pki = TestPki::new();
    let socket = pki.folder().join("persona.socket");
    let mut config = pairs::both(&pki, backend::echo());
    config["address_pairs"][0]["inbound"] = json!(format!("unix:{}", socket.display()));
    let mut program = Program::run(&config);
    let mut near = unix_connect(&socket);
    ping(&mut near);
    program.signal("KILL");
    program.exit();
    // A UNIX socket knows no reset as long as nothing was left unread.
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
    let refused = std::os::unix::net::UnixStream::connect(&socket);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let _again = Program::run(&config);
    ping(&mut unix_connect(&socket));
}
