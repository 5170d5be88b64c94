//! Who is not listed is taken for who it is.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::{Value, json};

use crate::support::certs::TestPki;
use crate::support::pairs;
use crate::support::program::Program;
use crate::support::tls::{self, TlsPeer};
use crate::support::{backend, wait::PATIENCE};
use crate::{BINARY, LINE, alice, localhost, ping, with_proxy};

/// Only somebody else sends headers.
fn from_others(config: Value) -> Value {
    with_proxy(
        config,
        json!({ "in": { "from": ["192.0.2.0/24", "127.0.0.2"] } }),
    )
}

#[test]
fn a_header_from_somebody_else_is_data_and_claims_nothing() {
    let pki = TestPki::new();
    let service = tls::service(localhost(&pki), tls::echo);
    let program = Program::run(&from_others(pairs::client(&pki, service)));
    for (index, header) in [LINE, BINARY].into_iter().enumerate() {
        let mut stream = program.connect("persona");
        let peer = stream.local_addr().unwrap().to_string();
        stream.write_all(header).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, header);
        let access = program.access("persona", index);
        assert_eq!(
            (access.get("inbound"), access.get("inbound_source")),
            (&*peer, "")
        );
    }
}

#[test]
fn a_header_from_somebody_else_before_tls_is_no_tls_and_is_told_as_what_it_is() {
    let pki = TestPki::new();
    let program = Program::run(&from_others(pairs::server(&pki, backend::echo())));
    for (index, header) in [LINE, BINARY].into_iter().enumerate() {
        let mut stream = program.connect("gateway");
        stream.write_all(header).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        let access = program.access("gateway", index);
        assert_eq!(access.reason(), "tls_plaintext");
        assert!(access.get("detail").contains("proxy_protocol.in.from"));
        assert_eq!(access.get("inbound_source"), "");
    }
    // And without one it is served as ever.
    let mut peer = TlsPeer::connect(program.addr("gateway"), &alice(&pki)).unwrap();
    ping(&mut peer);
}

/// A connection from that address of this machine.
fn dial_from(source: [u8; 4], program: &Program, pair: &str) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let source = std::net::SocketAddr::from((source, 0));
    socket.bind(&source.into()).unwrap();
    socket.connect(&program.addr(pair).into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn on_one_listener_a_listed_source_must_and_another_one_need_not() {
    let pki = TestPki::new();
    let service = tls::service(localhost(&pki), tls::echo);
    let program = Program::run(&from_others(pairs::client(&pki, service)));
    let mut listed = dial_from([127, 0, 0, 2], &program, "persona");
    listed.write_all(LINE).unwrap();
    let mut other = dial_from([127, 0, 0, 3], &program, "persona");
    ping(&mut other);
    ping(&mut listed);
    drop(other);
    assert_eq!(program.access("persona", 0).get("inbound_source"), "");
    drop(listed);
    let access = program.access("persona", 1);
    assert!(access.get("inbound").starts_with("127.0.0.2:"));
    assert_eq!(access.get("inbound_source"), crate::TOLD);
}

#[test]
fn an_ipv4_source_is_known_at_a_listener_for_all_addresses_and_a_reload_changes_who_is_one() {
    let pki = TestPki::new();
    let service = tls::service(localhost(&pki), tls::echo);
    // IPv6 and IPv4 in one socket, where there is IPv6.
    let address = pairs::lone_address();
    let inbound = format!(":{}", address.port());
    let config = pairs::with(
        pairs::client(&pki, service),
        "/address_pairs/0/inbound",
        inbound,
    );
    let program = Program::run(&from_others(config.clone()));
    let mut first = TcpStream::connect(address).unwrap();
    ping(&mut first);
    let listed = json!({ "in": { "from": "127.0.0.0/8" } });
    program.reconfigure(&with_proxy(config, listed));
    program.reload();
    let mut second = TcpStream::connect(address).unwrap();
    second.write_all(LINE).unwrap();
    ping(&mut second);
    // The one from before goes on as it began.
    ping(&mut first);
    drop(second);
    assert_eq!(
        program.access("persona", 0).get("inbound_source"),
        crate::TOLD
    );
}
