//! Peers that a new revocation list or access list would refuse, while they are connected.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::path::PathBuf;

use mtls_persona::tls::Role;
use mtls_persona::tls::authority::Purpose;
use serde_json::{Value, json};

use super::support::certs::{IdentityFiles, TestPki, unix_now};
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
        // Other ports come while it runs.
        config["landlock"] = json!(false);
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

/// A connection to the gateway whose handshake has not begun.
fn silent(gateway: &Gateway) -> TcpStream {
    let base = gateway.program.descriptors();
    let silent = TcpStream::connect(gateway.program.addr("gateway")).unwrap();
    until("the connection", || {
        (gateway.program.descriptors() > base).then_some(())
    });
    silent
}

/// Begins and ends the handshake; the program may refuse it behind that.
fn shake_hands(gateway: &Gateway, silent: TcpStream, who: &IdentityFiles) -> Option<TlsPeer> {
    let credentials = credentials(who, &gateway.pki.ca, Role::Client);
    let address = gateway.program.addr("gateway");
    TlsPeer::dialled(silent, address, &credentials).ok()
}

/// In TLS 1.3 a client hears of a refusal on its first read.
fn assert_refused(peer: Option<TlsPeer>) {
    if let Some(mut peer) = peer {
        peer.read(&mut [0]).unwrap_err();
    }
}

const POLICIES: [&str; 3] = ["keep", "drain", "close"];

fn unhurried() -> (&'static str, Value) {
    ("/timeouts/handshake", json!("10m"))
}

#[test]
fn a_client_whose_handshake_is_under_way_is_judged_by_the_new_list() {
    for policy in POLICIES {
        let gateway = Gateway::run(policy, &[unhurried()]);
        let slow = silent(&gateway);
        gateway.allow(json!({ "cn": "bob" }));
        assert_refused(shake_hands(&gateway, slow, &gateway.alice));
        assert_eq!(gateway.first_end(), ["acl_denied", "CN=alice"], "{policy}");
    }
}

#[test]
fn a_client_whose_handshake_is_under_way_and_that_is_on_no_list_comes_in() {
    for policy in POLICIES {
        let gateway = Gateway::run(policy, &[unhurried(), ("/timeouts/drain", json!("1s"))]);
        let slow = silent(&gateway);
        gateway.revoke(&[&gateway.bob]);
        gateway.program.reload();
        let mut alice = shake_hands(&gateway, slow, &gateway.alice).unwrap();
        ping(&mut alice);
        // Past what a drain would have left it.
        let mut other = gateway.connect(&gateway.alice);
        gateway.allow(json!({ "cn": ["alice", "carol"] }));
        ping(&mut other);
        ping(&mut alice);
    }
}

#[test]
fn a_client_whose_handshake_is_under_way_and_that_is_revoked_meanwhile_is_refused() {
    let gateway = Gateway::run("keep", &[unhurried()]);
    let slow = silent(&gateway);
    gateway.revoke(&[&gateway.alice]);
    gateway.program.reload();
    assert_refused(shake_hands(&gateway, slow, &gateway.alice));
    assert_eq!(gateway.first_end(), ["cert_revoked", "CN=alice"]);
}

#[test]
fn who_waits_for_a_wider_list_is_not_led_to_where_the_narrow_one_stood() {
    let admins = ("/address_pairs/0/allow", json!({ "cn": "bob" }));
    let gateway = Gateway::run("keep", &[unhurried(), admins]);
    let slow = silent(&gateway);
    let mut config = gateway.config.clone();
    config["address_pairs"][0]["allow"] = json!({});
    config["address_pairs"][0]["outbound"] = json!(backend::echo().to_string());
    gateway.program.reconfigure(&config);
    gateway.program.reload();
    assert_refused(shake_hands(&gateway, slow, &gateway.alice));
    assert_eq!(gateway.first_end(), ["acl_denied", "CN=alice"]);
    ping(&mut gateway.connect(&gateway.alice));
}

