//! What a connector and its client read of each other: the first line of either, in whatever pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mtls_persona::route::{
    Answer, AnswerReader, ConnectId, LINE_BYTES_MAX, Preamble, PreambleError,
};
use mtls_persona_fuzz::cuts::{cuts, pieces};

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1024;

fuzz_target!(|bytes: &[u8]| {
    let ways = cuts(bytes);
    let asked = ways.iter().map(|way| preamble(bytes, way));
    let asked = the_same(asked);
    match asked {
        Ok(Some((id, used))) => {
            assert!(used <= LINE_BYTES_MAX && bytes[used - 1] == b'\n');
            let line = format!("{id}\n");
            let again = Preamble::default().take(line.as_bytes());
            assert_eq!(again, Ok(Some((id, line.len()))));
        }
        Ok(None) => assert!(bytes.len() < LINE_BYTES_MAX && !bytes.contains(&b'\n')),
        Err(error) => assert!(error.to_string().len() < 100),
    }
    let told = ways.iter().map(|way| answer(bytes, way));
    match the_same(told) {
        Some((Answer::Granted, used)) => assert_eq!(&bytes[..used], Answer::granted()),
        // A byte that is no text takes three.
        Some((Answer::Refused(message), used)) => {
            assert!(bytes.starts_with(b"ERROR: ") && message.len() <= 3 * used);
            assert!(used <= ANSWER_BYTES_MAX && !message.contains('\n'));
        }
        Some((Answer::Strange, used)) => assert!(used <= ANSWER_BYTES_MAX),
        None => assert!(bytes.len() < ANSWER_BYTES_MAX),
    }
    if let Ok(name) = std::str::from_utf8(bytes)
        && let Ok(id) = ConnectId::of_server_name(name)
    {
        assert!(name.to_ascii_lowercase().starts_with(id.as_str()));
        assert_eq!(ConnectId::new(id.as_str().as_bytes()), Ok(id));
    }
});

/// What all ways come to, which is one thing.
fn the_same<T: PartialEq + std::fmt::Debug>(mut all: impl Iterator<Item = T>) -> T {
    let first = all.next().expect("there is a way to cut them");
    for other in all {
        assert_eq!(other, first, "how the bytes are cut decides");
    }
    first
}

type Asked = Result<Option<(ConnectId, usize)>, PreambleError>;

/// The id, and how many bytes of the whole it took.
fn preamble(bytes: &[u8], way: &[usize]) -> Asked {
    let mut preamble = Preamble::default();
    let mut before = 0;
    for piece in pieces(bytes, way) {
        if let Some((id, used)) = preamble.take(piece)? {
            assert!((1..=piece.len()).contains(&used));
            return Ok(Some((id, before + used)));
        }
        before += piece.len();
    }
    Ok(None)
}

fn answer(bytes: &[u8], way: &[usize]) -> Option<(Answer, usize)> {
    let mut reader = AnswerReader::default();
    let mut before = 0;
    for piece in pieces(bytes, way) {
        if let Some((answer, used)) = reader.take(piece) {
            assert!((1..=piece.len()).contains(&used));
            return Some((answer, before + used));
        }
        before += piece.len();
    }
    None
}
