//! Our own certificate is refused: when and how each end learns of it.

use mtls_persona::base::reason::CloseReason::*;
use mtls_persona::tls::authority::Purpose;
use mtls_persona::tls::{ExpectedName, ReadOutcome, Role};

use super::pair::{Chunks, Sides, carry, client_end, prove};
use super::stranger::Stranger;
use crate::support::certs::TestPki;

#[test]
fn a_tls13_client_learns_of_its_refusal_on_its_first_read() {
    let pki = TestPki::new();
    let stranger = pki.unknown_authority(Purpose::Client);
    let sides = Sides::of(&pki, &stranger, &pki.server("localhost"));
    for is_first_to_write in [false, true] {
        let mut pair = sides.pair();
        pair.client.shake();
        carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
        carry(&mut pair.server, &mut pair.client, &mut Chunks::Whole);
        assert!(pair.client.is_open, "a client is done before it is judged");
        if is_first_to_write {
            pair.client.send(b"an early question");
        }
        pair.settle(&mut Chunks::Of(7));
        assert_eq!(pair.server.reason(), Some(CertUnknownAuthority));
        assert!(pair.server.got.is_empty());
        let error = pair.client.failure().unwrap();
        assert_eq!(error.reason, CertificateRefused);
        let words = "the peer refused our certificate with the alert unknown_ca";
        assert_eq!((&error.detail[..], &error.certificate), (words, &None));
        assert!(matches!(pair.client.ending, Some(ReadOutcome::Failed(_))));
    }
}

#[test]
fn a_server_learns_of_its_refusal_in_the_handshake_and_gets_no_data() {
    let pki = TestPki::new();
    let sides = Sides::of(&pki, &pki.client("alice"), &pki.wrong_name());
    let mut pair = sides.pair();
    pair.client.shake();
    pair.settle(&mut Chunks::Of(5));
    assert_eq!(pair.client.reason(), Some(CertNameMismatch));
    assert_eq!(pair.server.reason(), Some(CertificateRefused));
    assert!(!pair.server.is_open && !pair.client.is_open);
}

#[test]
fn a_tls12_client_learns_of_its_refusal_in_the_handshake() {
    let pki = TestPki::new();
    let files = pki.unknown_authority(Purpose::Client);
    let client = prove(&[&pki.ca], &files, Role::Client).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let ca = pki.ca.to_str().unwrap();
        let options = [
            version,
            "-Verify",
            "2",
            "-verify_return_error",
            "-CAfile",
            ca,
        ];
        let mut stranger = Stranger::server(&pki.server("localhost"), &options);
        let mut end = client_end(&client, ExpectedName::Dns("localhost"));
        stranger.drive(&mut end, &mut Chunks::Of(16), |end| end.failure().is_some());
        assert_eq!(end.reason(), Some(CertificateRefused), "{version}");
        assert_eq!(end.is_open, version == "-tls1_3");
    }
}

#[test]
fn a_refused_client_s_words_never_reach_a_reader() {
    // The client writes behind its Finished, before it can know that it was refused.
    let pki = TestPki::new();
    let sides = Sides::of(
        &pki,
        &pki.self_signed(Purpose::Client),
        &pki.server("localhost"),
    );
    let mut pair = sides.pair();
    pair.client.shake();
    carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
    carry(&mut pair.server, &mut pair.client, &mut Chunks::Whole);
    pair.client.send(b"secret");
    let words = pair.client.output();
    pair.server.feed(&words);
    let read = pair.server.session.read(&mut pair.server.scratch);
    assert!(matches!(read, ReadOutcome::Failed(_)), "{read:?}");
    assert!(pair.server.scratch.plain.is_empty());
}
