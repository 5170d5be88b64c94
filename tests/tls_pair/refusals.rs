//! Certificates that we refuse, each with its own reason.

use mtls_persona::base::reason::CloseReason::{self, *};
use mtls_persona::tls::authority::{Authority, KeyKind, LeafRequest, Purpose, Subject};
use mtls_persona::tls::{ExpectedName, Role, TlsError};

use super::by_hand::{self, leaf_and_rest, openssl, path};
use super::pair::{Chunks, Sides, client_end, prove, server_end};
use super::stranger::Stranger;
use crate::support::certs::{IdentityFiles, TestPki};

const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];
const NAME: ExpectedName<'_> = ExpectedName::Dns("localhost");

/// What our end in the other role says to a peer that shows this identity.
fn verdict(pki: &TestPki, files: Option<&IdentityFiles>, role: Purpose, version: &str) -> TlsError {
    let sides = Sides::good(pki);
    // The peer's own library shall not mind.
    let options = [version, "-cipher", "DEFAULT:@SECLEVEL=0"];
    let (mut end, mut stranger) = match role {
        Purpose::Client => (server_end(&sides.server), Stranger::client(files, &options)),
        _ => (
            client_end(&sides.client, NAME),
            Stranger::server(files.unwrap(), &options),
        ),
    };
    stranger.shake(&mut end);
    let Some(error) = end.refusal else {
        panic!("accepted: {}", stranger.printed());
    };
    stranger.says("SSL alert number");
    assert!(!end.is_open && end.got.is_empty());
    error
}

/// Checks the verdict on both versions.
fn refused(pki: &TestPki, files: &IdentityFiles, role: Purpose, reason: CloseReason) -> TlsError {
    let verdicts = VERSIONS.map(|version| verdict(pki, Some(files), role, version));
    for error in &verdicts {
        assert_eq!(error.reason, reason, "{role:?}: {error}");
        let certificate = error.certificate.as_ref().unwrap();
        assert!(
            !certificate.serial.is_empty() && !certificate.subject.is_empty(),
            "{error}"
        );
    }
    assert_eq!(verdicts[0], verdicts[1]);
    let [error, _] = verdicts;
    error
}

#[test]
fn every_bad_certificate_has_its_own_reason_in_both_roles_and_versions() {
    type Make = fn(&TestPki, Purpose) -> IdentityFiles;
    let cases: [(Make, CloseReason, &str); 8] = [
        (TestPki::expired, CertExpired, "its certificate: "),
        (TestPki::not_yet_valid, CertNotYetValid, "its certificate: "),
        (TestPki::self_signed, CertSelfSigned, "its certificate: "),
        (
            TestPki::unknown_authority,
            CertUnknownAuthority,
            "the certificate at depth 1 ",
        ),
        (
            TestPki::impostor_authority,
            CertUnknownAuthority,
            "the certificate at depth 1 ",
        ),
        (
            TestPki::missing_intermediate,
            CertMissingIntermediate,
            "its certificate: ",
        ),
        (TestPki::sha1, CertWeakSignature, "its certificate: "),
        (TestPki::rsa1024, CertWeakKey, "its certificate: "),
    ];
    let pki = TestPki::new();
    for role in [Purpose::Client, Purpose::Server] {
        for (make, reason, whose) in cases {
            let error = refused(&pki, &make(&pki, role), role, reason);
            assert!(error.detail.starts_with(whose), "{error}");
            let cn = if role == Purpose::Client {
                "CN=alice"
            } else {
                "CN=localhost"
            };
            // Whichever certificate is at fault, the one shown is the peer's own.
            assert!(error.certificate.unwrap().subject.contains(cn));
        }
    }
}

#[test]
fn a_certificate_for_the_other_role_is_refused_for_its_purpose() {
    let pki = TestPki::new();
    refused(
        &pki,
        &pki.client_auth_only(),
        Purpose::Server,
        CertWrongPurpose,
    );
    refused(
        &pki,
        &pki.server_auth_only(),
        Purpose::Client,
        CertWrongPurpose,
    );
}

#[test]
fn a_server_of_another_name_is_refused_with_the_names_that_it_has() {
    let pki = TestPki::new();
    let error = refused(&pki, &pki.wrong_name(), Purpose::Server, CertNameMismatch);
    let sans = error.certificate.unwrap().sans_text();
    assert_eq!(sans, "DNS:other.example.org,IP:127.0.0.1,IP:::1");
}

#[test]
fn a_client_without_a_certificate_is_refused_for_that() {
    let pki = TestPki::new();
    for version in VERSIONS {
        let error = verdict(&pki, None, Purpose::Client, version);
        assert_eq!((error.reason, error.certificate), (CertMissing, None));
    }
}

#[test]
fn a_damaged_signature_is_a_bad_signature_in_both_roles() {
    let pki = TestPki::new();
    for (role, files) in [
        (Purpose::Client, pki.client("alice")),
        (Purpose::Server, pki.server("localhost")),
    ] {
        let mut der = openssl(&["x509", "-outform", "DER", "-in", path(&files.cert)]);
        // The signature comes last; its last byte belongs to a number and not to the structure.
        *der.last_mut().unwrap() ^= 1;
        let broken = pki.folder().join("broken.der");
        std::fs::write(&broken, der).unwrap();
        let leaf = openssl(&["x509", "-inform", "DER", "-in", path(&broken)]);
        let (_, above) = leaf_and_rest(&files.cert);
        let leaf = String::from_utf8(leaf).unwrap();
        std::fs::write(&files.cert, leaf + &above).unwrap();
        refused(&pki, &files, role, CertBadSignature);
    }
}

