//! Gateways that prove who they are, or not.

use std::path::Path;

use mtls_persona::tls::authority::Purpose;
use serde_json::json;

use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::nginx::Nginx;
use crate::support::program::Program;
use crate::support::{backend, openssl, pairs};
use crate::{assert_reached, assert_stops, persona, probe};

/// The versions of TLS as the `openssl` command's options and as they are told.
const VERSIONS: [(&str, &str); 2] = [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")];

/// An option of `openssl s_server`: ask for a certificate, and verify it by that authority.
fn demand<'a>(ca: &'a Path, version: &'a str) -> [&'a str; 6] {
    let ca = ca.to_str().unwrap();
    [
        "-Verify",
        "3",
        "-verify_return_error",
        "-CAfile",
        ca,
        version,
    ]
}

#[test]
fn our_own_gateway_is_reached_and_sees_an_ordinary_connection() {
    let pki = TestPki::new();
    let program = Program::run(&pairs::server(&pki, backend::echo()));
    let outbound = format!("localhost:{}", program.addr("gateway").port());
    let probed = probe(&pki, &persona(&pki, &outbound), &[]);
    assert_reached(&probed);
    assert!(probed.words("tls").contains("TLSv1.3"), "{}", probed.stdout);
    assert!(probed.words("tls").contains("asked for our certificate"));
    assert!(probed.words("answer").contains("not objected"));
    let access = program.access("gateway", 0);
    assert_eq!(access.reason(), "completed", "{access:?}");
    assert_eq!(access.get("inbound_subject"), "CN=alice");
}

#[test]
fn the_gateways_certificate_is_told_with_all_of_its_facts() {
    let pki = TestPki::new();
    let identity = pki.server("localhost");
    for (option, version) in VERSIONS {
        let server = openssl::server(&identity, &demand(&pki.ca, option));
        let outbound = format!("localhost:{}", server.port);
        let probed = probe(&pki, &persona(&pki, &outbound), &[]);
        assert_reached(&probed);
        let [subject, issuer, serial] = openssl::names(&identity);
        assert_eq!(probed.below("subject"), format!("{subject:?}"));
        assert_eq!(probed.below("issuer"), format!("{issuer:?}"));
        assert_eq!(probed.below("serial"), serial);
        assert_eq!(probed.below("names"), "\"DNS:localhost\"");
        assert!(probed.below("valid").contains(" days left"));
        assert!(probed.words("tls").contains(version), "{}", probed.stdout);
        assert!(probed.words("tls").contains("asked for our certificate"));
    }
}

#[test]
fn a_gateway_that_asks_for_no_certificate_is_reached_and_told_as_that() {
    let pki = TestPki::new();
    for (option, _) in VERSIONS {
        let server = openssl::server(&pki.server("localhost"), &[option]);
        let outbound = format!("localhost:{}", server.port);
        let probed = probe(&pki, &persona(&pki, &outbound), &[]);
        assert_reached(&probed);
        assert!(
            probed.words("tls").contains("asked for no certificate"),
            "{}",
            probed.stdout
        );
    }
}

#[test]
fn nginx_is_reached_in_both_versions() {
    let pki = TestPki::new();
    let nginx = Nginx::before(backend::echo(), &pki.server("localhost"), &pki.ca);
    for address in [nginx.tls12(), nginx.tls13()] {
        let outbound = format!("localhost:{}", address.port());
        assert_reached(&probe(&pki, &persona(&pki, &outbound), &[]));
    }
}

#[test]
fn a_gateway_with_a_bad_certificate_is_told_with_that_certificate_and_the_name_it_had_to_prove() {
    let pki = TestPki::new();
    let role = Purpose::Server;
    let cases: [(IdentityFiles, &str, &str); 6] = [
        (pki.expired(role), "localhost", "cert_expired"),
        (pki.not_yet_valid(role), "localhost", "cert_not_yet_valid"),
        (
            pki.unknown_authority(role),
            "localhost",
            "cert_unknown_authority",
        ),
        (pki.wrong_name(), "localhost", "cert_name_mismatch"),
        (pki.wrong_ip(), "127.0.0.1", "cert_ip_mismatch"),
        (pki.client_auth_only(), "localhost", "cert_wrong_purpose"),
    ];
    for (identity, host, reason) in &cases {
        for (option, version) in VERSIONS {
            let server = openssl::server(identity, &demand(&pki.ca, option));
            let outbound = format!("{host}:{}", server.port);
            let probed = probe(&pki, &persona(&pki, &outbound), &[]);
            assert_stops(&probed, "certificate", reason);
            let [subject, _, serial] = openssl::names(identity);
            assert_eq!(probed.below("serial"), serial);
            assert_eq!(probed.below("subject"), format!("{subject:?}"));
            assert_eq!(probed.below("expected"), *host);
            assert_ne!(probed.below("remedy"), "");
            assert!(probed.words("tls").contains(version), "{}", probed.stdout);
        }
    }
}

#[test]
fn a_gateway_that_we_refuse_reads_our_alert() {
    let pki = TestPki::new();
    let mut config = pairs::server(&pki, backend::echo());
    let wrong = pki.wrong_name();
    config["cert"] = json!(wrong.cert);
    config["key"] = json!(wrong.key);
    let program = Program::run(&config);
    let outbound = format!("localhost:{}", program.addr("gateway").port());
    let probed = probe(&pki, &persona(&pki, &outbound), &[]);
    assert_stops(&probed, "certificate", "cert_name_mismatch");
    assert_eq!(program.access("gateway", 0).reason(), "certificate_refused");
}

#[test]
fn a_certificate_of_a_gateway_near_its_end_is_reached_with_a_warning() {
    let pki = TestPki::new();
    let now = crate::support::certs::unix_now();
    let mut request = pki.request(Purpose::Server);
    request.validity.not_before = now - 90 * 86_400;
    request.validity.not_after = now + 10 * 86_400;
    let server = openssl::server(&pki.issue(&request), &demand(&pki.ca, "-tls1_3"));
    let outbound = format!("localhost:{}", server.port);
    let probed = probe(&pki, &persona(&pki, &outbound), &[]);
    assert_reached(&probed);
    assert!(
        probed.below("warning").contains("renew it"),
        "{}",
        probed.stdout
    );
}

#[test]
fn a_gateway_that_no_rule_names_stops_at_the_access_list_and_is_shown() {
    let pki = TestPki::new();
    let program = Program::run(&pairs::server(&pki, backend::echo()));
    let outbound = format!("localhost:{}", program.addr("gateway").port());
    let allow = |name: &str| {
        let config = persona(&pki, &outbound);
        pairs::with(config, "/address_pairs/0/allow", json!({ "dns": name }))
    };
    let refused = probe(&pki, &allow("elsewhere"), &[]);
    assert_stops(&refused, "access", "acl_denied");
    assert_eq!(refused.below("names"), "\"DNS:localhost\"");
    let admitted = probe(&pki, &allow("local*"), &[]);
    assert_reached(&admitted);
    assert!(admitted.words("access").contains("\"dns:local*\""));
}
