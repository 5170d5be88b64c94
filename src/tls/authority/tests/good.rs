//! What the authority makes is right in the eyes of another implementation.

use super::*;

fn a_chain_of_one_kind_verifies(kind: KeyKind, key_text: &str, signature: &str) {
    let judge = Judge::new();
    let root = root(kind);
    let below = intermediate(&root, kind);
    let request = LeafRequest {
        key: kind,
        ..server("localhost")
    };
    let identity = below.issue(&request).unwrap();

    let options = [
        "-x509_strict",
        "-purpose",
        "sslserver",
        "-verify_hostname",
        "localhost",
    ];
    assert_accepted(judge.verify(&root, &identity.cert_pem, &options));
    for certificate in [root.cert_pem().unwrap(), identity.cert_pem.clone()] {
        assert_holds(&judge.text(&certificate), &[key_text, signature]);
    }
    the_key_belongs_to_the_certificate(&judge, &identity);
}

fn the_key_belongs_to_the_certificate(judge: &Judge, identity: &Identity) {
    assert!(
        identity
            .key_pem
            .starts_with("-----BEGIN PRIVATE KEY-----\n")
    );
    judge.file("leaf.pem", &identity.leaf_pem);
    judge.file("leaf.key", &identity.key_pem);
    let (checked, said) = judge.run(&["pkey", "-in", "leaf.key", "-check", "-noout"]);
    assert!(checked, "{said}");
    let (_, of_key) = judge.run(&["pkey", "-in", "leaf.key", "-pubout"]);
    let (_, of_leaf) = judge.run(&["x509", "-in", "leaf.pem", "-noout", "-pubkey"]);
    assert!(of_key.contains("BEGIN PUBLIC KEY"), "{of_key}");
    assert_eq!(of_key, of_leaf);
}

#[test]
fn a_p256_chain_verifies() {
    a_chain_of_one_kind_verifies(KeyKind::EcP256, "OID: prime256v1", "ecdsa-with-SHA256");
}

#[test]
fn a_p384_chain_verifies_and_is_signed_with_sha384() {
    a_chain_of_one_kind_verifies(KeyKind::EcP384, "OID: secp384r1", "ecdsa-with-SHA384");
}

#[test]
fn an_rsa_2048_chain_verifies() {
    let kind = KeyKind::Rsa(2048);
    a_chain_of_one_kind_verifies(kind, "Public-Key: (2048 bit)", "sha256WithRSAEncryption");
}

#[test]
fn an_rsa_3072_chain_verifies() {
    let kind = KeyKind::Rsa(3072);
    a_chain_of_one_kind_verifies(kind, "Public-Key: (3072 bit)", "sha256WithRSAEncryption");
}

#[test]
fn a_root_may_issue_without_an_intermediate() {
    let judge = Judge::new();
    let root = root(KeyKind::EcP256);
    let identity = root.issue(&server("localhost")).unwrap();
    assert_eq!(identity.cert_pem, identity.leaf_pem);
    assert_accepted(judge.verify(&root, &identity.cert_pem, &["-purpose", "sslserver"]));
}

#[test]
fn intermediates_may_be_stacked_and_all_of_them_are_sent() {
    let judge = Judge::new();
    let root = root(KeyKind::EcP256);
    let lowest = intermediate(&intermediate(&root, KeyKind::EcP256), KeyKind::EcP256);
    let identity = lowest.issue(&client("alice")).unwrap();
    assert_eq!(
        identity.cert_pem.matches("BEGIN CERTIFICATE").count(),
        3,
        "the leaf and two intermediates, without the root"
    );
    assert_accepted(judge.verify(&root, &identity.cert_pem, &["-x509_strict"]));
}

#[test]
fn a_purpose_allows_its_own_role_alone() {
    let judge = Judge::new();
    let root = root(KeyKind::EcP256);
    let allowed = |purpose: Purpose| {
        let request = LeafRequest {
            purpose,
            ..server("localhost")
        };
        let sent = root.issue(&request).unwrap().cert_pem;
        ["sslserver", "sslclient"].map(|role| judge.verify(&root, &sent, &["-purpose", role]).0)
    };
    assert_eq!(allowed(Purpose::Server), [true, false]);
    assert_eq!(allowed(Purpose::Client), [false, true]);
    assert_eq!(allowed(Purpose::Both), [true, true]);
}

