//! What time alone brings: the reload interval, a connection's lifetime, the end of a peer's certificate.

use std::fs;
use std::io::{ErrorKind, Read, Write};

use mtls_persona::tls::Role;
use mtls_persona::tls::authority::{LeafRequest, Purpose, Validity};
use serde_json::json;

use super::gateway::{Gateway, config, newer};
use super::ground::Ground;
use super::support::certs::{IdentityFiles, TestPki, unix_now};
use super::support::program::Program;
use super::support::reads::Reads;
use super::support::tls::{self, TlsPeer, credentials};
use super::support::wait::until;
use super::support::{backend, pairs, rotate};
use super::{alice, assert_reset, ping};

#[test]
fn the_interval_brings_new_certificates_without_a_signal() {
    let pki = TestPki::new();
    let files = rotate::copy_into(&pki.folder().join("tls"), &pki.server("localhost"));
    let mut config = config(&pki, &files);
    config["watch"] = json!(false);
    config["reload_interval"] = json!("1s");
    let program = Program::run(&config);
    let mut gateway = Gateway::running(pki, program);
    for _ in 0..2 {
        let (newer, serial) = newer(&gateway.pki);
        rotate::rename_key_first(&newer, &files);
        gateway.until_shown(&serial);
    }
}

#[test]
fn the_interval_does_not_read_the_configuration() {
    let ground = Ground::run(1, json!({ "reload_interval": "1s" }));
    let outbound = ground.service(1);
    let config = ground.but(|pairs| pairs[0]["outbound"] = outbound);
    ground.program.reconfigure(&config);
    let cert = ground.config["cert"].as_str().unwrap();
    let mut reads = Reads::of(cert.as_ref());
    let mut until_intervals_later = || (0..2).for_each(|_| reads.wait());
    until_intervals_later();
    assert_eq!(ground.reach(0).1, 0);
    assert_eq!(ground.program.generation(), 1, "nothing has changed");
    fs::write(&ground.program.config, "{").unwrap();
    until_intervals_later();
    assert_eq!(ground.program.errors(), 0);
    ground.program.refuse_reload();
}

#[test]
fn a_lifetime_ends_a_connection_that_is_busy() {
    let mut ground = Ground::run(2, json!({}));
    ground.take(ground.but(|pairs| pairs[0]["timeouts"] = json!({ "lifetime": "1s" })));
    let ((mut mortal, _), (mut other, _)) = (ground.reach(0), ground.reach(1));
    let mut sent = 0_u64;
    until("the end", || {
        let mut answer = [0; 4];
        sent += 1;
        let is_alive = mortal.write_all(b"ping").is_ok() && mortal.read_exact(&mut answer).is_ok();
        (!is_alive).then_some(())
    });
    assert!(sent > 1);
    let end = ground.program.access("pair0", 0);
    assert_eq!(end.reason(), "lifetime");
    assert!(end.number("duration_ms") >= 1000);
    ping(&mut other);
}

/// An identity that ends in some seconds.
fn mortal(pki: &TestPki, role: Purpose) -> IdentityFiles {
    const SECONDS: i64 = 4;
    let now = unix_now();
    let validity = Validity {
        not_before: now - 60,
        not_after: now + SECONDS,
    };
    pki.issue(&LeafRequest {
        validity,
        ..pki.request(role)
    })
}

#[test]
fn a_clients_connection_ends_with_its_certificate_or_not() {
    let pki = TestPki::new();
    let mut config = pairs::server(&pki, backend::echo());
    let mut strict = config["address_pairs"][0].clone();
    strict["name"] = json!("strict");
    strict["inbound"] = json!(pairs::lone_address().to_string());
    strict["on_peer_expiry"] = json!("close");
    config["address_pairs"].as_array_mut().unwrap().push(strict);
    let program = Program::run(&config);
    let mortal = credentials(&mortal(&pki, Purpose::Client), &pki.ca, Role::Client);
    let dial = |pair, own| TlsPeer::connect(program.addr(pair), own).unwrap();
    let mut lenient = dial("gateway", &mortal);
    let mut strict = dial("strict", &mortal);
    let mut lasting = dial("strict", &alice(&pki));
    for peer in [&mut lenient, &mut strict, &mut lasting] {
        ping(peer);
    }
    let end = strict.read(&mut [0]).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
    let end = program.access("strict", 0);
    assert_eq!(end.reason(), "peer_expired");
    assert_eq!(end.get("leg"), "inbound");
    ping(&mut lenient);
    ping(&mut lasting);
}

#[test]
fn a_connection_to_a_server_ends_with_its_certificate_if_asked_to() {
    let pki = TestPki::new();
    let server = credentials(&mortal(&pki, Purpose::Server), &pki.ca, Role::Server);
    let service = tls::service(server, tls::echo);
    let config = pairs::client(&pki, service);
    let program = Program::run(&pairs::with(config, "/on_peer_expiry", "close"));
    let mut live = program.connect("persona");
    ping(&mut live);
    assert_reset(&mut live);
    let end = program.access("persona", 0);
    assert_eq!(end.reason(), "peer_expired");
    assert_eq!(end.get("leg"), "outbound");
}
