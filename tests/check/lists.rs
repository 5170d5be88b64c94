//! What `check` tells of revocation lists and of whom a pair admits.

use std::path::Path;

use mtls_persona::tls::authority::{CrlRequest, Revoked, Validity};
use mtls_persona::tls::{PemFile, describe_lists};
use serde_json::json;

use super::support::certs::{TestPki, unix_now};
use super::support::{openssl, pairs};
use super::{DAY, below, check, fact, persona, warnings};

/// The lines below the heading of a list.
fn listed<'a>(lines: &'a [String], file: &Path, place: &str) -> Vec<&'a str> {
    let file = file.display();
    below(lines, &format!("{file}: revocation list {place}"))
}

#[test]
fn each_list_of_each_file_is_told_once_with_its_facts() {
    let pki = TestPki::new();
    let (alice, bob) = (pki.client("alice"), pki.client("bob"));
    let now = unix_now();
    let revoked = ["01", "02", "03"].map(|serial| Revoked {
        serial: serial.to_owned(),
        at: now,
    });
    // Its number is beyond 32 bits.
    let endless = CrlRequest {
        revoked: revoked.into(),
        number: 5_000_000_000,
        this_update: now - 60,
        next_update: None,
    };
    let validity = Validity {
        not_before: now - 60,
        not_after: now + 30 * DAY - 60,
    };
    let own = pki.list(pki.intermediate(), &[&bob], validity);
    let two = pki.write_crl(own + &pki.root().crl(&endless).unwrap());
    let theirs = openssl::crl(&pki, &[], "");
    let der = pki.write_crl(openssl::crl_der(&theirs));
    let mut config = pairs::with(persona(&pki, &alice), "/crl", json!([two, der]));
    let second = json!({ "name": "second", "inbound": "127.0.0.1:1", "outbound": "db:1",
        "crl": [der, two] });
    config["address_pairs"].as_array_mut().unwrap().push(second);
    let lines = check(&pki, &config);

    let facts = listed(&lines, &two, "1 of 2");
    let issuer = "\"O=Test, CN=Test intermediate\"";
    assert_eq!(fact(&facts, "issuer"), issuer);
    assert_eq!(fact(&facts, "number"), "1");
    assert_eq!(fact(&facts, "revokes"), "1 certificate");
    let valid = fact(&facts, "valid");
    assert!(valid.ends_with(" UTC: 29 days left"), "{valid}");

    let facts = listed(&lines, &two, "2 of 2");
    assert_eq!(fact(&facts, "issuer"), "\"O=Test, CN=Test root\"");
    assert_eq!(fact(&facts, "number"), "5000000000");
    assert_eq!(fact(&facts, "revokes"), "3 certificates");
    let valid = fact(&facts, "valid");
    assert!(valid.ends_with(": it never counts as overdue"), "{valid}");

    let facts = listed(&lines, &der, "1 of 1");
    assert_eq!(fact(&facts, "revokes"), "no certificate");
    let valid = fact(&facts, "valid");
    assert!(valid.ends_with(" hours left"), "{valid}");
}

#[test]
fn an_overdue_list_is_told_as_such_and_warned_of() {
    let pki = TestPki::new();
    let overdue = pki.overdue();
    let old = pki.list(pki.root(), &[], overdue) + &pki.list(pki.intermediate(), &[], overdue);
    let crl = pki.write_crl(old);
    let config = persona(&pki, &pki.client("alice"));
    let lines = check(&pki, &pairs::with(config, "/crl", json!(crl)));
    let valid = fact(&listed(&lines, &crl, "2 of 2"), "valid").to_owned();
    assert!(valid.contains(" UTC: overdue for "), "{valid}");
    let begin = crl.to_str().unwrap();
    let told = warnings(&lines);
    assert!(told.iter().all(|w| w.starts_with(begin)), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn each_pair_is_told_with_its_lists_and_with_whom_it_admits() {
    let pki = TestPki::new();
    let crl = pki.crl(&[]);
    let config = persona(&pki, &pki.client("alice"));
    let config = pairs::with(config, "/address_pairs/0/allow", json!({ "dns": "db" }));
    let config = pairs::with(config, "/address_pairs/0/allow_mode", json!("observe"));
    let config = pairs::with(config, "/crl", json!(crl));
    let lines = check(&pki, &config);
    let pair = below(&lines, "pair persona: client ");
    assert_eq!(fact(&pair, "crl"), crl.to_str().unwrap());
    let strict = "the whole chain but its anchor; a missing or overdue list refuses";
    assert_eq!(fact(&pair, "look up"), strict);
    assert_eq!(fact(&pair, "allow"), "\"dns:db\"");
    assert!(fact(&pair, "observe").contains("is admitted"));
}

#[test]
fn a_list_without_a_number_is_told_without_one() {
    // Object identifiers of the number (RFC 5280, 5.2.3) and of none.
    const NUMBER: [u8; 5] = [6, 3, 0x55, 0x1d, 20];
    const UNKNOWN: [u8; 5] = [6, 3, 0x55, 0x1d, 127];
    let pki = TestPki::new();
    let mut bytes = openssl::crl_der(&pki.list(pki.root(), &[], pki.validity()));
    let describe = |bytes: &[u8]| {
        let path = "a.crl".to_owned();
        let bytes = bytes.to_vec();
        describe_lists(&PemFile { path, bytes }).unwrap().remove(0)
    };
    let with = describe(&bytes);
    assert_eq!(with.number.as_deref(), Some("1"));
    assert_eq!(with.end.map(|end| end - with.begin), Some(30 * DAY + 300));
    let place = bytes.windows(5).position(|piece| piece == NUMBER).unwrap();
    bytes[place..place + 5].copy_from_slice(&UNKNOWN);
    let mut without = describe(&bytes);
    assert_eq!(without.number.take(), None);
    without.number = with.number.clone();
    assert_eq!(without, with);
}