#[test]
fn a_leaf_carries_the_extensions_of_a_leaf() {
    let judge = Judge::new();
    let leaf = root(KeyKind::EcP256).issue(&server("localhost")).unwrap();
    let text = judge.text(&leaf.leaf_pem);
    assert_holds(
        &text,
        &[
            "Version: 3 (0x2)",
            "Issuer: CN=Test root",
            "Subject: CN=localhost",
            "X509v3 Basic Constraints: critical CA:FALSE",
            "X509v3 Key Usage: critical Digital Signature X509v3",
            "X509v3 Extended Key Usage: TLS Web Server Authentication X509v3",
            "X509v3 Subject Key Identifier: ",
            "X509v3 Authority Key Identifier: ",
            "X509v3 Subject Alternative Name: DNS:localhost ",
        ],
    );
}

#[test]
fn an_authority_carries_the_extensions_of_an_authority() {
    let judge = Judge::new();
    let root = root(KeyKind::EcP256);
    let root_text = judge.text(&root.cert_pem().unwrap());
    let usage = "X509v3 Key Usage: critical Certificate Sign, CRL Sign X509v3";
    let constraints = "X509v3 Basic Constraints: critical CA:TRUE";
    assert_holds(
        &root_text,
        &[constraints, usage, "Subject Key Identifier: "],
    );
    let below = intermediate(&root, KeyKind::EcP256).cert_pem().unwrap();
    let text = judge.text(&below);
    assert_holds(
        &text,
        &[
            constraints,
            usage,
            "Authority Key Identifier: ",
            "Issuer: CN=Test root",
        ],
    );
}

#[test]
fn every_alternative_name_stands_as_it_was_given() {
    let judge = Judge::new();
    let request = LeafRequest {
        dns: vec!["a.example.org".into(), "*.b.example.org".into()],
        ips: vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
        uris: vec!["spiffe://example.org/orgs/1/users/2".into()],
        ..client("alice")
    };
    let text = judge.text(&root(KeyKind::EcP256).issue(&request).unwrap().leaf_pem);
    let names = "X509v3 Subject Alternative Name: DNS:a.example.org, DNS:*.b.example.org, \
                 IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7, \
                 URI:spiffe://example.org/orgs/1/users/2 X509v3";
    assert_holds(&text, &[names]);
}

#[test]
fn a_subject_may_have_several_units_and_other_alphabets() {
    let judge = Judge::new();
    let request = LeafRequest {
        subject: Subject {
            cn: Some("Zoë, \"the\" 王=1+1".into()),
            ou: vec!["payments".into(), "ledger".into()],
            org: vec!["Example".into()],
        },
        ..client("unused")
    };
    let text = judge.text(&root(KeyKind::EcP256).issue(&request).unwrap().leaf_pem);
    let subject = "Subject: CN=Zoë\\, \\\"the\\\" 王=1\\+1,OU=ledger,OU=payments,O=Example ";
    assert_holds(&text, &[subject]);
}

#[test]
fn the_alternative_names_are_critical_when_the_subject_is_empty() {
    let judge = Judge::new();
    let root = root(KeyKind::EcP256);
    let request = LeafRequest {
        subject: Subject::default(),
        ..server("localhost")
    };
    let identity = root.issue(&request).unwrap();
    assert_holds(
        &judge.text(&identity.leaf_pem),
        &[
            "Subject: Subject",
            "Alternative Name: critical DNS:localhost",
        ],
    );
    assert_accepted(judge.verify(&root, &identity.cert_pem, &["-x509_strict"]));
}

#[test]
fn a_server_of_an_address_gets_an_address_as_its_name() {
    let request = server("::1");
    assert_eq!(request.ips, ["::1".parse::<std::net::IpAddr>().unwrap()]);
    assert!(request.dns.is_empty());
}

