//! Bytes of a stranger into a session that has not shaken hands yet, as client and as server, whole and in
//! pieces: it says little, comes to a verdict, never opens, and pieces make no other verdict.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mtls_persona::base::reason::CloseReason;
use mtls_persona::tls::ExpectedName;
use mtls_persona_fuzz::cuts::{cuts, pieces};
use mtls_persona_fuzz::tls::pair::{End, client_end_to, server_end};
use mtls_persona_fuzz::tls::sides;

/// A hello, a flight with two certificates, an alert, and a little.
const OUTPUT_BYTES_MAX: usize = 8 * 1024;

/// What the first bytes of another protocol are told by.
const FIRST_BYTES: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    for new in [client, server] {
        let whole = verdict(new(), bytes, &[bytes.len()]);
        for way in cuts(bytes).into_iter().rev().take(2) {
            let cut = verdict(new(), bytes, &way);
            let is_same = cut == whole || (is_of_pieces(cut) && is_of_pieces(whole));
            assert!(is_same, "{whole:?}, and {cut:?} in pieces of {way:?}");
            let knows_first = way.first().is_some_and(|first| *first >= FIRST_BYTES);
            if knows_first && whole == CloseReason::TlsPlaintext {
                assert_eq!(cut, whole);
            }
        }
    }
});

fn server() -> End {
    server_end(&sides().server)
}

/// Of one destination, so that what is kept of each does not grow.
fn client() -> End {
    client_end_to(&sides().client, ExpectedName::Dns("localhost"), "a place")
}

/// Which of these it is depends on what has come together with a few bytes: what a peer speaks is told by
/// the first eight, and an alert that nobody could encrypt by the last seven.
fn is_of_pieces(reason: CloseReason) -> bool {
    use CloseReason::*;
    let of_alert = [CertificateRefused, TlsAlert, TlsVersion, TlsBadRecord];
    matches!(reason, TlsMalformed | TlsPlaintext | TlsNoCommonParameters)
        || of_alert.contains(&reason)
}

fn verdict(mut end: End, bytes: &[u8], way: &[usize]) -> CloseReason {
    end.shake();
    for piece in pieces(bytes, way) {
        end.feed(piece);
    }
    end.cut();
    end.end();
    assert!(!end.is_open && end.got.is_empty(), "a stranger is let in");
    let output = end.output();
    assert!(
        output.len() <= OUTPUT_BYTES_MAX,
        "{} bytes of output",
        output.len()
    );
    let error = end.failure().expect("there is a verdict");
    assert!(
        error.detail.len() < 500 && !error.detail.contains('\n'),
        "{error}"
    );
    error.reason
}
