//! Dates of our own certificates and of the authorities that we trust.

use mtls_persona::tls::authority::{Authority, KeyKind, LeafRequest, Purpose, Subject, Validity};
use mtls_persona::tls::{Credentials, MinVersion, Role};

use super::by_hand::path;
use super::pair::{material, prove};
use crate::support::certs::{IdentityFiles, TestPki, unix_now};

const DAY: i64 = 86_400;

/// A client's identity that begins so many seconds from now.
fn beginning_in(pki: &TestPki, seconds: i64) -> IdentityFiles {
    let validity = Validity {
        not_before: unix_now() + seconds,
        ..pki.validity()
    };
    pki.issue(&LeafRequest {
        validity,
        ..pki.request(Purpose::Both)
    })
}

fn warnings(pki: &TestPki, files: &IdentityFiles, now: i64) -> Vec<String> {
    let material = material(&[&pki.ca], files, MinVersion::Tls12);
    let roles = [Role::Client, Role::Server];
    Credentials::prove(&material, &roles, now).unwrap().warnings
}

#[test]
fn a_certificate_that_begins_in_minutes_is_accepted_with_a_warning() {
    let pki = TestPki::new();
    let files = beginning_in(&pki, 200);
    let warnings = warnings(&pki, &files, unix_now());
    let [warning] = &warnings[..] else {
        panic!("{warnings:?}");
    };
    assert!(warning.starts_with(path(&files.cert)), "{warning}");
    assert!(warning.contains("not valid yet"), "{warning}");
}

#[test]
fn one_that_begins_later_than_clocks_may_differ_is_refused() {
    let pki = TestPki::new();
    // Far enough behind the limit of 300 that the time this takes does not matter.
    let files = beginning_in(&pki, 3600);
    for role in [Role::Client, Role::Server] {
        let Err(error) = prove(&[&pki.ca], &files, role) else {
            panic!("accepted");
        };
        assert!(error.0[0].contains(": cert_not_yet_valid: "), "{error}");
    }
}

#[test]
fn the_last_quarter_of_a_life_is_told_for_each_certificate_in_it() {
    let pki = TestPki::new();
    let files = pki.client("alice");
    let life = pki.validity();
    let quarter = (life.not_after - life.not_before) / 4;
    let material = material(&[&pki.ca], &files, MinVersion::Tls12);
    let told = |now| {
        let proven = Credentials::prove(&material, &[Role::Client], now);
        proven.unwrap().warnings
    };
    assert_eq!(told(life.not_after - quarter - 1), [""; 0]);
    let late = told(life.not_after - quarter + 1);
    assert_eq!(late.len(), 1, "{late:?}");
    // The file holds an intermediate too.
    let begin = format!(
        "{}: certificate 1 (\"CN=alice\"): 7 days left",
        path(&files.cert)
    );
    assert!(late[0].starts_with(&begin), "{late:?}");
    // At the end of the authorities' year the intermediate and the root are due as well.
    let late = told(life.not_after + 330 * DAY);
    let files = [&files.cert, &files.cert, &pki.ca].map(|file| path(file));
    assert_eq!(late.len(), files.len(), "{late:?}");
    for (line, file) in late.iter().zip(files) {
        assert!(line.starts_with(file), "{line}");
    }
}

#[test]
fn an_anchor_that_is_over_or_not_yet_valid_is_told() {
    let pki = TestPki::new();
    let now = unix_now();
    let mut anchors = std::fs::read_to_string(&pki.ca).unwrap();
    for (not_before, not_after) in [(now - 9 * DAY, now - DAY), (now + DAY, now + 9 * DAY)] {
        let validity = Validity {
            not_before,
            not_after,
        };
        let other = Authority::new(&Subject::named("Other"), KeyKind::EcP256, validity);
        anchors += &other.unwrap().cert_pem().unwrap();
    }
    std::fs::write(&pki.ca, anchors).unwrap();
    let warnings = warnings(&pki, &pki.issue(&pki.request(Purpose::Both)), now);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    let begin = |number| format!("{}: certificate {number} (\"CN=Other\"): ", path(&pki.ca));
    assert!(warnings[0].starts_with(&begin(2)) && warnings[0].contains("it ended"));
    assert!(warnings[1].starts_with(&begin(3)) && warnings[1].contains("not valid yet"));
}

#[test]
fn the_chain_to_the_anchor_is_kept_if_there_is_one() {
    let pki = TestPki::new();
    let chain = |files: &IdentityFiles| {
        let proven = prove(&[&pki.ca], files, Role::Client).unwrap();
        proven
            .chain
            .iter()
            .map(|cert| cert.subject.clone())
            .collect::<Vec<_>>()
    };
    let above = ["O=Test, CN=Test intermediate", "O=Test, CN=Test root"];
    assert_eq!(
        chain(&pki.client("alice")),
        ["CN=alice", above[0], above[1]]
    );
    let pinned = pki.self_signed(Purpose::Client);
    let proven = prove(&[&pinned.cert], &pinned, Role::Client).unwrap();
    assert_eq!(proven.chain, [proven.cert]);
    for files in [
        pki.missing_intermediate(Purpose::Client),
        pki.unknown_authority(Purpose::Client),
    ] {
        assert_eq!(chain(&files), [""; 0]);
    }
}