#[test]
fn a_certificate_issued_by_one_that_is_no_authority_is_refused_for_its_purpose() {
    let pki = TestPki::new();
    // Without a key usage: with one that lacks keyCertSign it is no issuer to begin with.
    let middle = by_hand::issue_by_root(&pki, "basicConstraints = CA:FALSE");
    for role in [Purpose::Client, Purpose::Server] {
        let files = by_hand::issue(&pki, &middle, "subjectAltName = DNS:localhost");
        refused(&pki, &files, role, CertWrongPurpose);
    }
}

/// An authority with an organisation, its intermediate, and its certificate's file.
fn authorities(pki: &TestPki, org: &str) -> (Authority, Authority) {
    let named = |cn: &str| Subject {
        org: vec![org.to_owned()],
        ..Subject::named(cn)
    };
    let root = Authority::new(&named("root"), KeyKind::EcP256, pki.validity()).unwrap();
    let below = root.intermediate(&named("below"), KeyKind::EcP256, pki.validity());
    (root, below.unwrap())
}

#[test]
fn a_leaf_without_its_intermediate_is_a_gap_if_its_issuer_is_of_our_organisation() {
    let pki = TestPki::new();
    let (root, below) = authorities(&pki, "Example");
    let (_, strange) = authorities(&pki, "Stranger");
    let (_, namesake) = authorities(&pki, "Example");
    std::fs::write(&pki.ca, root.cert_pem().unwrap()).unwrap();
    let issue = |by: &Authority, purpose: Purpose, is_whole: bool| {
        let identity = by.issue(&pki.request(purpose)).unwrap();
        let chain = if is_whole {
            &identity.cert_pem
        } else {
            &identity.leaf_pem
        };
        pki.write(chain, &identity.key_pem)
    };
    let sides = Sides::of(
        &pki,
        &issue(&below, Purpose::Client, true),
        &issue(&below, Purpose::Server, true),
    );
    let reason = |client: &IdentityFiles| {
        let client = prove(&[&pki.ca], client, Role::Client).unwrap();
        let mut pair = sides.pair();
        pair.client = client_end(&client, NAME);
        pair.client.shake();
        pair.settle(&mut Chunks::Whole);
        pair.server.reason()
    };
    assert_eq!(reason(&issue(&below, Purpose::Client, true)), None);
    assert_eq!(
        reason(&issue(&below, Purpose::Client, false)),
        Some(CertMissingIntermediate)
    );
    assert_eq!(
        reason(&issue(&strange, Purpose::Client, false)),
        Some(CertUnknownAuthority)
    );
    // Nothing is missing from this chain: its end is a stranger with our name.
    assert_eq!(
        reason(&issue(&namesake, Purpose::Client, true)),
        Some(CertUnknownAuthority)
    );
    assert_eq!(
        reason(&issue(&strange, Purpose::Client, true)),
        Some(CertUnknownAuthority)
    );
}

#[test]
fn a_chain_of_eight_intermediates_is_followed_and_one_of_nine_is_not() {
    let pki = TestPki::new();
    let below = |authority: &Authority, number: usize| {
        let subject = Subject::named(&format!("intermediate {number}"));
        authority
            .intermediate(&subject, KeyKind::EcP256, pki.validity())
            .unwrap()
    };
    let issue = |authority: &Authority| {
        let identity = authority
            .issue(&LeafRequest::client("deep", pki.validity()))
            .unwrap();
        pki.write(&identity.cert_pem, &identity.key_pem)
    };
    let mut authority = below(pki.root(), 1);
    for number in 2..=8 {
        authority = below(&authority, number);
    }
    let mut server = server_end(&Sides::good(&pki).server);
    Stranger::client(Some(&issue(&authority)), &[]).shake(&mut server);
    assert_eq!(server.refusal, None);
    let too_deep = issue(&below(&authority, 9));
    let error = verdict(&pki, Some(&too_deep), Purpose::Client, "-tls1_3");
    assert_eq!(error.reason, CertInvalid, "{error}");
}

#[test]
fn a_strange_root_is_self_signed_alone_and_an_unknown_authority_above_others() {
    let pki = TestPki::new();
    let (root, below) = authorities(&pki, "Stranger");
    let root_pem = root.cert_pem().unwrap();
    for role in [Purpose::Client, Purpose::Server] {
        let alone = pki.issue(&pki.request(role));
        let asks = [
            "req",
            "-x509",
            "-sha256",
            "-days",
            "2",
            "-subj",
            "/CN=alone",
        ];
        let with = [
            "-addext",
            "subjectAltName = DNS:localhost",
            "-key",
            path(&alone.key),
        ];
        let itself = openssl(&[&asks[..], &with].concat());
        std::fs::write(&alone.cert, itself).unwrap();
        refused(&pki, &alone, role, CertSelfSigned);
        let identity = below.issue(&pki.request(role)).unwrap();
        let files = pki.write(&(identity.cert_pem + &root_pem), &identity.key_pem);
        refused(&pki, &files, role, CertUnknownAuthority);
    }
}

#[test]
fn a_key_that_is_for_certificates_alone_is_refused_for_its_purpose() {
    let pki = TestPki::new();
    let files = by_hand::issue_by_root(&pki, "keyUsage = critical, keyCertSign");
    // A server's library would not show it. BoringSSL refuses it before it tells whose it is.
    for version in VERSIONS {
        let error = verdict(&pki, Some(&files), Purpose::Client, version);
        assert_eq!(error.reason, CertWrongPurpose, "{error}");
    }
}
