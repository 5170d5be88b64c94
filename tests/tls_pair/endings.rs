//! How a session ends: what each end may believe.

use mtls_persona::base::reason::CloseReason;
use mtls_persona::tls::{ExpectedName, ReadOutcome, Role};

use super::pair::{Chunks, End, Pair, Sides, carry, client_end, prove, server_end};
use super::stranger::Stranger;
use crate::support::certs::TestPki;

fn open() -> Pair {
    Sides::good(&TestPki::new()).pair().open()
}

type Ends = fn(&mut Pair) -> (&mut End, &mut End);

/// Which end of a pair does it, and the other one.
const BOTH: [Ends; 2] = [
    |pair| (&mut pair.client, &mut pair.server),
    |pair| (&mut pair.server, &mut pair.client),
];

#[test]
fn close_notify_alone_is_an_end() {
    for ends in BOTH {
        let mut pair = open();
        let (one, other) = ends(&mut pair);
        one.end();
        other.scratch.received.append(&one.output());
        assert_eq!(other.read(), ReadOutcome::End);
    }
}

#[test]
fn close_notify_behind_data_is_told_together_with_the_data() {
    let mut pair = open();
    pair.client.send(b"all there is");
    pair.client.end();
    let output = pair.client.output();
    pair.server.scratch.received.append(&output);
    assert_eq!(pair.server.read(), ReadOutcome::Last(12));
    assert_eq!(pair.server.read(), ReadOutcome::End);
}

#[test]
fn close_notify_in_a_chunk_of_its_own_is_an_end_behind_the_bytes() {
    let mut pair = open();
    pair.client.send(b"all there is");
    let data = pair.client.output();
    pair.client.end();
    pair.server.scratch.received.append(&data);
    assert_eq!(pair.server.read(), ReadOutcome::Bytes(12));
    let notify = pair.client.output();
    pair.server.scratch.received.append(&notify);
    assert_eq!(pair.server.read(), ReadOutcome::End);
}

#[test]
fn input_that_ends_behind_close_notify_stays_an_end() {
    let mut pair = open();
    pair.client.end();
    pair.settle(&mut Chunks::Whole);
    pair.server.session.end_input();
    assert_eq!(pair.server.read(), ReadOutcome::End);
    assert_eq!(pair.server.read(), ReadOutcome::End);
}

#[test]
fn each_direction_ends_on_its_own() {
    for ends in BOTH {
        let mut pair = open();
        let (one, other) = ends(&mut pair);
        one.send(b"question");
        one.end();
        carry(one, other, &mut Chunks::Whole);
        assert_eq!(other.ending, Some(ReadOutcome::End));
        // The other direction goes on: here more than the library would hold back.
        let answer = vec![b'a'; 50_000];
        other.send(&answer);
        carry(other, one, &mut Chunks::Of(1000));
        assert!(one.got == answer && one.ending.is_none());
        other.end();
        carry(other, one, &mut Chunks::Of(1));
        assert_eq!(one.ending, Some(ReadOutcome::End));
        assert_eq!(one.output(), b"");
    }
}

#[test]
fn both_ends_may_close_at_the_same_time() {
    let mut pair = open();
    pair.client.end();
    pair.server.end();
    pair.settle(&mut Chunks::Whole);
    assert_eq!(pair.client.ending, Some(ReadOutcome::End));
    assert_eq!(pair.server.ending, Some(ReadOutcome::End));
}

#[test]
fn a_session_whose_handshake_is_not_done_sends_no_close_notify() {
    let mut pair = Sides::good(&TestPki::new()).pair();
    pair.client.end();
    assert!(pair.client.output().is_empty());
    pair.client.shake();
    pair.client.output();
    pair.client.end();
    assert!(pair.client.output().is_empty());
}

#[test]
fn closing_twice_changes_nothing() {
    let mut pair = open();
    pair.client.end();
    let notify = pair.client.output();
    assert!(!notify.is_empty());
    pair.client.end();
    assert!(pair.client.output().is_empty());
    pair.server.send(b"still heard");
    pair.settle(&mut Chunks::Whole);
    assert_eq!(pair.client.got, b"still heard");
}

#[test]
fn writing_after_close_notify_is_refused_and_sends_nothing() {
    let mut pair = open();
    pair.client.end();
    pair.client.output();
    pair.client.scratch.plain.append(b"too late");
    let refused = pair.client.session.write(&mut pair.client.scratch);
    assert_eq!(refused.map_err(|e| e.reason), Err(CloseReason::Internal));
    assert!(pair.client.scratch.plain.is_empty() && pair.client.output().is_empty());
}

#[test]
fn bytes_behind_close_notify_are_ignored() {
    let mut pair = open();
    pair.client.end();
    let output = [pair.client.output(), b"anything".to_vec()].concat();
    pair.server.feed(&output);
    assert_eq!(pair.server.read(), ReadOutcome::End);
    pair.server.feed(b"and more");
    assert_eq!(pair.server.read(), ReadOutcome::End);
    assert!(pair.server.got.is_empty() && pair.server.output().is_empty());
}

#[test]
fn input_that_ends_without_close_notify_is_truncated_and_stays_so() {
    for ends in BOTH {
        let mut pair = open();
        let (one, other) = ends(&mut pair);
        one.send(b"a part");
        carry(one, other, &mut Chunks::Whole);
        other.session.end_input();
        for _ in 0..3 {
            assert_eq!(other.read(), ReadOutcome::Truncated);
        }
        assert_eq!(other.got, b"a part");
    }
}

