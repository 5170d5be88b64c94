//! Bytes that a stranger made up from real ones: whatever comes, a session neither panics nor loops,
//! says little, and never takes for data what was not sent.

use mtls_persona::tls::ExpectedName;

use super::pair::{Chunks, End, Numbers, Pair, Sides, client_end, feed, server_end};
use crate::support::certs::TestPki;

const QUESTION: &[u8] = b"a question that is longer than a record's overhead";
const ANSWER: &[u8] = b"an answer in two parts, and this is the first of them";
/// A server's flight with two certificates, its alert, and a little.
const OUTPUT_BYTES_MAX: usize = 8 * 1024;

/// Changes bytes in one to four places.
fn mutate(numbers: &mut Numbers, bytes: &mut Vec<u8>) {
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        let to = (at + 1 + numbers.below(64)).min(bytes.len());
        let length = 1 + numbers.below(40);
        match numbers.below(8) {
            0 | 1 if at < to => bytes[at] ^= 1 << numbers.below(8),
            2 if at < to => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][numbers.below(5)],
            3 => drop(bytes.drain(at..to)),
            4 => drop(bytes.splice(at..at, numbers.bytes(length))),
            5 => {
                let again = bytes[at..to].to_vec();
                drop(bytes.splice(at..at, again));
            }
            6 => bytes.truncate(at),
            // The length fields of record and message.
            _ if bytes.len() > 9 => bytes[3 + numbers.below(6)] ^= 1 << numbers.below(8),
            _ => {}
        }
    }
}

fn random_chunks(numbers: &mut Numbers) -> Chunks {
    match numbers.below(3) {
        0 => Chunks::Whole,
        1 => Chunks::Of(1 + numbers.below(50)),
        _ => Chunks::Random(Numbers(1 + numbers.next() / 2)),
    }
}

/// Feeds everything, ends the input, and holds the end to its bounds.
fn survive(end: &mut End, bytes: &[u8], chunks: &mut Chunks) {
    feed(end, bytes, chunks);
    end.cut();
    end.end();
    let output = end.output();
    assert!(
        output.len() <= OUTPUT_BYTES_MAX,
        "{} bytes of output",
        output.len()
    );
    assert!(end.refusal.is_some() || end.ending.is_some(), "no verdict");
}

#[test]
fn a_server_survives_every_mutation_of_a_client_hello() {
    let sides = Sides::good(&TestPki::new());
    let mut numbers = Numbers(0x5eed);
    let mut client = sides.pair().client;
    client.shake();
    let hello = client.output();
    for round in 0..1500 {
        let mut bytes = hello.clone();
        mutate(&mut numbers, &mut bytes);
        let mut server = server_end(&sides.server);
        let mut chunks = random_chunks(&mut numbers);
        survive(&mut server, &bytes, &mut chunks);
        assert!(!server.is_open, "round {round}");
    }
}

#[test]
fn a_client_survives_every_mutation_of_a_server_s_answer() {
    let sides = Sides::good(&TestPki::new());
    let mut numbers = Numbers(0xca11);
    for round in 0..600 {
        let Pair {
            mut client,
            mut server,
        } = sides.pair();
        client.shake();
        let hello = client.output();
        server.feed(&hello);
        let answer = server.output();
        let mut bytes = answer.clone();
        mutate(&mut numbers, &mut bytes);
        let mut chunks = random_chunks(&mut numbers);
        survive(&mut client, &bytes, &mut chunks);
        let is_whole = bytes.starts_with(&answer);
        assert!(
            !client.is_open || is_whole || same_but_for_versions(&answer, &bytes),
            "{round}"
        );
    }
}

/// The version in a record's header means nothing in TLS 1.3 (RFC 8446, 5.1); where the library
/// does not hold it to anything the handshake stands.
fn same_but_for_versions(one: &[u8], other: &[u8]) -> bool {
    let blank = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let mut at = 0;
        while at + 5 <= bytes.len() {
            bytes[at + 1..at + 3].fill(0);
            at += 5 + usize::from(u16::from_be_bytes([bytes[at + 3], bytes[at + 4]]));
        }
        bytes
    };
    blank(other).starts_with(&blank(one))
}

#[test]
fn both_ends_survive_every_mutation_of_a_whole_session() {
    let sides = Sides::good(&TestPki::new());
    let mut numbers = Numbers(0xdead);
    for _ in 0..800 {
        let Pair {
            mut client,
            mut server,
        } = sides.pair();
        client.shake();
        let victim = numbers.below(6);
        for flight in 0..6 {
            let (from, to) = match flight % 2 {
                0 => (&mut client, &mut server),
                _ => (&mut server, &mut client),
            };
            match flight {
                2 | 4 if from.is_open => from.send(QUESTION),
                3 | 5 if from.is_open => from.send(ANSWER),
                _ => {}
            }
            if flight > 3 {
                from.end();
            }
            let mut bytes = from.output();
            assert!(bytes.len() <= OUTPUT_BYTES_MAX);
            if flight == victim {
                mutate(&mut numbers, &mut bytes);
            }
            if from.failure().is_none() || flight == victim {
                feed(to, &bytes, &mut random_chunks(&mut numbers));
            }
            if to.failure().is_some() {
                break;
            }
        }
        survive(&mut client, &[], &mut Chunks::Whole);
        survive(&mut server, &[], &mut Chunks::Whole);
        assert!(QUESTION.repeat(2).starts_with(&server.got));
        assert!(ANSWER.repeat(2).starts_with(&client.got));
    }
}

#[test]
fn noise_of_every_record_type_into_an_open_session_fails_it_at_once() {
    let sides = Sides::good(&TestPki::new());
    let mut numbers = Numbers(0xabcd);
    for round in 0..200 {
        let Pair { client, server } = sides.pair().open();
        let mut end = if round % 2 == 0 { client } else { server };
        let length = 1 + numbers.below(300);
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        let kind = u8::try_from(20 + numbers.below(5)).unwrap();
        let record = [vec![kind, 3, 3, high, low], numbers.bytes(length)].concat();
        let mut chunks = random_chunks(&mut numbers);
        feed(&mut end, &record, &mut chunks);
        assert!(end.got.is_empty());
        assert!(end.failure().is_some(), "type {kind}, {length} bytes");
        survive(&mut end, &[], &mut Chunks::Whole);
    }
}

#[test]
fn a_session_that_has_nothing_yet_survives_an_end() {
    let sides = Sides::good(&TestPki::new());
    survive(&mut server_end(&sides.server), &[], &mut Chunks::Whole);
    let mut client = client_end(&sides.client, ExpectedName::Dns("localhost"));
    survive(&mut client, &[], &mut Chunks::Whole);
}