#[test]
fn a_host_too_long_for_a_common_name_is_an_alternative_name_alone() {
    let judge = Judge::new();
    let root = root(KeyKind::EcP256);
    let host = format!("{}.example.org", "a".repeat(63));
    let identity = root.issue(&server(&host)).unwrap();
    assert_accepted(judge.verify(&root, &identity.cert_pem, &["-verify_hostname", &host]));
}

#[test]
fn serial_numbers_are_random_positive_and_at_most_20_octets() {
    let judge = Judge::new();
    let root = root(KeyKind::EcP256);
    let mut serials: Vec<String> = (0..16)
        .map(|_| {
            judge.file("one.pem", &root.issue(&client("alice")).unwrap().leaf_pem);
            let (_, said) = judge.run(&["x509", "-in", "one.pem", "-noout", "-serial"]);
            let serial = said.trim().strip_prefix("serial=").unwrap().to_owned();
            assert!(serial.len() <= 40 && !serial.starts_with('-'), "{serial}");
            assert!(serial.len() < 40 || serial.as_bytes()[0] < b'8', "{serial}");
            assert!(serial.len() > 30, "hardly random: {serial}");
            serial
        })
        .collect();
    serials.sort();
    serials.dedup();
    assert_eq!(serials.len(), 16);
}

#[test]
fn times_beyond_2049_are_written_as_x509_wants_them() {
    let judge = Judge::new();
    let validity = Validity {
        not_before: NOW,
        not_after: 253_402_300_799,
    };
    let root = Authority::new(&Subject::named("Old"), KeyKind::EcP256, validity).unwrap();
    let text = judge.text(&root.cert_pem().unwrap());
    assert_holds(
        &text,
        &["Not Before: Mar 17 17:46:40 2030 GMT Not After : Dec 31 23:59:59 9999 GMT"],
    );
    assert_eq!(root.not_after().unwrap(), validity.not_after);
}

#[test]
fn an_authority_read_back_from_pem_issues_the_same_way() {
    let judge = Judge::new();
    let root = root(KeyKind::EcP384);
    let lowest = intermediate(&intermediate(&root, KeyKind::EcP256), KeyKind::Rsa(2048));
    for authority in [&root, &lowest] {
        let cert_pem = authority.cert_pem().unwrap();
        let again = Authority::from_pem(&cert_pem, &authority.key_pem().unwrap()).unwrap();
        assert_eq!(again.cert_pem().unwrap(), cert_pem);
        let identity = again.issue(&client("alice")).unwrap();
        let sent = identity.cert_pem.matches("BEGIN CERTIFICATE").count();
        assert_eq!(sent, if std::ptr::eq(authority, &root) { 1 } else { 3 });
        assert_accepted(judge.verify(&root, &identity.cert_pem, &["-purpose", "sslclient"]));
    }
}

#[test]
fn an_authority_knows_the_root_that_signed_it() {
    let root = root(KeyKind::EcP256);
    let root_pem = root.cert_pem().unwrap();
    let stranger = super::root(KeyKind::EcP256).cert_pem().unwrap();
    let below = intermediate(&root, KeyKind::EcP256);
    let lowest = intermediate(&below, KeyKind::EcP256);
    for authority in [&root, &below, &lowest] {
        assert!(authority.is_signed_by(&root_pem).unwrap());
        assert!(!authority.is_signed_by(&stranger).unwrap());
    }
}

#[test]
fn debug_output_shows_no_key() {
    let root = root(KeyKind::EcP256);
    let identity = root.issue(&client("alice")).unwrap();
    let shown = format!("{root:?} {identity:?}");
    assert!(shown.contains("Test root") && shown.contains("BEGIN CERTIFICATE"));
    assert!(!shown.contains("PRIVATE"), "{shown}");
}

#[test]
fn a_validity_begins_a_little_early_and_can_be_limited() {
    let validity = Validity::days(NOW, 2);
    assert_eq!(validity.not_before, NOW - 300);
    assert_eq!(validity.not_after, NOW + 172_800);
    assert_eq!(validity.ending_by(NOW + 5).not_after, NOW + 5);
    assert_eq!(validity.ending_by(NOW + 999_999), validity);
}