#[test]
fn half_a_record_and_then_nothing_is_truncated() {
    let mut pair = open();
    pair.client.send(b"whole");
    pair.client.send(b"halved");
    let output = pair.client.output();
    pair.server.feed(&output[..output.len() - 10]);
    pair.server.cut();
    assert_eq!(pair.server.got, b"whole");
    assert_eq!(pair.server.ending, Some(ReadOutcome::Truncated));
}

#[test]
fn truncation_leaves_the_other_direction_usable() {
    for cut_record in [false, true] {
        let mut pair = open();
        pair.client.send(b"a part");
        let output = pair.client.output();
        let cut_at = if cut_record {
            output.len() - 3
        } else {
            output.len()
        };
        pair.server.feed(&output[..cut_at]);
        pair.server.cut();
        assert_eq!(pair.server.ending, Some(ReadOutcome::Truncated));
        assert!(pair.server.output().is_empty(), "an answer to a truncation");
        pair.server.send(b"still here");
        pair.server.end();
        pair.settle(&mut Chunks::Whole);
        assert_eq!(pair.client.got, b"still here");
        assert_eq!(pair.client.ending, Some(ReadOutcome::End));
    }
}

/// What both ends of a short session send, in order: who sends, and what.
fn transcript(sides: &Sides) -> Vec<usize> {
    let mut pair = sides.pair();
    let mut lengths = Vec::new();
    script(&mut pair, |_, from, to| {
        lengths.push(carry(from, to, &mut Chunks::Whole));
        true
    });
    lengths
}

/// A short session, in steps of one flight each; `step` carries and says whether to go on.
fn script(pair: &mut Pair, mut step: impl FnMut(usize, &mut End, &mut End) -> bool) {
    let Pair { client, server } = pair;
    client.shake();
    if !step(0, client, server) || !step(1, server, client) {
        return;
    }
    client.send(b"question");
    if !step(2, client, server) {
        return;
    }
    server.send(b"the answer");
    server.send(b" in two records");
    server.end();
    if !step(3, server, client) {
        return;
    }
    client.send(b"thanks");
    client.end();
    step(4, client, server);
}

#[test]
fn a_session_cut_at_any_byte_never_ends_well_and_delivers_a_prefix() {
    let sides = Sides::good(&TestPki::new());
    let lengths = transcript(&sides);
    assert_eq!(lengths.len(), 5);
    for (flight, length) in lengths.into_iter().enumerate() {
        for cut_at in 0..length {
            cut_in(&sides, flight, cut_at);
        }
    }
}

fn cut_in(sides: &Sides, flight: usize, cut_at: usize) {
    let mut pair = sides.pair();
    let case = format!("flight {flight}, byte {cut_at}");
    script(&mut pair, |step, from, to| {
        if step < flight {
            carry(from, to, &mut Chunks::Whole);
            return true;
        }
        let output = from.output();
        if cut_at >= output.len() {
            // Signatures differ in length from one handshake to the next.
            return false;
        }
        to.feed(&output[..cut_at]);
        to.cut();
        if to.is_open {
            assert_eq!(to.ending, Some(ReadOutcome::Truncated), "{case}");
        } else {
            assert_eq!(to.reason(), Some(CloseReason::HandshakeClosed), "{case}");
        }
        false
    });
    assert!(b"questionthanks".starts_with(&pair.server.got), "{case}");
    assert!(
        b"the answer in two records".starts_with(&pair.client.got),
        "{case}"
    );
}

#[test]
fn a_tls12_peer_that_closes_is_heard_and_one_that_is_cut_is_not_believed() {
    let pki = TestPki::new();
    let server = prove(&[&pki.ca], &pki.server("localhost"), Role::Server).unwrap();
    let mut end = server_end(&server);
    let mut stranger = Stranger::client(Some(&pki.client("alice")), &["-tls1_2", "-no_ign_eof"]);
    stranger.shake(&mut end);
    stranger.types(b"all there is\n");
    stranger.types_end();
    stranger.drive(&mut end, &mut Chunks::Of(3), |end| end.ending.is_some());
    assert_eq!(
        (&end.got[..], &end.ending),
        (&b"all there is\n"[..], &Some(ReadOutcome::End))
    );
}

#[test]
fn a_tls12_record_cut_at_any_byte_is_truncated() {
    let pki = TestPki::new();
    let client = prove(&[&pki.ca], &pki.client("alice"), Role::Client).unwrap();
    let localhost = pki.server("localhost");
    // explicit nonce, data and tag: 5 + 8 + 5 + 16 bytes
    for cut_at in (0..34).step_by(3) {
        let mut end = client_end(&client, ExpectedName::Dns("localhost"));
        let mut stranger = Stranger::server(&localhost, &["-tls1_2"]);
        stranger.shake(&mut end);
        stranger.types(b"data\n");
        let record = stranger.receive();
        assert_eq!(record.len(), 34);
        end.feed(&record[..cut_at]);
        end.cut();
        assert_eq!(
            (&end.got[..], &end.ending),
            (&b""[..], &Some(ReadOutcome::Truncated))
        );
    }
}
