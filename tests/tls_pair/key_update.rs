//! Key updates of TLS 1.3 (RFC 8446, 4.6.3) and renegotiation of TLS 1.2: what a peer may ask for
//! again and again.

use mtls_persona::base::reason::CloseReason;
use mtls_persona::tls::Role;

use super::pair::{Chunks, End, prove, server_end};
use super::stranger::Stranger;
use crate::support::certs::TestPki;

fn open(version: &str) -> (End, Stranger) {
    let pki = TestPki::new();
    let server = prove(&[&pki.ca], &pki.server("localhost"), Role::Server).unwrap();
    let mut end = server_end(&server);
    let mut stranger = Stranger::client(Some(&pki.client("alice")), &[version]);
    stranger.shake(&mut end);
    assert!(end.is_open);
    (end, stranger)
}

/// Lets the stranger ask for new keys; returns the records.
fn requests(stranger: &mut Stranger, count: usize) -> Vec<u8> {
    let mut records = Vec::new();
    for _ in 0..count {
        stranger.types(b"K\n");
        records.extend(stranger.receive());
    }
    records
}

#[test]
fn data_goes_on_under_new_keys() {
    let (mut end, mut stranger) = open("-tls1_3");
    for round in 0..5 {
        let request = requests(&mut stranger, 2);
        end.feed(&request);
        end.send(format!("line {round}\n").as_bytes());
        stranger.deliver(&mut end);
        stranger.says(&format!("line {round}"));
        stranger.types(b"answer\n");
        let so_far = end.got.len();
        stranger.drive(&mut end, &mut Chunks::Of(3), |end| {
            end.got.len() >= so_far + 7
        });
    }
    assert_eq!(end.got, b"answer\n".repeat(5));
}

#[test]
fn requests_for_new_keys_without_end_cost_no_more_output_than_they_are_long() {
    let (mut end, mut stranger) = open("-tls1_3");
    // Tickets go out with the first output, which is not to be that of a request.
    end.send(b"welcome\n");
    stranger.deliver(&mut end);
    let records = requests(&mut stranger, 300);
    for piece in records.chunks(1000) {
        end.feed(piece);
        let output = end.output();
        assert!(
            output.len() <= piece.len() + 100,
            "{} for {}",
            output.len(),
            piece.len()
        );
    }
    // BoringSSL has a limit of its own, OpenSSL answers all of them.
    let expected = cfg!(feature = "boringssl").then_some(CloseReason::TlsBadRecord);
    assert_eq!(end.reason(), expected);
    assert!(end.got.is_empty());
}

#[test]
fn renegotiation_is_refused() {
    let (mut end, mut stranger) = open("-tls1_2");
    stranger.types(b"R\n");
    stranger.drive(&mut end, &mut Chunks::Whole, |end| end.ending.is_some());
    assert!(end.got.is_empty());
    if cfg!(feature = "boringssl") {
        assert_eq!(end.reason(), Some(CloseReason::TlsBadRecord));
    }
}