/// Lets the gateway take a configuration while a client is in its handshake; how that ends.
fn end_of_handshake_across(change: impl FnOnce(&TestPki, &mut Value)) -> String {
    let mut gateway = Gateway::run("keep", &[unhurried()]);
    let slow = silent(&gateway);
    change(&gateway.pki, &mut gateway.config);
    gateway.program.reconfigure(&gateway.config);
    gateway.program.reload();
    assert!(shake_hands(&gateway, slow, &gateway.alice).is_none());
    let access = gateway.program.access("gateway", 0);
    access.reason().to_owned()
}

#[test]
fn nobody_is_admitted_to_a_pair_that_is_gone() {
    let end = end_of_handshake_across(|_, config| {
        config["address_pairs"][0]["inbound"] = json!("127.0.0.2:0");
    });
    assert_eq!(end, "reloaded");
}

#[test]
fn nobody_is_admitted_to_a_pair_that_takes_plain_connections_by_now() {
    let end = end_of_handshake_across(|pki, config| {
        let client = pki.client("gateway");
        config["cert"] = json!(client.cert);
        config["key"] = json!(client.key);
        config["address_pairs"][0]["mode"] = json!("client");
        config["address_pairs"][0]["server_name"] = json!("localhost");
    });
    assert_eq!(end, "reloaded");
}

#[test]
fn a_mistake_in_the_configuration_keeps_no_revocation_from_taking_effect() {
    let gateway = Gateway::run("close", &[("/watch", json!(true))]);
    let mut alice = gateway.connect(&gateway.alice);
    let mut config = gateway.config.clone();
    config["wach"] = json!(true);
    gateway.program.reconfigure(&config);
    until("the mistake to be told", || {
        gateway.program.has_line("wach: unknown key").then_some(())
    });
    ping(&mut alice);
    gateway.revoke(&[&gateway.alice]);
    assert_cut(&mut alice);
    assert_eq!(gateway.first_end(), ["cert_revoked", "CN=alice"]);
}

/// An identity that ends in some seconds, and when.
fn short_lived(pki: &TestPki, role: Purpose) -> (IdentityFiles, i64) {
    let mut request = pki.request(role);
    request.validity.not_after = unix_now() + 8;
    (pki.issue(&request), request.validity.not_after)
}

fn wait_for_the_end(not_after: i64) {
    until("a certificate's end", || {
        (unix_now() > not_after).then_some(())
    });
}

#[test]
fn a_certificate_of_ours_that_has_ended_keeps_no_revocation_from_taking_effect() {
    let mut gateway = Gateway::run("close", &[]);
    let (short, end) = short_lived(&gateway.pki, Purpose::Server);
    let pairs = gateway.config["address_pairs"].as_array_mut().unwrap();
    pairs.push(json!({
        "name": "short", "mode": "server", "inbound": "127.0.0.1:0", "outbound": "127.0.0.1:1",
        "cert": short.cert, "key": short.key,
    }));
    gateway.program.reconfigure(&gateway.config);
    gateway.program.reload();
    let mut alice = gateway.connect(&gateway.alice);
    gateway.revoke(&[&gateway.alice]);
    wait_for_the_end(end);
    gateway.program.reload();
    assert_cut(&mut alice);
    assert_eq!(gateway.first_end(), ["cert_revoked", "CN=alice"]);
}

#[test]
fn a_client_whose_certificate_has_ended_is_not_cut_off_by_a_list_that_does_not_name_it() {
    let gateway = Gateway::run("close", &[]);
    let (short, end) = short_lived(&gateway.pki, Purpose::Client);
    let mut live = gateway.connect(&short);
    wait_for_the_end(end);
    gateway.revoke(&[&gateway.bob]);
    gateway.program.reload();
    ping(&mut live);
    gateway.allow(json!({ "cn": "bob" }));
    assert_cut(&mut live);
}
