//! Certificates that a peer must refuse can be made, each wrong in exactly one way; and what the
//! authority itself refuses to do.

use super::*;

/// A root, and what its server `localhost` sends after `change`.
fn sent_after(change: impl FnOnce(&mut LeafRequest)) -> (Authority, Identity) {
    let root = root(KeyKind::EcP256);
    let mut request = server("localhost");
    change(&mut request);
    let identity = intermediate(&root, KeyKind::EcP256)
        .issue(&request)
        .unwrap();
    (root, identity)
}

#[track_caller]
fn assert_verdict(made: &(Authority, Identity), options: &[&str], number: u32) {
    let judge = Judge::new();
    assert_refused(judge.verify(&made.0, &made.1.cert_pem, options), number);
}

#[test]
fn an_expired_certificate() {
    let made = sent_after(|request| {
        request.validity = Validity {
            not_before: NOW - 86_400,
            not_after: NOW - 1,
        };
    });
    assert_verdict(&made, &[], 10);
}

#[test]
fn a_certificate_that_is_not_yet_valid() {
    let made = sent_after(|request| request.validity.not_before = NOW + 1);
    assert_verdict(&made, &[], 9);
}

#[test]
fn a_certificate_signed_with_sha1() {
    let request = LeafRequest {
        digest: Digest::Sha1,
        ..server("localhost")
    };
    if module_refuses(&root(KeyKind::EcP256), &request) {
        return;
    }
    let made = sent_after(|request| request.digest = Digest::Sha1);
    let text = Judge::new().text(&made.1.leaf_pem);
    assert_holds(&text, &["Signature Algorithm: ecdsa-with-SHA1"]);
    assert_verdict(&made, &["-auth_level", "2"], 68);
}

#[test]
fn a_certificate_signed_with_sha1_by_rsa() {
    let root = root(KeyKind::Rsa(2048));
    let request = LeafRequest {
        digest: Digest::Sha1,
        ..server("localhost")
    };
    if module_refuses(&root, &request) {
        return;
    }
    let made = (root.issue(&request).unwrap(), root);
    assert_verdict(&(made.1, made.0), &["-auth_level", "2"], 68);
}

/// Whether the tests run on OpenSSL's FIPS provider, which does not sign with SHA-1.
fn module_refuses(root: &Authority, request: &LeafRequest) -> bool {
    if cfg!(feature = "boringssl") || !crate::tls::is_fips() {
        return false;
    }
    let refused = root.issue(request).unwrap_err().to_string();
    assert!(refused.contains("digest not allowed"), "{refused}");
    true
}

#[test]
fn a_certificate_with_an_rsa_key_of_1024_bits() {
    let made = sent_after(|request| request.key = KeyKind::Rsa(1024));
    assert_verdict(&made, &["-auth_level", "2"], 66);
}

#[test]
fn a_client_certificate_in_a_server() {
    let made = sent_after(|request| request.purpose = Purpose::Client);
    assert_verdict(&made, &["-purpose", "sslserver"], 26);
}

#[test]
fn a_self_signed_certificate() {
    let identity = Identity::self_signed(&server("localhost")).unwrap();
    let made = (root(KeyKind::EcP256), identity);
    assert_verdict(&made, &[], 18);
    let text = Judge::new().text(&made.1.leaf_pem);
    assert_holds(&text, &["Issuer: CN=localhost", "critical CA:FALSE"]);
}

#[test]
fn a_certificate_for_another_name() {
    let made = sent_after(|request| request.dns = vec!["other.example.org".into()]);
    assert_verdict(&made, &["-verify_hostname", "localhost"], 62);
}

#[test]
fn a_certificate_for_another_address() {
    let made = sent_after(|request| {
        request.dns.clear();
        request.ips = vec!["192.0.2.7".parse().unwrap()];
    });
    assert_verdict(&made, &["-verify_ip", "127.0.0.1"], 64);
}

