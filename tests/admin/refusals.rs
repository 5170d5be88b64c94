//! Handshakes that come to nothing, and peers that an access list is asked about.

use std::io::{Read, Write};

use mtls_persona::tls::Role;
use mtls_persona::tls::authority::Purpose;
use serde_json::json;

use super::support::certs::TestPki;
use super::support::program::Program;
use super::support::tls::{TlsPeer, credentials};
use super::support::wait::until;
use super::support::{backend, pairs};
use super::{ping, scrape, told};

const FAILURES: &str = "mtls_persona_tls_handshake_failures_total";
const DECISIONS: &str = "mtls_persona_acl_decisions_total";

#[test]
fn a_refused_certificate_is_counted_by_both_ends() {
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    let stranger = pki.unknown_authority(Purpose::Client);
    config["cert"] = json!(stranger.cert);
    config["key"] = json!(stranger.key);
    let program = Program::run(&told(config));
    assert!(program.connect("persona").read(&mut [0]).is_err());
    for pair in ["persona", "gateway"] {
        program.access(pair, 0);
    }
    let scrape = scrape(&program);
    for (pair, role, reason) in [
        ("gateway", "server", "cert_unknown_authority"),
        // Told on the first read, behind a handshake that was done for the client.
        ("persona", "client", "certificate_refused"),
    ] {
        let labels = [("pair", pair), ("role", role), ("reason", reason)];
        assert_eq!(scrape.count(FAILURES, &labels), 1, "{pair}");
        assert_eq!(scrape.count(FAILURES, &labels[..1]), 1, "{pair}");
    }
    // No handshake of the gateway's was done, and no list was asked.
    let done = "mtls_persona_tls_handshake_duration_seconds_count";
    assert_eq!(scrape.count(done, &[("pair", "gateway")]), 0);
    assert_eq!(scrape.count(DECISIONS, &[("pair", "gateway")]), 0);
}

#[test]
fn decisions_of_an_access_list_are_counted_by_their_result() {
    let pki = TestPki::new();
    let mut config = pairs::server(&pki, backend::echo());
    let pair = &mut config["address_pairs"][0];
    pair["allow"] = json!({ "cn": ["alice"] });
    let mut watched = pair.clone();
    watched["name"] = json!("watched");
    watched["allow_mode"] = json!("observe");
    config["address_pairs"]
        .as_array_mut()
        .unwrap()
        .push(watched);
    let program = Program::run(&told(config));
    let peers =
        ["alice", "bob", "bob"].map(|cn| credentials(&pki.client(cn), &pki.ca, Role::Client));
    for pair in ["gateway", "watched"] {
        for peer in &peers {
            let mut peer = TlsPeer::connect(program.addr(pair), peer).unwrap();
            // One that is refused hears of it now.
            let _ = peer.write_all(b"ping");
            let _ = peer.read(&mut [0; 4]);
        }
        program.access(pair, 2);
    }
    let scrape = scrape(&program);
    let decisions = |pair| {
        ["allow", "observe", "deny"].map(|result| {
            let labels = [("pair", pair), ("role", "server"), ("result", result)];
            scrape.count(DECISIONS, &labels)
        })
    };
    assert_eq!(decisions("gateway"), [1, 0, 2]);
    assert_eq!(decisions("watched"), [1, 2, 0]);
    let denied = [("pair", "gateway"), ("reason", "acl_denied")];
    assert_eq!(
        scrape.count("mtls_persona_connection_closes_total", &denied),
        2
    );
    assert_eq!(scrape.count(FAILURES, &[]), 0);
}

#[test]
fn a_stop_during_a_handshake_is_no_handshake_that_failed() {
    let pki = TestPki::new();
    let config = pairs::server(&pki, backend::echo());
    let config = pairs::with(config, "/timeouts/lifetime", "1s");
    let program = Program::run(&told(config));
    let mut silent = program.connect("gateway");
    until("the handshake to be under way", || {
        (scrape(&program).count("mtls_persona_handshakes_under_way", &[]) == 1).then_some(())
    });
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert_eq!(program.access("gateway", 0).reason(), "lifetime");
    let scrape = scrape(&program);
    assert_eq!(scrape.count(FAILURES, &[]), 0);
    let lifetime = [("reason", "lifetime")];
    assert_eq!(
        scrape.count("mtls_persona_connection_closes_total", &lifetime),
        1
    );
    let alice = credentials(&pki.client("alice"), &pki.ca, Role::Client);
    ping(&mut TlsPeer::connect(program.addr("gateway"), &alice).unwrap());
}
