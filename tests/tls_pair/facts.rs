//! What is taken out of a peer's certificate, and what access rules make of names that are made to
//! mislead.

use std::sync::Arc;

use mtls_persona::identity::{Acl, PeerCert, Rule, RuleKind, San, Verdict};
use mtls_persona::tls::authority::{Purpose, Subject};

use super::by_hand::{root, sign};
use super::pair::{Chunks, Sides};
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::openssl;

/// What a server learns of that client.
fn facts(pki: &TestPki, client: &IdentityFiles) -> Arc<PeerCert> {
    let mut pair = Sides::of(pki, client, &pki.server("localhost")).pair();
    pair.client.shake();
    pair.settle(&mut Chunks::Whole);
    assert!(pair.server.is_open, "{:?}", pair.server.refusal);
    pair.server.session.peer().unwrap()
}

/// A client's certificate for a subject in the words of the `openssl` command, with extensions in those of
/// its configuration.
fn by_hand(pki: &TestPki, subject: &str, extensions: &str) -> IdentityFiles {
    let files = pki.issue(&pki.request(Purpose::Client));
    let leaf = sign(pki, (subject, &files.key), &root(pki), extensions);
    std::fs::write(&files.cert, leaf).unwrap();
    files
}

/// The extension of one alternative name: the number of its kind (RFC 5280, 4.2.1.6) and its bytes.
fn alternative_name(kind: u8, name: &[u8]) -> String {
    let length = |count: usize| u8::try_from(count).unwrap();
    let mut der = vec![
        0x30,
        length(name.len() + 2),
        0x80 | kind,
        length(name.len()),
    ];
    der.extend_from_slice(name);
    let octets: Vec<String> = der.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("2.5.29.17 = DER:{}", octets.join(":"))
}

const DNS_NAME: u8 = 2;
const URI: u8 = 6;

#[track_caller]
fn assert_verdicts(peer: &PeerCert, rules: &[(RuleKind, &str, bool)]) {
    for (kind, text, is_named) in rules {
        let list = Acl::new(vec![Rule::parse(*kind, text).unwrap()]);
        let is_admitted = matches!(list.check(peer), Verdict::Admitted(Some(_)));
        assert_eq!(is_admitted, *is_named, "{kind:?} {text}: {peer:?}");
    }
}

#[test]
fn names_of_every_kind_are_told_apart_and_the_key_is_told_by_its_digest() {
    let pki = TestPki::new();
    let mut request = pki.request(Purpose::Client);
    request.subject = Subject {
        cn: Some("Zoë".to_owned()),
        ou: vec!["db".to_owned(), "ops".to_owned()],
        org: vec!["Example".to_owned(), "Other".to_owned()],
    };
    request.dns = vec!["*.example.org".to_owned()];
    request.ips = vec!["::1".parse().unwrap()];
    request.uris = vec!["spiffe://corp/db".to_owned()];
    let client = pki.issue(&request);
    let peer = facts(&pki, &client);
    assert_eq!(peer.subject, "O=Example, O=Other, OU=db, OU=ops, CN=Zoë");
    assert_eq!(peer.cn.as_deref(), Some("Zoë"));
    assert_eq!(
        (&peer.ou[..], &peer.org[..]),
        (&request.subject.ou[..], &request.subject.org[..])
    );
    let sans = [
        San::Dns("*.example.org".to_owned()),
        San::Ip("::1".parse().unwrap()),
        San::Uri("spiffe://corp/db".to_owned()),
    ];
    assert_eq!(peer.sans, sans);
    assert_verdicts(&peer, &[(RuleKind::Spki, &openssl::pin(&client), true)]);
}

#[test]
fn the_last_of_several_common_names_is_the_one_that_counts() {
    let pki = TestPki::new();
    let client = by_hand(&pki, "/CN=Users/O=Example/CN=alice/OU=db", "");
    let peer = facts(&pki, &client);
    assert_eq!(peer.subject, "CN=Users, O=Example, CN=alice, OU=db");
    assert_verdicts(
        &peer,
        &[
            (RuleKind::Cn, "alice", true),
            (RuleKind::Cn, "Users", false),
            (RuleKind::Org, "Example", true),
            (RuleKind::Ou, "db", true),
        ],
    );
}

#[test]
fn a_name_with_a_nul_or_bytes_that_are_no_text_fits_no_rule() {
    let pki = TestPki::new();
    let cases: [(u8, &[u8]); 4] = [
        (DNS_NAME, b"db.example.org\0.evil.net"),
        (DNS_NAME, b"db.example.org\xff"),
        (URI, b"spiffe://corp/db\0/evil"),
        (URI, b"spiffe://corp/db\xff"),
    ];
    for (kind, name) in cases {
        let client = by_hand(&pki, "/CN=alice", &alternative_name(kind, name));
        let peer = facts(&pki, &client);
        assert_verdicts(
            &peer,
            &[
                (RuleKind::Cn, "alice", true),
                (RuleKind::Dns, "db.example.org", false),
                (RuleKind::Dns, "**", false),
                (RuleKind::Uri, "spiffe://corp/db", false),
                (RuleKind::Uri, "spiffe://corp/**", false),
                (RuleKind::Uri, "spiffe://corp/db*", false),
            ],
        );
    }
    let plain = by_hand(
        &pki,
        "/CN=alice",
        &alternative_name(DNS_NAME, b"db.example.org"),
    );
    assert_verdicts(
        &facts(&pki, &plain),
        &[(RuleKind::Dns, "db.example.org", true)],
    );
}

#[test]
fn a_name_that_is_all_pattern_is_no_pattern() {
    let pki = TestPki::new();
    for (kind, name) in [
        (DNS_NAME, &b"**"[..]),
        (DNS_NAME, b"*.example.org"),
        (URI, b"spiffe://corp/**"),
    ] {
        let client = by_hand(&pki, "/CN=*", &alternative_name(kind, name));
        assert_verdicts(
            &facts(&pki, &client),
            &[
                (RuleKind::Cn, "alice", false),
                (RuleKind::Dns, "db.example.org", false),
                (RuleKind::Uri, "spiffe://corp/db", false),
            ],
        );
    }
}
