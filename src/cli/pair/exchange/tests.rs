#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::cli::pair::model::one_time_identity;

/// What comes of a stream that arrives in pieces of that size and then ends.
fn in_pieces(stream: &[u8], size: usize) -> Taken {
    let mut first = FirstLine::default();
    for piece in stream.chunks(size).chain([&[][..]]) {
        match first.take(piece) {
            Taken::More => {}
            taken => return taken,
        }
    }
    Taken::More
}

#[test]
fn a_line_is_the_same_however_it_arrives_and_nothing_behind_it_is_lost() {
    let stream = b"one line\nand more\n";
    let whole = Taken::Line(b"one line".to_vec(), b"and more\n".to_vec());
    assert_eq!(in_pieces(stream, 100), whole);
    let cut = Taken::Line(b"one line".to_vec(), Vec::new());
    assert_eq!(in_pieces(stream, 1), cut);
    assert_eq!(in_pieces(b"\n", 1), Taken::Line(Vec::new(), Vec::new()));
}

#[test]
fn a_line_without_an_end_is_none_and_takes_no_more_memory_than_the_longest_one() {
    let longest = [vec![b'x'; LINE_MAX - 1], b"\n".to_vec()].concat();
    let longer = [vec![b'x'; LINE_MAX], b"\n".to_vec()].concat();
    for size in [1000, LINE_MAX, 2 * LINE_MAX] {
        let whole = Taken::Line(longest[..LINE_MAX - 1].to_vec(), Vec::new());
        assert_eq!(in_pieces(&longest, size), whole, "{size}");
        let too_long = Taken::Fault(Fault::TooLong);
        assert_eq!(in_pieces(&longer, size), too_long, "{size}");
    }
}

#[test]
fn a_stream_that_ends_too_early_says_whether_anything_had_come() {
    assert_eq!(in_pieces(b"", 9), Taken::Fault(Fault::Nothing));
    assert_eq!(in_pieces(b"{\"cert\"", 3), Taken::Fault(Fault::Half));
}

fn cert() -> String {
    one_time_identity(1_800_000_000).unwrap().cert_pem
}

#[test]
fn what_one_end_writes_the_other_reads() {
    let cert = cert();
    for port in [None, Some(1), Some(65_535)] {
        let line = line(&cert, port);
        assert!(line.ends_with('\n') && line.lines().count() == 1);
        let said = Said::read(line.trim_end().as_bytes()).unwrap();
        assert_eq!(said.port, port);
        let certs = tls::describe(cert.as_bytes()).unwrap();
        assert_eq!(Some(said.pin), Pin::of(&certs[0].cert));
    }
}

#[test]
fn keys_that_nobody_asks_for_and_white_space_are_no_fault() {
    let line = format!(
        " {{ \"cert\" : {} , \"port\": 7, \"more\": [1] }} \r",
        json!(cert())
    );
    assert_eq!(Said::read(line.as_bytes()).unwrap().port, Some(7));
}

#[test]
fn what_is_no_word_of_the_exchange_is_refused_without_being_repeated() {
    let good = cert();
    let damaged = good.replace("MII", "MIJ");
    let twice = good.repeat(2);
    let refused = [
        Value::Null,
        json!("secret"),
        json!([{ "cert": good }]),
        json!({}),
        json!({ "Cert": good, "secret": 1 }),
        json!({ "cert": 1 }),
        json!({ "cert": "secret" }),
        json!({ "cert": damaged }),
        json!({ "cert": twice }),
        json!({ "cert": good, "port": 0 }),
        json!({ "cert": good, "port": -1 }),
        json!({ "cert": good, "port": 65_536 }),
        json!({ "cert": good, "port": 1.5 }),
        json!({ "cert": good, "port": "443" }),
        json!({ "cert": good, "port": null }),
    ];
    let lines = refused.iter().map(Value::to_string);
    let garbage = ["", "secret", "{\"cert\": \"secret", "{} {}"].map(str::to_owned);
    for line in lines.chain(garbage) {
        let told = Said::read(line.as_bytes()).unwrap_err();
        assert!(!told.contains("secret"), "{told}");
    }
    assert!(Said::read(b"\xff\xfe").is_err());
}
