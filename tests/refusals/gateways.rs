//! Gateways that the persona must not talk to.

use std::io::Write;
use std::process::ChildStdin;

use serde_json::json;

use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::openssl;
use crate::support::peers::{Gathered, Peer};
use crate::support::program::Program;
use crate::support::tap::{self, Tap};
use crate::{SECRET, VERSIONS, assert_reset};
use mtls_persona::tls::authority::Purpose;

/// A gateway with a fault.
struct Case {
    identity: IdentityFiles,
    /// How the persona calls it.
    host: &'static str,
    reason: &'static str,
}

fn cases(pki: &TestPki) -> Vec<Case> {
    let role = Purpose::Server;
    let by_name = [
        (pki.wrong_name(), "cert_name_mismatch"),
        (pki.expired(role), "cert_expired"),
        (pki.not_yet_valid(role), "cert_not_yet_valid"),
        (pki.self_signed(role), "cert_self_signed"),
        (pki.unknown_authority(role), "cert_unknown_authority"),
        (pki.impostor_authority(role), "cert_unknown_authority"),
        (pki.missing_intermediate(role), "cert_missing_intermediate"),
        (pki.client_auth_only(), "cert_wrong_purpose"),
        (pki.sha1(role), "cert_weak_signature"),
        (pki.rsa1024(role), "cert_weak_key"),
    ];
    let case = |host| {
        move |(identity, reason)| Case {
            identity,
            host,
            reason,
        }
    };
    let by_address = [(pki.wrong_ip(), "cert_ip_mismatch")];
    let by_name = by_name.into_iter().map(case("localhost"));
    by_name
        .chain(by_address.into_iter().map(case("127.0.0.1")))
        .collect()
}

/// A gateway that runs, with a recorder before it.
struct Gateway {
    _process: Peer,
    /// Held open: at its end the command would stop reading the network as well.
    _input: ChildStdin,
    received: Gathered,
    tap: Tap,
}

impl Gateway {
    fn run(identity: &IdentityFiles, version: &str) -> Gateway {
        let mut process = openssl::server(identity, &[version]);
        let (input, output) = process.pipes();
        Gateway {
            tap: Tap::before(([127, 0, 0, 1], process.port).into()),
            _input: input,
            received: Gathered::of(output),
            _process: process,
        }
    }
}

fn personas(pki: &TestPki, targets: &[(String, String)]) -> Program {
    let alice = pki.client("alice");
    let pair = |(name, outbound): &(String, String)| json!({ "name": name, "inbound": "127.0.0.1:0", "outbound": outbound });
    Program::run(&json!({
        "ca": pki.ca, "cert": alice.cert, "key": alice.key,
        "address_pairs": targets.iter().map(pair).collect::<Vec<_>>(),
    }))
}

#[test]
fn a_gateway_with_a_bad_certificate_gets_an_alert_and_not_a_byte_of_the_application() {
    let pki = TestPki::new();
    let cases = cases(&pki);
    let all: Vec<_> = cases
        .iter()
        .flat_map(|case| VERSIONS.map(|version| (case, version)))
        .map(|(case, (option, version))| (case, version, Gateway::run(&case.identity, option)))
        .collect();
    let targets: Vec<_> = all
        .iter()
        .enumerate()
        .map(|(index, (case, _, gateway))| {
            let port = gateway.tap.address.port();
            (index.to_string(), format!("{}:{port}", case.host))
        })
        .collect();
    let program = personas(&pki, &targets);
    for ((case, version, gateway), (pair, _)) in all.iter().zip(&targets) {
        let what = format!("{} {version} (pair {pair})", case.reason);
        assert_reset(program.connect(pair));

        let access = program.access(pair, 0);
        assert_eq!(access.reason(), case.reason, "{what}: {access:?}");
        assert_eq!(access.get("leg"), "outbound", "{what}");
        let names = ["outbound_subject", "outbound_issuer", "outbound_serial"];
        assert_eq!(
            names.map(|name| access.get(name)),
            openssl::names(&case.identity)
        );
        assert_ne!(access.get("outbound_sans"), "", "{what}");

        assert_only_an_alert(&gateway.tap, version, &what);
        assert_eq!(gateway.received.text(), "", "{what}");
    }
}

/// Behind its ClientHello the persona has said nothing but an alert: it did not even finish the
/// handshake. In TLS 1.3 BoringSSL encrypts the alert, which is then told by its length: two bytes,
/// the inner record type and the tag (RFC 8446, 5.2). OpenSSL does not.
fn assert_only_an_alert(tap: &Tap, version: &str, what: &str) {
    let said = tap.conversation(0).outward;
    let mut records = tap::records(&said).into_iter();
    let hello = records.next().map(|(kind, _)| kind);
    assert_eq!(hello, Some(tap::HANDSHAKE), "{what}");
    let rest: Vec<_> = records
        .filter(|(kind, _)| *kind != tap::CHANGE_CIPHER_SPEC)
        .collect();
    let plain = (tap::ALERT, 2);
    let encrypted = (tap::APPLICATION_DATA, 2 + 1 + 16);
    let is_alert = rest == [plain] || version == "TLSv1.3" && rest == [encrypted];
    assert!(is_alert, "{what}: {rest:?}");
}

#[test]
fn a_good_gateway_behind_the_same_recorder_gets_what_the_application_sends() {
    let pki = TestPki::new();
    for (option, version) in VERSIONS {
        let gateway = Gateway::run(&pki.server("localhost"), option);
        let outbound = format!("localhost:{}", gateway.tap.address.port());
        let program = personas(&pki, &[("persona".to_owned(), outbound)]);
        let mut stream = program.connect("persona");
        stream.write_all(&SECRET).unwrap();
        assert_eq!(gateway.received.until_len(SECRET.len()), SECRET);
        drop(stream);
        let said = gateway.tap.conversation(0).outward;
        assert!(said.len() > SECRET.len(), "{version}");
    }
}
