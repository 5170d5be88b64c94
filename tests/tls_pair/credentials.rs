//! Our own certificate, key and trust: what is refused before anybody else sees it.

use std::fs;

use mtls_persona::tls::authority::{KeyKind, Purpose};
use mtls_persona::tls::{Credentials, MinVersion, Role};

use super::by_hand::{leaf_and_rest, openssl, path};
use super::pair::{material, prove};
use crate::support::certs::{IdentityFiles, TestPki};

/// The only line of what is wrong with a client's identity.
fn problem(pki: &TestPki, files: &IdentityFiles, role: Role) -> String {
    problems(pki, files, role).join("\n")
}

fn problems(pki: &TestPki, files: &IdentityFiles, role: Role) -> Vec<String> {
    match prove(&[&pki.ca], files, role) {
        Ok(_) => panic!("{} was accepted", text(&files.cert)),
        Err(error) => error.0,
    }
}

fn text(path: &std::path::Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn good_material_is_proven_with_its_facts_and_without_a_warning() {
    for kind in [KeyKind::EcP256, KeyKind::EcP384, KeyKind::Rsa(2048)] {
        let pki = TestPki::with_keys(kind);
        for role in [Role::Client, Role::Server] {
            let request = pki.request(Purpose::Both);
            let files = pki.issue(&request);
            let material = material(&[&pki.ca], &files, MinVersion::Tls12);
            let ten_days_before = request.validity.not_after - 10 * 86_400;
            let proven = Credentials::prove(&material, &[role], ten_days_before).unwrap();
            assert_eq!((proven.days_left, &proven.warnings[..]), (10, &[][..]));
            assert_eq!(proven.cert.subject, "CN=localhost");
            assert_eq!(proven.cert.issuer, "O=Test, CN=Test intermediate");
            assert!(proven.context(role).is_some());
            let other = if role == Role::Client {
                Role::Server
            } else {
                Role::Client
            };
            assert!(
                proven.context(other).is_none(),
                "a role that was not proven"
            );
        }
    }
}

#[test]
fn a_key_of_another_certificate_is_told_with_both_files() {
    let pki = TestPki::new();
    let files = IdentityFiles {
        key: pki.client("bob").key,
        ..pki.client("alice")
    };
    let problem = problem(&pki, &files, Role::Client);
    assert!(
        problem.contains("the key does not belong to the certificate"),
        "{problem}"
    );
    assert!(problem.contains(path(&files.key)) && problem.contains(path(&files.cert)));
}

#[test]
fn a_chain_in_the_wrong_order_is_told_as_a_key_that_does_not_belong() {
    let pki = TestPki::new();
    let files = pki.client("alice");
    let (leaf, above) = leaf_and_rest(&files.cert);
    fs::write(&files.cert, above + &leaf).unwrap();
    let problem = problem(&pki, &files, Role::Client);
    assert!(
        problem.contains("its first certificate must be our own"),
        "{problem}"
    );
}

#[test]
fn an_encrypted_key_is_refused_and_nobody_is_asked_for_its_passphrase() {
    let pki = TestPki::new();
    for format in [&["pkcs8", "-topk8"][..], &["ec", "-aes128"]] {
        let files = pki.client("alice");
        let with = ["-in", path(&files.key), "-passout", "pass:secret"];
        let encrypted = openssl(&[format, &with].concat());
        fs::write(&files.key, &encrypted).unwrap();
        let problem = problem(&pki, &files, Role::Client);
        assert!(problem.contains("it is encrypted"), "{problem}");
        assert!(problem.starts_with(path(&files.key)));
    }
}

#[test]
fn every_unusable_file_is_told_at_once() {
    let pki = TestPki::new();
    let files = pki.write("", "");
    fs::write(&pki.ca, "# nothing yet\n").unwrap();
    let problems = problems(&pki, &files, Role::Client);
    assert_eq!(problems.len(), 3, "{problems:#?}");
    for (problem, file) in problems.iter().zip([&files.cert, &pki.ca, &files.key]) {
        assert!(problem.starts_with(path(file)), "{problem}");
    }
}

#[test]
fn der_instead_of_pem_is_no_certificate_and_no_key() {
    let pki = TestPki::new();
    let files = pki.client("alice");
    let cert = openssl(&["x509", "-in", path(&files.cert), "-outform", "DER"]);
    let key = openssl(&["pkey", "-in", path(&files.key), "-outform", "DER"]);
    fs::write(&files.cert, cert).unwrap();
    fs::write(&files.key, key).unwrap();
    let problems = problems(&pki, &files, Role::Client);
    assert_eq!(problems.len(), 2);
    assert!(
        problems
            .iter()
            .all(|problem| problem.contains("a PEM file")),
        "{problems:#?}"
    );
}

#[test]
fn text_between_the_certificates_of_a_trust_file_is_skipped() {
    let (ours, other) = (TestPki::new(), TestPki::new());
    let (one, two) = (text(&ours.ca), text(&other.ca));
    let key = text(&ours.client("x").key);
    for ca in [
        format!("# ours\n{one}\n\nsubject: other\n\t{{}}\n{two}# the end"),
        format!("{one}{two}").replace('\n', "\r\n"),
        format!("{one}{key}{two}"),
        format!("{one}{one}{two}{one}"),
        format!("{one}{}", two.trim_end()),
    ] {
        fs::write(&ours.ca, &ca).unwrap();
        for pki in [&ours, &other] {
            let proven = prove(&[&ours.ca], &pki.client("alice"), Role::Client).unwrap();
            assert_eq!(proven.warnings, [""; 0], "{ca}");
        }
    }
}

#[test]
fn a_damaged_certificate_among_good_ones_is_told_and_not_left_out() {
    let (pki, other) = (TestPki::new(), TestPki::new());
    let (one, two) = (text(&pki.ca), text(&other.ca));
    let joined = |first: &str, second: &str| format!("{}{second}", first.trim_end());
    let files = pki.client("alice");
    for damaged in [
        two.replacen("MII", "M!I", 1),
        two.replacen("MII", "MIIA", 1),
        two.replace("-----BEGIN", "----BEGIN"),
        two.replace("-----END CERTIFICATE-----", ""),
        two.replace("-----END CERTIFICATE-----", "-----END X-----"),
        two[..two.len() / 2].to_owned(),
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_owned(),
    ] {
        for ca in [
            format!("{one}{damaged}"),
            format!("{damaged}\n{one}"),
            joined(&one, &damaged),
        ] {
            fs::write(&pki.ca, &ca).unwrap();
            let problem = problem(&pki, &files, Role::Client);
            assert!(problem.starts_with(path(&pki.ca)), "{problem}");
            assert!(
                problem.contains("not all of its certificates (2) can be read"),
                "{problem}"
            );
        }
    }
    fs::write(&pki.ca, joined(&one, &two)).unwrap();
    assert!(problem(&pki, &files, Role::Client).starts_with(path(&pki.ca)));
}

#[test]
fn a_damaged_intermediate_of_our_own_is_told_and_not_left_out() {
    let pki = TestPki::new();
    let files = pki.client("alice");
    let (leaf, above) = leaf_and_rest(&files.cert);
    fs::write(
        &files.cert,
        leaf + &above.replace("-----BEGIN", "----BEGIN"),
    )
    .unwrap();
    let problem = problem(&pki, &files, Role::Client);
    assert!(problem.starts_with(path(&files.cert)), "{problem}");
}

#[test]
fn a_certificate_that_peers_would_refuse_is_refused_first() {
    let pki = TestPki::new();
    type Make = fn(&TestPki, Purpose) -> IdentityFiles;
    let cases: [(Make, &str); 4] = [
        (TestPki::expired, ": cert_expired: "),
        (TestPki::not_yet_valid, ": cert_not_yet_valid: "),
        (TestPki::rsa1024, ": cert_weak_key: "),
        (TestPki::sha1, ": cert_weak_signature: "),
    ];
    for (purpose, role) in [
        (Purpose::Client, Role::Client),
        (Purpose::Server, Role::Server),
    ] {
        for (make, label) in cases {
            let files = make(&pki, purpose);
            let problem = problem(&pki, &files, role);
            assert!(
                problem.contains(label) && problem.starts_with(path(&files.cert)),
                "{problem}"
            );
        }
    }
    for (files, role) in [
        (pki.client_auth_only(), Role::Server),
        (pki.server_auth_only(), Role::Client),
    ] {
        let problem = problem(&pki, &files, role);
        assert!(problem.contains(": cert_wrong_purpose: "), "{problem}");
    }
}

#[test]
fn a_certificate_for_one_role_is_refused_where_both_are_asked_for() {
    let pki = TestPki::new();
    let material = material(&[&pki.ca], &pki.client("alice"), MinVersion::Tls12);
    let error = Credentials::prove(&material, &[Role::Client, Role::Server], 0)
        .err()
        .unwrap();
    assert_eq!(error.0.len(), 1, "{error}");
    assert!(error.0[0].contains(": cert_wrong_purpose: "), "{error}");
}

#[test]
fn an_identity_that_our_own_trust_does_not_vouch_for_works_with_a_warning() {
    let pki = TestPki::new();
    for files in [
        pki.unknown_authority(Purpose::Client),
        pki.impostor_authority(Purpose::Client),
        pki.missing_intermediate(Purpose::Client),
        pki.self_signed(Purpose::Client),
    ] {
        let proven = prove(&[&pki.ca], &files, Role::Client).unwrap();
        let [warning] = &proven.warnings[..] else {
            panic!("{:?}", proven.warnings);
        };
        assert!(
            warning.contains("our own ca does not vouch for it"),
            "{warning}"
        );
        assert!(warning.starts_with(path(&files.cert)), "{warning}");
    }
}
