//! The certificates that other tests rely on are wrong in exactly the way that they say; judged by
//! the `openssl` command.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use mtls_persona::tls::authority::{KeyKind, Purpose};
use support::certs::{IdentityFiles, TestPki};
use support::peers;

const ROLES: [Purpose; 2] = [Purpose::Server, Purpose::Client];

/// Verifies as a strict peer of this role would; `Err` is the number of the first fault.
fn verdict(
    pki: &TestPki,
    files: &IdentityFiles,
    role: Purpose,
    target: &[&str],
) -> Result<(), u32> {
    let purpose = match role {
        Purpose::Client => "sslclient",
        _ => "sslserver",
    };
    let strict = ["-x509_strict", "-auth_level", "2", "-purpose", purpose];
    let output = peers::command("openssl")
        .arg("verify")
        .args(strict)
        .args(target)
        .arg("-CAfile")
        .arg(&pki.ca)
        .arg("-untrusted")
        .arg(&files.cert)
        .arg(&files.cert)
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let number = said
        .split("error ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    Err(number.unwrap().parse().expect(&said))
}

fn by_name(pki: &TestPki, files: &IdentityFiles) -> Result<(), u32> {
    verdict(
        pki,
        files,
        Purpose::Server,
        &["-verify_hostname", "localhost"],
    )
}

fn by_address(pki: &TestPki, files: &IdentityFiles) -> Result<(), u32> {
    verdict(pki, files, Purpose::Server, &["-verify_ip", "127.0.0.1"])
}

#[test]
fn good_identities_verify_with_every_kind_of_key() {
    for kind in [
        KeyKind::EcP256,
        KeyKind::EcP384,
        KeyKind::Rsa(2048),
        KeyKind::Rsa(3072),
    ] {
        let pki = TestPki::with_keys(kind);
        assert_eq!(by_name(&pki, &pki.server("localhost")), Ok(()), "{kind:?}");
        assert_eq!(
            by_address(&pki, &pki.server("127.0.0.1")),
            Ok(()),
            "{kind:?}"
        );
        let alice = pki.client("alice");
        assert_eq!(
            verdict(&pki, &alice, Purpose::Client, &[]),
            Ok(()),
            "{kind:?}"
        );
    }
}

#[test]
fn the_request_that_bad_identities_start_from_is_good() {
    let pki = TestPki::new();
    let server = pki.issue(&pki.request(Purpose::Server));
    assert_eq!(by_name(&pki, &server), Ok(()));
    assert_eq!(by_address(&pki, &server), Ok(()));
    let client = pki.issue(&pki.request(Purpose::Client));
    assert_eq!(verdict(&pki, &client, Purpose::Client, &[]), Ok(()));
    for role in ROLES {
        let both = pki.issue(&pki.request(Purpose::Both));
        assert_eq!(verdict(&pki, &both, role, &[]), Ok(()));
    }
}

#[test]
fn every_bad_identity_has_its_own_fault_in_both_roles() {
    type Make = fn(&TestPki, Purpose) -> IdentityFiles;
    let cases: [(&str, Make, u32); 8] = [
        ("expired", TestPki::expired, 10),
        ("not yet valid", TestPki::not_yet_valid, 9),
        ("self-signed", TestPki::self_signed, 18),
        ("unknown authority", TestPki::unknown_authority, 20),
        ("impostor authority", TestPki::impostor_authority, 20),
        ("missing intermediate", TestPki::missing_intermediate, 20),
        ("SHA-1", TestPki::sha1, 68),
        ("RSA 1024", TestPki::rsa1024, 66),
    ];
    let pki = TestPki::new();
    for (case, make, fault) in cases {
        for role in ROLES {
            let files = make(&pki, role);
            assert_eq!(
                verdict(&pki, &files, role, &[]),
                Err(fault),
                "{case} {role:?}"
            );
        }
    }
}

#[test]
fn an_identity_for_the_other_role_alone_is_refused_for_its_purpose() {
    let pki = TestPki::new();
    let (server, client) = (pki.client_auth_only(), pki.server_auth_only());
    assert_eq!(by_name(&pki, &server), Err(26));
    assert_eq!(verdict(&pki, &server, Purpose::Client, &[]), Ok(()));
    assert_eq!(verdict(&pki, &client, Purpose::Client, &[]), Err(26));
    assert_eq!(verdict(&pki, &client, Purpose::Server, &[]), Ok(()));
}

#[test]
fn a_wrong_name_is_wrong_by_name_alone_and_a_wrong_address_by_address() {
    let pki = TestPki::new();
    let (name, address) = (pki.wrong_name(), pki.wrong_ip());
    assert_eq!(
        (by_name(&pki, &name), by_address(&pki, &name)),
        (Err(62), Ok(()))
    );
    assert_eq!(
        (by_name(&pki, &address), by_address(&pki, &address)),
        (Ok(()), Err(64))
    );
}

#[test]
fn a_renewed_identity_replaces_the_files_of_the_old_one() {
    let pki = TestPki::new();
    let files = pki.expired(Purpose::Client);
    pki.renew(&files, &pki.request(Purpose::Client));
    assert_eq!(verdict(&pki, &files, Purpose::Client, &[]), Ok(()));
    let public = |command: &str, path, option: &str| {
        let mut openssl = peers::command("openssl");
        openssl.args([command, "-in"]).arg(path);
        openssl.args([option]).output().unwrap().stdout
    };
    let of_key = public("pkey", &files.key, "-pubout");
    let of_cert = public("x509", &files.cert, "-pubkey");
    assert!(!of_key.is_empty() && of_cert.starts_with(&of_key));
}
