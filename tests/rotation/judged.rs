//! Peers that a new revocation list or access list would refuse, while they are connected.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use mtls_persona::tls::Role;
use serde_json::{Value, json};

use super::support::certs::{IdentityFiles, TestPki};
use super::support::nginx::Nginx;
use super::support::openssl;
use super::support::program::Program;
use super::support::tls::{self, TlsPeer, credentials};
use super::support::wait::until;
use super::support::{backend, pairs};
use super::{assert_reset, localhost, ping};

/// A gateway with revocation lists and an access list, and two clients.
struct Gateway {
    pki: TestPki,
    program: Program,
    config: Value,
    lists: PathBuf,
    alice: IdentityFiles,
    bob: IdentityFiles,
}

impl Gateway {
    fn run(on_reload: &str, more: &[(&str, Value)]) -> Gateway {
        let pki = TestPki::new();
        let lists = pki.crl(&[]);
        let mut config = pairs::server(&pki, backend::echo());
        config["crl"] = json!(lists);
        config["on_reload"] = json!(on_reload);
        for (path, value) in more {
            config = pairs::with(config, path, value.clone());
        }
        Gateway {
            program: Program::run(&config),
            alice: pki.client("alice"),
            bob: pki.client("bob"),
            pki,
            config,
            lists,
        }
    }

    /// A live connection of one of the clients.
    fn connect(&self, who: &IdentityFiles) -> TlsPeer {
        let credentials = credentials(who, &self.pki.ca, Role::Client);
        let mut peer = TlsPeer::connect(self.program.addr("gateway"), &credentials).unwrap();
        ping(&mut peer);
        peer
    }

    /// Puts new lists in the place of the old ones.
    fn revoke(&self, whom: &[&IdentityFiles]) {
        fs::rename(self.pki.crl(whom), &self.lists).unwrap();
    }

    /// Lets the program take another access list.
    fn allow(&self, rules: Value) {
        let config = self.config.clone();
        let config = pairs::with(config, "/address_pairs/0/allow", rules);
        self.program.reconfigure(&config);
        self.program.reload();
    }

    /// The first end so far: why, and whose.
    fn first_end(&self) -> [String; 2] {
        let access = self.program.access("gateway", 0);
        [
            access.reason().to_owned(),
            access.get("inbound_subject").to_owned(),
        ]
    }
}

