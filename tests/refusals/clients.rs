//! Clients that the gateway must not let in.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use serde_json::json;

use crate::VERSIONS;
use crate::support::backend::counted;
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::openssl;
use crate::support::program::Program;
use crate::support::wait::until;
use mtls_persona::tls::authority::Purpose;

pub(crate) fn gateway(pki: &TestPki, service: SocketAddr) -> Program {
    let server = pki.server("localhost");
    Program::run(&json!({
        "ca": pki.ca, "cert": server.cert, "key": server.key,
        "address_pairs": [{ "name": "gateway", "mode": "server",
            "inbound": "127.0.0.1:0", "outbound": service.to_string() }],
    }))
}

/// Certificate, reason, and the numbers that the alert may have in the TLS registry.
type Case = (IdentityFiles, &'static str, &'static [u8]);

fn cases(pki: &TestPki) -> Vec<Case> {
    const BAD_CERTIFICATE: &[u8] = &[42];
    const UNSUPPORTED_CERTIFICATE: &[u8] = &[43];
    const CERTIFICATE_EXPIRED: &[u8] = &[45];
    // BoringSSL calls it expired, OpenSSL bad.
    const NOT_YET_VALID: &[u8] = &[42, 45];
    const UNKNOWN_CA: &[u8] = &[48];
    let role = Purpose::Client;
    vec![
        (pki.expired(role), "cert_expired", CERTIFICATE_EXPIRED),
        (pki.not_yet_valid(role), "cert_not_yet_valid", NOT_YET_VALID),
        (pki.self_signed(role), "cert_self_signed", UNKNOWN_CA),
        (
            pki.unknown_authority(role),
            "cert_unknown_authority",
            UNKNOWN_CA,
        ),
        (
            pki.impostor_authority(role),
            "cert_unknown_authority",
            UNKNOWN_CA,
        ),
        (
            pki.missing_intermediate(role),
            "cert_missing_intermediate",
            UNKNOWN_CA,
        ),
        (
            pki.server_auth_only(),
            "cert_wrong_purpose",
            UNSUPPORTED_CERTIFICATE,
        ),
        (pki.sha1(role), "cert_weak_signature", BAD_CERTIFICATE),
        (pki.rsa1024(role), "cert_weak_key", BAD_CERTIFICATE),
    ]
}

#[test]
fn a_client_with_a_bad_certificate_gets_an_alert_and_costs_the_service_no_connection() {
    let pki = TestPki::new();
    let (service, connections) = counted();
    let program = gateway(&pki, service);
    let port = program.addr("gateway").port();
    let mut index = 0;
    for (identity, reason, alerts) in cases(&pki) {
        for (option, version) in VERSIONS {
            let what = format!("{reason} {version}");
            let mut client = openssl::client(port, Some(&identity), &[option]);
            client.exit();
            let access = program.access("gateway", index);
            index += 1;
            assert_eq!(access.reason(), reason, "{what}: {access:?}");
            assert_eq!(access.get("leg"), "inbound", "{what}");
            let names = ["inbound_subject", "inbound_issuer", "inbound_serial"];
            assert_eq!(
                names.map(|name| access.get(name)),
                openssl::names(&identity)
            );
            assert_alert(&client.log(), alerts, &what);
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    let alice = pki.client("alice");
    let _client = openssl::client(port, Some(&alice), &[]);
    until("a good client's connection", || {
        (connections.load(Ordering::SeqCst) == 1).then_some(())
    });
}

#[test]
fn a_client_without_a_certificate_is_refused() {
    let pki = TestPki::new();
    let (service, connections) = counted();
    let program = gateway(&pki, service);
    let port = program.addr("gateway").port();
    const HANDSHAKE_FAILURE: u8 = 40;
    const CERTIFICATE_REQUIRED: u8 = 116;
    let alerts = [HANDSHAKE_FAILURE, CERTIFICATE_REQUIRED];
    for (index, (option, version)) in VERSIONS.into_iter().enumerate() {
        let mut client = openssl::client(port, None, &[option]);
        client.exit();
        assert_alert(&client.log(), &alerts[index..=index], version);
        let access = program.access("gateway", index);
        assert_eq!(access.reason(), "cert_missing", "{version}: {access:?}");
        assert_eq!(access.get("leg"), "inbound", "{version}");
        assert_eq!(access.get("inbound_subject"), "", "{version}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

/// The client's log tells of one of these alerts.
#[track_caller]
fn assert_alert(log: &str, alerts: &[u8], what: &str) {
    let (_, number) = log
        .rsplit_once("SSL alert number ")
        .unwrap_or_else(|| panic!("{what}: no alert: {log}"));
    let number: u8 = number.trim().parse().unwrap();
    assert!(alerts.contains(&number), "{what}: {log}");
}
