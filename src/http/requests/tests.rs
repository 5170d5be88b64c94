#![allow(clippy::unwrap_used)]

mod good;
mod refused;
mod splits;

use super::*;
use crate::http::Status;

/// What each head gets in these tests.
const OURS: &str = "Client-Cert: :OURS:\r\nX-Client-Cert: OURS\r\n";

/// What comes of a stream: the bytes that go out, and why it ends early if it does.
type Outcome = (String, Option<Refusal>);

/// Gives these pieces one after the other, and takes what comes out.
fn passed_by(requests: &mut Requests, pieces: &[&[u8]]) -> Outcome {
    let mut sent = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            if requests.take_whole(rest) {
                sent.extend_from_slice(rest);
                break;
            }
            let mut out = Buffer::default();
            let taken = requests.take(rest, &mut out);
            sent.extend_from_slice(out.data());
            match taken {
                Ok(0) => panic!("nothing is taken of {rest:?}"),
                Ok(used) => rest = &rest[used..],
                Err(refusal) => return (text(sent), Some(refusal)),
            }
        }
    }
    (text(sent), requests.end().err())
}

fn text(bytes: Vec<u8>) -> String {
    bytes.into_iter().map(char::from).collect()
}

fn requests() -> Requests {
    Requests::new(OURS.as_bytes().to_vec())
}

/// What comes of a whole stream in these pieces.
fn outcome(pieces: &[&[u8]]) -> Outcome {
    passed_by(&mut requests(), pieces)
}

/// What goes out for a stream that is passed on.
fn passed(stream: impl AsRef<[u8]>) -> String {
    let (sent, refusal) = outcome(&[stream.as_ref()]);
    assert_eq!(refusal, None, "{sent}");
    sent
}

/// What goes out before a stream is refused, and what its client is told.
fn refused(stream: impl AsRef<[u8]>) -> (String, Status) {
    let (sent, refusal) = outcome(&[stream.as_ref()]);
    let Some(refusal) = refusal else {
        panic!("it is passed on: {sent}");
    };
    (sent, refusal.status)
}
