//! What a header of version 2 tells of a client's TLS, beside what HAProxy tells of the same client.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};

use mtls_persona::tls::authority::{KeyKind, LeafRequest, Purpose};
use serde_json::json;

use crate::proxies::haproxy;
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::program::Program;
use crate::support::proxies::combined;
use crate::support::tls::{TlsPeer, credentials};
use crate::support::wait::PATIENCE;
use crate::support::{backend, openssl, pairs};
use crate::{BINARY, Role, with_proxy};

/// Types and values.
type Tlvs = BTreeMap<u8, Vec<u8>>;

fn tlvs(mut bytes: &[u8]) -> Tlvs {
    let mut found = Tlvs::new();
    while let [kind, high, low, rest @ ..] = bytes {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, rest) = rest.split_at(len);
        assert_eq!(found.insert(*kind, value.to_vec()), None, "{kind:#x} twice");
        bytes = rest;
    }
    assert!(bytes.is_empty());
    found
}

/// What a header says of TLS: its own values, and those inside of PP2_TYPE_SSL with the fixed part as 0.
fn parts(header: &[u8]) -> (Tlvs, Tlvs) {
    assert_eq!((&header[..12], header[13]), (&BINARY[..12], 0x11));
    let mut outer = tlvs(&header[28..]);
    let ssl = outer.remove(&0x20).unwrap();
    let mut inner = tlvs(&ssl[5..]);
    inner.insert(0, ssl[..5].to_vec());
    (outer, inner)
}

/// A service that hands over the header of each connection, says a word, and ends it.
fn headers() -> (SocketAddr, Receiver<Vec<u8>>) {
    let (hand_over, headers) = mpsc::channel();
    let address = backend::service(move |mut stream| {
        let mut header = vec![0; 16];
        if stream.read_exact(&mut header).is_ok() {
            let rest = u16::from_be_bytes([header[14], header[15]]);
            header.resize(16 + usize::from(rest), 0);
            stream.read_exact(&mut header[16..]).unwrap();
            hand_over.send(header).unwrap();
            // Tickets go out with the first data.
            let _ = stream.write_all(b"x");
        }
    });
    (address, headers)
}

/// A client with a common name and a SPIFFE identity.
fn client(pki: &TestPki) -> IdentityFiles {
    pki.issue(&LeafRequest {
        uris: vec!["spiffe://example.org/ns/a/sa/b".to_owned()],
        ..pki.request(Purpose::Client)
    })
}

/// The program before a service, with headers that tell all of a client.
fn gateway(pki: &TestPki, service: SocketAddr) -> Program {
    let config = pairs::server(pki, service);
    Program::run(&with_proxy(config, json!({ "out": "v2" })))
}

#[test]
fn a_client_is_told_as_haproxy_tells_it_and_by_its_uris_besides() {
    for (kind, version, suite) in [
        (KeyKind::EcP256, "TLSv1.3", "TLS_AES_128_GCM_SHA256"),
        (KeyKind::EcP256, "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (KeyKind::Rsa(2048), "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384"),
    ] {
        let pki = TestPki::with_keys(kind);
        let (service, headers) = headers();
        let server = combined(&pki.server("localhost"));
        let theirs = haproxy(&pki, |port| {
            let (ca, own) = (pki.ca.display(), server.display());
            let tls = format!("ssl crt {own} ca-file {ca} verify required");
            let options = "proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority";
            (
                format!("127.0.0.1:{port} {tls}"),
                format!("{service} send-proxy-v2 {options}"),
            )
        });
        let ours = gateway(&pki, service);
        let client = client(&pki);
        let told = [theirs.port, ours.addr("gateway").port()].map(|port| {
            let options = match version {
                "TLSv1.3" => ["-tls1_3", "-ciphersuites", suite],
                _ => ["-tls1_2", "-cipher", suite],
            };
            let _client = openssl::client(port, Some(&client), &options);
            parts(&headers.recv_timeout(PATIENCE).unwrap())
        });
        let [(outer, inner), (mut our_outer, our_inner)] = told;
        assert_eq!(our_inner, inner, "{version} {suite}");
        assert_eq!(our_inner[&0], [7, 0, 0, 0, 0]);
        assert_eq!(our_inner[&0x22], b"alice");
        assert_eq!(our_inner[&0x23], suite.as_bytes());
        let uri = our_outer.remove(&0xE0).unwrap();
        assert_eq!(uri, b"spiffe://example.org/ns/a/sa/b");
        assert_eq!(our_outer, outer);
        assert_eq!(our_outer[&0x02], b"localhost");
    }
}

#[test]
fn a_resumed_session_tells_the_same_client_and_that_its_certificate_was_shown_before() {
    let pki = TestPki::new();
    let (service, headers) = headers();
    let program = gateway(&pki, service);
    let credentials = credentials(&client(&pki), &pki.ca, Role::Client);
    let mut told = Vec::new();
    for index in 0..2 {
        let stream = TcpStream::connect(program.addr("gateway")).unwrap();
        let address = program.addr("gateway");
        let mut peer = TlsPeer::dialled(stream, address, &credentials).unwrap();
        let _ = peer.read_to_end(&mut Vec::new());
        peer.end().unwrap();
        told.push(parts(&headers.recv_timeout(PATIENCE).unwrap()));
        let resumed = program.access("gateway", index).get("inbound_resumed") == "true";
        assert_eq!(resumed, index == 1);
    }
    let [(outer, mut inner), (later_outer, later_inner)] = told.try_into().unwrap();
    assert_eq!(later_outer, outer);
    assert_eq!(
        inner.insert(0, vec![5, 0, 0, 0, 0]),
        Some(vec![7, 0, 0, 0, 0])
    );
    assert_eq!(later_inner, inner);
}
