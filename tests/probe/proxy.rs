//! The PROXY header of a check.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver};

use mtls_persona::tls::Role;
use serde_json::Value;

use crate::support::certs::TestPki;
use crate::support::tls::{self, TlsPeer, credentials};
use crate::support::wait::PATIENCE;
use crate::support::{backend, pairs};
use crate::{ALL, persona, probe};

const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// The same with headers of that version.
fn announced(config: Value, version: &str) -> Value {
    pairs::with(config, "/address_pairs/0/proxy_protocol/out", version)
}

/// The first bytes of a connection up to the end of a header, and who has opened it.
type Header = (Vec<u8>, SocketAddr);

/// A service that takes a header, and then speaks TLS if there are credentials for it.
fn service(pki: Option<&TestPki>) -> (SocketAddr, Receiver<Header>) {
    let (hand_over, headers) = mpsc::channel();
    let server = pki.map(|pki| credentials(&pki.server("localhost"), &pki.ca, Role::Server));
    let address = backend::service(move |mut stream| {
        let mut header = Vec::new();
        while header != LOCAL && !(header.starts_with(b"PROXY") && header.ends_with(b"\r\n")) {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            header.push(byte[0]);
        }
        hand_over
            .send((header, stream.peer_addr().unwrap()))
            .unwrap();
        if let Some(server) = &server {
            tls::echo(TlsPeer::accept(stream, server).unwrap());
        }
    });
    (address, headers)
}

#[test]
fn the_header_of_a_check_is_a_step_between_the_connection_and_tls() {
    let pki = TestPki::new();
    let (address, headers) = service(Some(&pki));
    let config = persona(&pki, &format!("localhost:{}", address.port()));
    for version in ["v1", "v2"] {
        let probed = probe(&pki, &announced(config.clone(), version), &[]);
        let mut expected = ALL.map(|name| (name, "ok")).to_vec();
        expected.insert(2, ("proxy", "ok"));
        assert_eq!(
            (probed.code, probed.steps()),
            (0, expected),
            "{}",
            probed.stdout
        );
        assert!(probed.words("proxy").contains(version), "{}", probed.stdout);
        let (header, source) = headers.recv_timeout(PATIENCE).unwrap();
        let (from, to) = (source.ip(), address.ip());
        let (from_port, to_port) = (source.port(), address.port());
        let line = format!("PROXY TCP4 {from} {to} {from_port} {to_port}\r\n");
        match version {
            "v1" => assert_eq!(header, line.as_bytes()),
            _ => assert_eq!(header, LOCAL),
        }
    }
}

#[test]
fn a_destination_in_plain_is_told_of_the_check_and_nothing_more() {
    let pki = TestPki::new();
    let (address, headers) = service(None);
    let probed = probe(&pki, &announced(pairs::server(&pki, address), "v2"), &[]);
    let steps = ["name", "connect", "proxy"].map(|name| (name, "ok"));
    assert_eq!((probed.code, probed.steps()), (0, steps.to_vec()));
    assert_eq!(headers.recv_timeout(PATIENCE).unwrap().0, LOCAL);
}

#[test]
fn a_gateway_that_expects_no_header_stops_at_tls() {
    let pki = TestPki::new();
    let server = credentials(&pki.server("localhost"), &pki.ca, Role::Server);
    let gateway = tls::service(server, |mut peer| drop(peer.write_all(b"x")));
    let config = announced(
        persona(&pki, &format!("localhost:{}", gateway.port())),
        "v1",
    );
    let probed = probe(&pki, &config, &[]);
    assert_eq!(
        (probed.code, probed.steps().len()),
        (1, 4),
        "{}",
        probed.stdout
    );
    let (step, word) = probed.steps()[3];
    assert!(step == "tls" && word != "ok", "{}", probed.stdout);
    // Without a word of a header it is reached.
    let config = pairs::with(
        config,
        "/address_pairs/0/proxy_protocol",
        serde_json::json!({}),
    );
    assert_eq!(probe(&pki, &config, &[]).code, 0);
}
