//! Peers that refuse our own certificate.

use std::io::ErrorKind;
use std::sync::atomic::Ordering;

use serde_json::json;

use crate::clients::gateway;
use crate::support::backend::counted;
use crate::support::certs::TestPki;
use crate::support::openssl;
use crate::support::peers::Gathered;
use crate::support::program::Program;
use crate::{SECRET, VERSIONS, assert_reset, outcome_of};

/// Runs a persona before a server that trusts others, and sends `data` through it.
fn refused_persona(option: &str, data: &[u8]) -> (Program, Gathered, Option<ErrorKind>) {
    let (pki, others) = (TestPki::new(), TestPki::new());
    let ca = others.ca.to_str().unwrap();
    let demand = [
        "-Verify",
        "1",
        "-verify_return_error",
        "-CAfile",
        ca,
        option,
    ];
    let mut server = openssl::server(&pki.server("localhost"), &demand);
    let (_input, output) = server.pipes();
    let received = Gathered::of(output);
    let alice = pki.client("alice");
    let program = Program::run(&json!({
        "ca": pki.ca, "cert": alice.cert, "key": alice.key,
        "address_pairs": [{ "name": "persona", "inbound": "127.0.0.1:0",
            "outbound": format!("localhost:{}", server.port) }],
    }));
    let (outcome, answer) = outcome_of(program.connect("persona"), data);
    assert!(answer.is_empty());
    server.kill();
    received.until_end();
    (program, received, outcome.err())
}

#[test]
fn a_gateway_that_refuses_our_certificate_is_told_as_that_in_both_versions() {
    for (option, version) in VERSIONS {
        let (program, received, outcome) = refused_persona(option, &SECRET);
        assert_eq!(outcome, Some(ErrorKind::ConnectionReset), "{version}");
        let access = program.access("persona", 0);
        assert_eq!(access.reason(), "certificate_refused", "{access:?}");
        assert_eq!(access.get("leg"), "outbound", "{access:?}");
        assert!(access.get("detail").ends_with(" unknown_ca"), "{access:?}");
        // In TLS 1.3 the handshake is over before the gateway has judged.
        let known_version = match version {
            "TLSv1.3" => version,
            _ => "",
        };
        assert_eq!(access.get("outbound_version"), known_version);
        assert_eq!(received.len(), 0, "{version}");
    }
}

#[test]
fn a_refusal_that_arrives_while_the_application_sends_is_told_as_that() {
    // The gateway closes with bytes of ours unread, and so resets the connection behind its alert.
    let (program, received, outcome) = refused_persona("-tls1_3", &vec![b'x'; 8 << 20]);
    assert_eq!(outcome, Some(ErrorKind::ConnectionReset));
    let access = program.access("persona", 0);
    assert_eq!(access.reason(), "certificate_refused", "{access:?}");
    assert_eq!(received.len(), 0);
}

#[test]
fn a_client_that_refuses_our_certificate_is_told_as_that_and_reaches_no_service() {
    let (pki, others) = (TestPki::new(), TestPki::new());
    let (service, connections) = counted();
    let program = gateway(&pki, service);
    let port = program.addr("gateway").port();
    let ca = others.ca.to_str().unwrap();
    let alice = pki.client("alice");
    for (index, (option, version)) in VERSIONS.into_iter().enumerate() {
        let options = ["-verify_return_error", "-CAfile", ca, option];
        let mut client = openssl::client(port, Some(&alice), &options);
        assert!(!client.exit().success(), "{version}");
        let access = program.access("gateway", index);
        assert_eq!(access.reason(), "certificate_refused", "{access:?}");
        assert_eq!(access.get("leg"), "inbound", "{access:?}");
        assert!(access.get("detail").ends_with(" unknown_ca"), "{access:?}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[test]
fn a_client_without_a_common_version_is_told_as_that_by_both_ends() {
    let pki = TestPki::new();
    let (client, server) = (pki.client("alice"), pki.server("localhost"));
    let old = openssl::server(&server, &["-tls1_2"]);
    let program = Program::run(&json!({
        "ca": pki.ca, "min_version": "TLS1.3",
        "address_pairs": [
            { "name": "gateway", "mode": "server", "cert": server.cert, "key": server.key,
              "inbound": "127.0.0.1:0", "outbound": "127.0.0.1:9" },
            { "name": "persona", "cert": client.cert, "key": client.key,
              "inbound": "127.0.0.1:0", "outbound": format!("localhost:{}", old.port) },
        ],
    }));
    let port = program.addr("gateway").port();
    openssl::client(port, Some(&client), &["-tls1_2"]).exit();
    assert_eq!(program.access("gateway", 0).reason(), "tls_version");
    assert_reset(program.connect("persona"));
    assert_eq!(program.access("persona", 0).reason(), "tls_version");
}
