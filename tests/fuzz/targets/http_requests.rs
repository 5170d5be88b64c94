//! Requests of a client into which a certificate is put: in whatever pieces they come, the same goes out
//! and the same is refused; what goes out is read by ourselves as the same requests once more; and nobody
//! but us says who the client is.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mtls_persona::base::buffer::Buffer;
use mtls_persona::base::scratch::PIECE_BYTES;
use mtls_persona::http::{Refusal, Requests};
use mtls_persona_fuzz::cuts::{cuts, pieces};

/// What each head gets.
const OURS: &str = "Client-Cert: :OURS:\r\nX-Client-Cert: OURS\r\n";

/// A head of a request has no fewer bytes: `A / HTTP/1.0`, and two ends of lines.
const HEAD_BYTES_MIN: usize = 16;

/// What goes out, why it ends early if it does, and whether the protocol has changed.
type Outcome = (Vec<u8>, Option<Refusal>, bool);

fuzz_target!(|bytes: &[u8]| {
    let is_switching = bytes.len() % 2 == 1;
    let ways = cuts(bytes);
    let outcomes = ways
        .iter()
        .map(|way| passed(bytes, way, OURS, is_switching));
    let mut outcomes = outcomes.collect::<Vec<_>>().into_iter();
    let whole = outcomes.next().expect("there is a way to cut them");
    for (other, way) in outcomes.zip(&ways[1..]) {
        assert_eq!(show(&other), show(&whole), "in pieces of {way:?}");
    }
    let (out, refusal, has_changed) = &whole;
    let heads = bytes.len() / HEAD_BYTES_MIN + 1;
    assert!(
        out.len() <= bytes.len() + heads * (OURS.len() + 64),
        "it grows beyond its bound"
    );
    if let Some(refusal) = refusal {
        assert!(refusal.what.len() < 200 && refusal.answer().ends_with(b"\r\n\r\n"));
    }
    // Cut off within a head or refused, what has gone out before is whole requests, or part of a content.
    if !has_changed {
        let again = passed(out, &[out.len()], OURS, is_switching);
        assert_eq!(
            show(&again).0,
            show(&whole).0,
            "what went out is read otherwise"
        );
        assert_eq!(again.1, None, "what went out is refused");
    }
    // With nothing put in, the names that are ours are gone and all else is the same.
    let (bare, same, _) = passed(bytes, &[bytes.len()], "", is_switching);
    assert_eq!(same, *refusal);
    assert!(bare.len() <= out.len() && (out.len() - bare.len()) % OURS.len() == 0);
    if !has_changed {
        let again = passed(&bare, &[bare.len()], OURS, is_switching);
        assert_eq!(show(&again).0, show(&whole).0, "a name of ours was left");
    }
});

fn show((out, refusal, has_changed): &Outcome) -> (String, &Option<Refusal>, bool) {
    (out.escape_ascii().to_string(), refusal, *has_changed)
}

fn passed(bytes: &[u8], way: &[usize], lines: &str, is_switching: bool) -> Outcome {
    let mut requests = Requests::new(lines.as_bytes().to_vec());
    let mut sent = Vec::new();
    let mut has_changed = false;
    for piece in pieces(bytes, way) {
        let mut rest = piece;
        while !rest.is_empty() {
            if requests.take_whole(rest) {
                sent.extend_from_slice(rest);
                break;
            }
            let mut out = Buffer::default();
            let taken = requests.take(rest, &mut out);
            assert!(out.len() <= 2 * PIECE_BYTES, "{} bytes at once", out.len());
            sent.extend_from_slice(out.data());
            let used = match taken {
                Ok(used) => used,
                Err(refusal) => return (sent, Some(refusal), has_changed),
            };
            assert!(used > 0 || requests.is_waiting(), "nothing is taken");
            if requests.is_waiting() {
                requests.answered(is_switching);
                has_changed |= is_switching;
            }
            rest = &rest[used..];
        }
    }
    (sent, requests.end().err(), has_changed)
}