fn assert_cut(peer: &mut TlsPeer) {
    let error = peer.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn with_close_a_client_that_was_revoked_is_cut_off_and_the_others_are_not() {
    let gateway = Gateway::run("close", &[("/watch", json!(true))]);
    let mut bob = gateway.connect(&gateway.bob);
    let mut alice = gateway.connect(&gateway.alice);
    gateway.revoke(&[&gateway.alice]);
    assert_cut(&mut alice);
    assert_eq!(gateway.first_end(), ["cert_revoked", "CN=alice"]);
    ping(&mut bob);
    ping(&mut gateway.connect(&gateway.bob));
}

#[test]
fn with_close_a_client_that_no_rule_names_any_more_is_cut_off_and_the_others_are_not() {
    let gateway = Gateway::run("close", &[]);
    let mut bob = gateway.connect(&gateway.bob);
    let mut alice = gateway.connect(&gateway.alice);
    gateway.allow(json!({ "cn": "bob" }));
    assert_cut(&mut alice);
    assert_eq!(gateway.first_end(), ["acl_denied", "CN=alice"]);
    ping(&mut bob);
    gateway.allow(json!({ "cn": ["bob", "carol"] }));
    ping(&mut bob);
}

#[test]
fn a_resumed_session_of_a_revoked_client_is_cut_off_too() {
    let gateway = Gateway::run("close", &[]);
    let credentials = credentials(&gateway.alice, &gateway.pki.ca, Role::Client);
    let address = gateway.program.addr("gateway");
    let mut first = TlsPeer::connect(address, &credentials).unwrap();
    ping(&mut first);
    first.end().unwrap();
    first.wait_for_fin().unwrap();
    let mut live = TlsPeer::connect(address, &credentials).unwrap();
    ping(&mut live);
    gateway.revoke(&[&gateway.alice]);
    gateway.program.reload();
    assert_cut(&mut live);
    let end = gateway.program.access("gateway", 1);
    assert_eq!(end.get("inbound_resumed"), "true");
    assert_eq!(end.reason(), "cert_revoked");
}

#[test]
fn with_keep_a_revoked_client_goes_on_and_comes_in_no_more() {
    let gateway = Gateway::run("keep", &[]);
    let mut alice = gateway.connect(&gateway.alice);
    gateway.revoke(&[&gateway.alice]);
    gateway.program.reload();
    let client = openssl::client(
        gateway.program.addr("gateway").port(),
        Some(&gateway.alice),
        &[],
    );
    assert_eq!(gateway.first_end(), ["cert_revoked", "CN=alice"]);
    drop(client);
    ping(&mut alice);
}

#[test]
fn with_drain_a_client_that_is_refused_now_has_the_drain_time() {
    let gateway = Gateway::run("drain", &[("/timeouts/drain", json!("1s"))]);
    let mut bob = gateway.connect(&gateway.bob);
    let mut alice = gateway.connect(&gateway.alice);
    gateway.allow(json!({ "cn": "bob" }));
    ping(&mut alice);
    assert_cut(&mut alice);
    assert_eq!(gateway.first_end(), ["acl_denied", "CN=alice"]);
    ping(&mut bob);
}

#[test]
fn with_close_a_list_that_is_only_tried_out_cuts_nobody_off() {
    let observe = ("/address_pairs/0/allow_mode", json!("observe"));
    let gateway = Gateway::run("close", &[observe]);
    let mut alice = gateway.connect(&gateway.alice);
    gateway.allow(json!({ "cn": "bob" }));
    ping(&mut alice);
}

#[test]
fn with_close_an_openssl_client_that_was_revoked_is_cut_off() {
    let gateway = Gateway::run("close", &[]);
    let port = gateway.program.addr("gateway").port();
    let mut client = openssl::client(port, Some(&gateway.alice), &[]);
    let (mut stdin, mut stdout) = client.pipes();
    std::io::Write::write_all(&mut stdin, b"hello").unwrap();
    let mut answer = [0; 5];
    stdout.read_exact(&mut answer).unwrap();
    gateway.revoke(&[&gateway.alice]);
    gateway.program.reload();
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
    assert_eq!(gateway.first_end(), ["cert_revoked", "CN=alice"]);
}

#[test]
fn with_close_a_gateway_that_was_revoked_is_left() {
    let pki = TestPki::new();
    let lists = pki.crl(&[]);
    let shown = pki.server("localhost");
    let nginx = Nginx::before(backend::echo(), &shown, &pki.ca);
    let mut config = pairs::client(&pki, nginx.tls13());
    config["crl"] = json!(lists);
    config["on_reload"] = json!("close");
    let program = Program::run(&config);
    let mut live = program.connect("persona");
    ping(&mut live);
    fs::rename(pki.crl(&[&shown]), &lists).unwrap();
    program.reload();
    assert_reset(&mut live);
    assert_eq!(program.access("persona", 0).reason(), "cert_revoked");
}

#[test]
fn a_gateway_whose_key_is_not_the_pinned_one_any_more_is_left() {
    let pki = TestPki::new();
    let service = tls::service(localhost(&pki), tls::echo);
    let config = pairs::with(pairs::client(&pki, service), "/on_reload", "close");
    let program = Program::run(&config);
    let mut live = program.connect("persona");
    ping(&mut live);
    let other = openssl::pin(&pki.server("localhost"));
    let allow = json!({ "spki": other });
    program.reconfigure(&pairs::with(config, "/address_pairs/0/allow", allow));
    program.reload();
    assert_reset(&mut live);
    assert_eq!(program.access("persona", 0).reason(), "acl_denied");
}

#[test]
fn a_client_whose_handshake_is_under_way_is_judged_by_the_new_list() {
    let gateway = Gateway::run("keep", &[("/timeouts/handshake", json!("10m"))]);
    let address = gateway.program.addr("gateway");
    let base = gateway.program.descriptors();
    let slow = std::net::TcpStream::connect(address).unwrap();
    until("the connection", || {
        (gateway.program.descriptors() > base).then_some(())
    });
    gateway.allow(json!({ "cn": "bob" }));
    let credentials = credentials(&gateway.alice, &gateway.pki.ca, Role::Client);
    // In TLS 1.3 a client hears of it on its first read.
    if let Ok(mut peer) = TlsPeer::dialled(slow, address, &credentials) {
        peer.read(&mut [0]).unwrap_err();
    }
    assert_eq!(gateway.first_end(), ["acl_denied", "CN=alice"]);
}
