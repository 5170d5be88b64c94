//! Clients before a gateway.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use mtls_persona::identity::{Rule, RuleKind};
use mtls_persona::tls::Role;
use mtls_persona::tls::authority::Purpose;
use serde_json::{Value, json};

use crate::support::backend::{self, counted};
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::openssl;
use crate::support::program::Program;
use crate::support::tls::{self, TlsPeer};
use crate::support::wait::until;
use crate::{ACCESS_DENIED, SENDS_ALERT, VERSIONS, ample, config, pair, ping_by};

/// A gateway with a pair for each of these access lists.
fn gateway<'a>(
    pki: &TestPki,
    service: SocketAddr,
    lists: impl IntoIterator<Item = (&'a str, Value)>,
) -> Program {
    let rest = json!({ "mode": "server", "outbound": service.to_string() });
    let pairs = lists.into_iter();
    let pairs = pairs.map(|(name, allow)| pair(name, allow, rest.clone()));
    Program::run(&config(pki, &pki.server("localhost"), pairs.collect()))
}

/// Lists that name the client of that certificate, with the rule that the log tells.
fn admitting(client: &IdentityFiles) -> Vec<(&'static str, Value, String)> {
    let pin = openssl::pin(client);
    let key = Rule::parse(RuleKind::Spki, &pin).unwrap();
    let told = |text: &str| text.to_owned();
    vec![
        ("cn", json!({ "cn": "alice" }), told("cn:alice")),
        ("ou", json!({ "ou": ["x", "db"] }), told("ou:db")),
        ("org", json!({ "org": "Exam*" }), told("org:Exam*")),
        (
            "dns",
            json!({ "dns": "db-*.EXAMPLE.org" }),
            told("dns:db-*.EXAMPLE.org"),
        ),
        (
            "uri",
            json!({ "uri": "spiffe://corp/*/db" }),
            told("uri:spiffe://corp/*/db"),
        ),
        (
            "deep",
            json!({ "uri": ["spiffe://corp/**"] }),
            told("uri:spiffe://corp/**"),
        ),
        ("spki", json!({ "spki": pin }), key.text().to_string()),
        (
            "any of several",
            json!({ "cn": "bob", "uri": "spiffe://b/*", "ou": "db" }),
            told("ou:db"),
        ),
        ("everybody", json!({}), String::new()),
    ]
}

/// Lists that name somebody else.
fn refusing(others_pin: &str) -> Vec<(&'static str, Value)> {
    vec![
        (
            "cn",
            json!({ "cn": ["Alice", "alic", "db", "a.example.org"] }),
        ),
        ("ou", json!({ "ou": "alice" })),
        ("org", json!({ "org": "Example Ltd" })),
        ("dns", json!({ "dns": ["*.org", "example.org", "alice"] })),
        (
            "uri",
            json!({ "uri": ["spiffe://corp/*", "spiffe://corp/eu/db/**/x"] }),
        ),
        ("spki", json!({ "spki": others_pin })),
        (
            "several",
            json!({ "cn": "bob", "ou": "x", "org": "x", "dns": "x", "uri": "x:y", "spki": others_pin }),
        ),
    ]
}

#[test]
fn a_client_that_any_rule_names_is_admitted_and_the_log_tells_the_rule() {
    let pki = TestPki::new();
    let client = pki.issue(&ample(&pki, Purpose::Client));
    let lists = admitting(&client);
    let pairs = lists.iter().map(|(name, allow, _)| (*name, allow.clone()));
    let program = gateway(&pki, backend::echo(), pairs);
    for (name, _, rule) in &lists {
        let port = program.addr(name).port();
        for (index, version) in VERSIONS.into_iter().enumerate() {
            ping_by(openssl::client(port, Some(&client), &[version]));
            let access = program.access(name, index);
            assert_eq!(access.reason(), "completed", "{access:?}");
            assert_eq!(access.get("inbound_allowed_by"), rule, "{access:?}");
            assert_eq!(access.get("inbound_observed"), "", "{access:?}");
        }
    }
}

#[test]
fn a_client_that_no_rule_names_is_refused_and_costs_the_service_no_connection() {
    let pki = TestPki::new();
    let (service, connections) = counted();
    let client = pki.issue(&ample(&pki, Purpose::Client));
    let other = pki.issue(&ample(&pki, Purpose::Client));
    let lists = refusing(&openssl::pin(&other));
    let everybody = [("everybody", json!({}))];
    let program = gateway(&pki, service, lists.iter().cloned().chain(everybody));
    for (name, _) in &lists {
        let port = program.addr(name).port();
        for (index, version) in VERSIONS.into_iter().enumerate() {
            let mut refused = openssl::client(port, Some(&client), &[version]);
            assert!(!refused.exit().success(), "{name} {version}");
            let log = refused.log();
            assert_eq!(
                log.contains(ACCESS_DENIED),
                SENDS_ALERT,
                "{name} {version}: {log}"
            );
            let access = program.access(name, index);
            assert_eq!(
                access.reason(),
                "acl_denied",
                "{name} {version}: {access:?}"
            );
            assert_eq!(access.get("leg"), "inbound");
            assert_eq!(access.get("outbound"), "-");
            let names = ["inbound_subject", "inbound_issuer", "inbound_serial"];
            assert_eq!(names.map(|name| access.get(name)), openssl::names(&client));
            assert_eq!(access.get("inbound_allowed_by"), "");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    let port = program.addr("everybody").port();
    let _client = openssl::client(port, Some(&client), &[]);
    until("an admitted client's connection", || {
        (connections.load(Ordering::SeqCst) == 1).then_some(())
    });
}

#[test]
fn a_refused_client_that_goes_on_sending_is_heard_out_and_hears_of_it() {
    let pki = TestPki::new();
    let (service, connections) = counted();
    let program = gateway(&pki, service, [("gateway", json!({ "cn": "bob" }))]);
    let alice = tls::credentials(&pki.client("alice"), &pki.ca, Role::Client);
    let mut client = TlsPeer::connect(program.addr("gateway"), &alice).unwrap();
    // A reset would end this, and could take the alert away.
    client.write_all(&vec![b'x'; 8 << 20]).unwrap();
    let error = client.read(&mut [0]).unwrap_err();
    match SENDS_ALERT {
        true => assert!(error.to_string().ends_with(" access_denied"), "{error}"),
        false => assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
    }
    let access = program.access("gateway", 0);
    assert_eq!(access.reason(), "acl_denied");
    assert_eq!(access.number("bytes_outward"), 0);
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[test]
fn a_chain_that_is_known_is_no_pass() {
    let pki = TestPki::new();
    // Both pairs have the same credentials, and so the same memory of chains.
    let lists = [("open", json!({})), ("closed", json!({ "cn": "bob" }))];
    let program = gateway(&pki, backend::echo(), lists);
    let alice = pki.client("alice");
    let client =
        |pair: &str| openssl::client(program.addr(pair).port(), Some(&alice), &["-tls1_3"]);
    ping_by(client("open"));
    for index in 0..2 {
        client("closed").exit();
        let access = program.access("closed", index);
        assert_eq!(access.reason(), "acl_denied", "{access:?}");
        assert_eq!(access.get("outbound"), "-", "{access:?}");
    }
}