#[test]
fn a_certificate_sent_without_its_intermediate() {
    let (root, identity) = sent_after(|_| {});
    let judge = Judge::new();
    assert_refused(judge.verify(&root, &identity.leaf_pem, &[]), 20);
    assert_accepted(judge.verify(&root, &identity.cert_pem, &[]));
}

#[test]
fn a_certificate_of_an_unknown_authority() {
    let (_, identity) = sent_after(|_| {});
    assert_verdict(&(root(KeyKind::EcP256), identity), &[], 20);
}

#[test]
fn a_validity_must_end_after_it_begins_within_the_years_that_can_be_written() {
    let root = root(KeyKind::EcP256);
    for (not_before, not_after) in [(NOW, NOW), (-1, NOW), (NOW, 253_402_300_800)] {
        let validity = Validity {
            not_before,
            not_after,
        };
        let expected = AuthorityError::Validity {
            not_before,
            not_after,
        };
        let leaf = root.issue(&LeafRequest::client("alice", validity));
        assert_eq!(leaf.unwrap_err(), expected);
        let subject = Subject::named("Test");
        let authority = Authority::new(&subject, KeyKind::EcP256, validity);
        assert_eq!(authority.unwrap_err(), expected);
        let below = root.intermediate(&subject, KeyKind::EcP256, validity);
        assert_eq!(below.unwrap_err(), expected);
    }
}

#[test]
fn rsa_keys_of_odd_sizes_are_refused_by_number() {
    for bits in [0, 512, 1023, 2047, 16_384, u32::MAX] {
        let made = Authority::new(&Subject::named("Test"), KeyKind::Rsa(bits), YEAR);
        assert_eq!(made.unwrap_err(), AuthorityError::RsaBits(bits));
    }
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let one = root(KeyKind::EcP256);
    for kind in [KeyKind::EcP256, KeyKind::Rsa(2048)] {
        let other = root(kind).key_pem().unwrap();
        let read = Authority::from_pem(&one.cert_pem().unwrap(), &other);
        assert_eq!(read.unwrap_err(), AuthorityError::KeyMismatch);
    }
}

#[test]
fn a_leaf_may_not_sign() {
    let leaf = root(KeyKind::EcP256).issue(&client("alice")).unwrap();
    let read = Authority::from_pem(&leaf.cert_pem, &leaf.key_pem).unwrap();
    assert_eq!(
        read.issue(&client("bob")).unwrap_err(),
        AuthorityError::NotAnAuthority
    );
}

#[test]
fn text_without_a_certificate_or_key_says_which_is_missing() {
    let root = root(KeyKind::EcP256);
    let (cert, key) = (root.cert_pem().unwrap(), root.key_pem().unwrap());
    let broken = cert.replace("MII", "!!!");
    for (cert_text, key_text, missing) in [
        ("", key.as_str(), "certificate"),
        ("nothing", &key, "certificate"),
        (&broken, &key, "certificate"),
        (&cert, "", "private key"),
        (&cert, &cert, "private key"),
    ] {
        let error = Authority::from_pem(cert_text, key_text).unwrap_err();
        assert!(
            error.to_string().contains(&format!("no usable {missing}")),
            "{error}"
        );
    }
}

#[test]
fn an_encrypted_key_is_refused_without_asking_for_its_passphrase() {
    let judge = Judge::new();
    let root = root(KeyKind::EcP256);
    judge.file("plain.key", &root.key_pem().unwrap());
    let (fine, encrypted) = judge.run(&[
        "pkcs8",
        "-topk8",
        "-in",
        "plain.key",
        "-v2",
        "aes-256-cbc",
        "-passout",
        "pass:secret",
    ]);
    assert!(fine && encrypted.contains("ENCRYPTED"), "{encrypted}");
    let error = Authority::from_pem(&root.cert_pem().unwrap(), &encrypted).unwrap_err();
    assert!(error.to_string().contains("it is encrypted"), "{error}");
}
