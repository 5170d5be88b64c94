//! What a trust file vouches for, and what it does not.

use std::fs;
use std::path::Path;

use mtls_persona::base::reason::CloseReason;
use mtls_persona::tls::authority::{Identity, LeafRequest, Purpose};
use mtls_persona::tls::{ExpectedName, Role};

use super::by_hand::{self, leaf_and_rest};
use super::pair::{Chunks, Pair, client_end, prove, server_end};
use super::stranger::Stranger;
use crate::support::certs::{IdentityFiles, TestPki};

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// The first certificate of a file.
fn first(path: &Path) -> String {
    let whole = text(path);
    let end = whole.find("-----END").unwrap();
    format!("{}-----END CERTIFICATE-----\n", &whole[..end])
}

/// Why a server that trusts `ca` refuses that client; none if it accepts it.
fn reason(ca: &str, client: &IdentityFiles) -> Option<CloseReason> {
    let pki = TestPki::new();
    let trust = pki.folder().join("trust.pem");
    fs::write(&trust, ca).unwrap();
    let server = prove(&[&trust], &pki.server("localhost"), Role::Server).unwrap();
    let client = prove(&[&pki.ca], client, Role::Client).unwrap();
    let mut pair = Pair {
        client: client_end(&client, ExpectedName::Dns("localhost")),
        server: server_end(&server),
    };
    pair.client.shake();
    pair.settle(&mut Chunks::Whole);
    assert_eq!(pair.server.is_open, pair.server.refusal.is_none());
    pair.server.reason()
}

#[test]
fn every_certificate_of_a_trust_file_is_an_anchor() {
    let pki = TestPki::new();
    let client = pki.client("alice");
    let (leaf, intermediate) = leaf_and_rest(&client.cert);
    let root = text(&pki.ca);
    for anchor in [&leaf, &intermediate, &root] {
        assert_eq!(reason(anchor, &client), None);
    }
    // The leaf alone is pinned: its siblings are not trusted with it.
    let sibling = pki.client("alice");
    assert_eq!(
        reason(&leaf, &sibling),
        Some(CloseReason::CertUnknownAuthority)
    );
    // With the intermediate as an anchor nobody has to send it.
    let bare = pki.missing_intermediate(Purpose::Client);
    assert_eq!(reason(&intermediate, &bare), None);
    assert_eq!(
        reason(&root, &bare),
        Some(CloseReason::CertMissingIntermediate)
    );
}

#[test]
fn a_self_signed_client_is_accepted_where_its_certificate_is_an_anchor() {
    let pki = TestPki::new();
    let client = pki.self_signed(Purpose::Client);
    assert_eq!(reason(&text(&client.cert), &client), None);
    let other = pki.self_signed(Purpose::Client);
    assert_eq!(
        reason(&text(&other.cert), &client),
        Some(CloseReason::CertSelfSigned)
    );
}

#[test]
fn a_pinned_certificate_is_still_held_to_its_dates_its_purpose_and_its_strength() {
    let pki = TestPki::new();
    let for_clients = LeafRequest {
        purpose: Purpose::Client,
        ..pki.request(Purpose::Server)
    };
    let for_clients = Identity::self_signed(&for_clients).unwrap();
    let for_clients = pki.write(&for_clients.cert_pem, &for_clients.key_pem);
    for (files, reason) in [
        (pki.server("localhost"), None),
        (pki.self_signed(Purpose::Server), None),
        (for_clients, Some(CloseReason::CertWrongPurpose)),
        (pki.expired(Purpose::Server), Some(CloseReason::CertExpired)),
        (pki.client_auth_only(), Some(CloseReason::CertWrongPurpose)),
        (pki.rsa1024(Purpose::Server), Some(CloseReason::CertWeakKey)),
        (pki.wrong_name(), Some(CloseReason::CertNameMismatch)),
    ] {
        let pin = pki.folder().join("pin.pem");
        fs::write(&pin, first(&files.cert)).unwrap();
        assert_eq!(
            verdict_on(&pki, &pin, &files),
            reason,
            "{}",
            text(&files.cert)
        );
    }
}

/// What a client of `pki` that trusts this file says to a server.
fn verdict_on(pki: &TestPki, trust: &Path, server: &IdentityFiles) -> Option<CloseReason> {
    let trusts = prove(&[trust], &pki.client("alice"), Role::Client).unwrap();
    let mut end = client_end(&trusts, ExpectedName::Dns("localhost"));
    let options = ["-cipher", "DEFAULT:@SECLEVEL=0"];
    Stranger::server(server, &options).shake(&mut end);
    end.reason()
}

#[test]
fn the_holder_of_a_pinned_certificate_is_no_authority() {
    let pki = TestPki::new();
    let root = by_hand::root(&pki);
    // Nothing but the basic constraints says so.
    for constraints in ["basicConstraints = CA:FALSE", "subjectAltName = DNS:pinned"] {
        let pinned = by_hand::issue(&pki, &root, constraints);
        let below = by_hand::issue(&pki, &pinned, "subjectAltName = DNS:localhost");
        let pin = pki.folder().join("pin.pem");
        fs::write(&pin, first(&pinned.cert)).unwrap();
        let reason = verdict_on(&pki, &pin, &below);
        assert_eq!(reason, Some(CloseReason::CertWrongPurpose));
    }
}

#[test]
fn two_roots_in_one_file_or_in_two_are_both_trusted() {
    let (ours, theirs) = (TestPki::new(), TestPki::new());
    let both = text(&ours.ca) + &text(&theirs.ca);
    for pki in [&ours, &theirs] {
        assert_eq!(reason(&both, &pki.client("alice")), None);
        let files = pki.client("alice");
        let proven = prove(&[&ours.ca, &theirs.ca], &files, Role::Client).unwrap();
        assert_eq!(proven.warnings, [""; 0]);
    }
    assert_eq!(
        reason(&text(&ours.ca), &theirs.client("alice")),
        Some(CloseReason::CertUnknownAuthority)
    );
}

#[test]
fn a_root_signed_by_an_older_one_is_followed_to_whichever_is_trusted() {
    let (new, old) = (TestPki::new(), TestPki::new());
    // The new root's name and key in a certificate of the old one.
    let extensions = "basicConstraints = critical, CA:TRUE\nsubjectKeyIdentifier = hash";
    let new_root = ("/O=Test/CN=Test root", &*by_hand::root(&new).key);
    let crossed = by_hand::sign(&new, new_root, &by_hand::root(&old), extensions);
    let client = new.client("alice");
    fs::write(&client.cert, text(&client.cert) + &crossed).unwrap();
    assert_eq!(reason(&text(&new.ca), &client), None);
    assert_eq!(reason(&text(&old.ca), &client), None);
    let stranger = TestPki::new();
    let refused = reason(&text(&stranger.ca), &client);
    assert_eq!(refused, Some(CloseReason::CertUnknownAuthority));
}
