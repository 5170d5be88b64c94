//! Sessions of one context before several servers.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mtls_persona::tls::{Credentials, Role};

use super::VERSIONS;
use super::support::certs::{IdentityFiles, TestPki};
use super::support::ocsp::{GOOD, REVOKED, Responder, stapling};
use super::support::openssl;
use super::support::peers::Peer;
use super::support::tls::{self, TlsPeer};

fn server(identity: &IdentityFiles, options: &[&str]) -> Peer {
    let mut server = openssl::server(identity, options);
    openssl::echo(server.pipes());
    server
}

/// What comes of a session with a server: nothing if it was good, or why it was refused.
fn outcome(server: &Peer, credentials: &Credentials) -> Result<(), String> {
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let mut peer = TlsPeer::connect(address, credentials).map_err(|error| error.to_string())?;
    let mut answer = [0; 5];
    peer.write_all(b"hello").unwrap();
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"hello");
    Ok(())
}

fn trusting(pki: &TestPki, ca: &Path) -> Arc<Credentials> {
    tls::credentials(&pki.client("alice"), ca, Role::Client)
}

#[test]
fn a_chain_that_was_verified_before_is_judged_by_its_staple_all_the_same() {
    let pki = TestPki::new();
    let responder = Responder::of(&pki);
    let identity = pki.server("localhost");
    let authority = responder.authority();
    let good = responder.response(&identity, GOOD, authority);
    let revoked = responder.response(&identity, REVOKED, authority);
    for (option, version) in VERSIONS {
        let credentials = trusting(&pki, &pki.ca);
        let outcome = |options: &[&str]| outcome(&server(&identity, options), &credentials);
        assert_eq!(outcome(&[option]), Ok(()), "{version}");
        assert_eq!(outcome(&stapling(option, &good)), Ok(()), "{version}");
        let refused = outcome(&stapling(option, &revoked)).unwrap_err();
        assert!(refused.contains("revoked at"), "{version}: {refused}");
        assert_eq!(outcome(&stapling(option, &good)), Ok(()), "{version}");
    }
}

#[test]
fn for_a_server_that_is_an_anchor_itself_only_an_issuer_among_the_anchors_may_speak() {
    let pki = TestPki::new();
    let responder = Responder::of(&pki);
    let identity = pki.server("localhost");
    let authority = responder.authority();
    let good = responder.response(&identity, GOOD, authority);
    let revoked = responder.response(&identity, REVOKED, authority);

    // The first certificate of the file alone, with the root, and with its issuer.
    let leaf = std::fs::read_to_string(&identity.cert).unwrap();
    let end = "-----END CERTIFICATE-----\n";
    let (leaf, _) = leaf.split_once(end).unwrap();
    let leaf = format!("{leaf}{end}");
    let issuer = std::fs::read_to_string(&authority.cert).unwrap();
    let root = std::fs::read_to_string(&pki.ca).unwrap();
    let pinned = responder.file("pem");
    for (option, version) in VERSIONS {
        for more in ["", &root] {
            std::fs::write(&pinned, format!("{leaf}{more}")).unwrap();
            let credentials = trusting(&pki, &pinned);
            let without = |options: &[&str]| outcome(&server(&identity, options), &credentials);
            assert_eq!(without(&[option]), Ok(()), "{version}");
            // It is trusted for itself, and nobody is known who could speak for it or against it.
            assert_eq!(without(&stapling(option, &good)), Ok(()), "{version}");
            assert_eq!(without(&stapling(option, &revoked)), Ok(()), "{version}");
        }

        std::fs::write(&pinned, format!("{leaf}{issuer}")).unwrap();
        let credentials = trusting(&pki, &pinned);
        let both = |options: &[&str]| outcome(&server(&identity, options), &credentials);
        assert_eq!(both(&stapling(option, &good)), Ok(()), "{version}");
        let refused = both(&stapling(option, &revoked)).unwrap_err();
        assert!(refused.contains("revoked at"), "{version}: {refused}");
    }
}

#[test]
fn a_certificate_of_our_own_that_demands_a_staple_is_warned_of_for_a_server() {
    let pki = TestPki::new();
    let demanding = Responder::of(&pki).demanding_server();
    let warnings = |files: &IdentityFiles| {
        let credentials = tls::credentials(files, &pki.ca, Role::Server);
        credentials.warnings.concat()
    };
    assert_eq!(warnings(&pki.server("localhost")), "");
    let told = warnings(&demanding);
    assert!(told.contains("must-staple"), "{told}");
}
