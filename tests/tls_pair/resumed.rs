//! Tickets on their way: they come with data or before it, and are none.

use mtls_persona::tls::ReadOutcome;

use super::pair::{Chunks, Pair, Sides, carry};
use super::resumption::resumes;
use crate::support::certs::TestPki;

/// The client is done, the server is not yet.
fn half_open(sides: &Sides) -> Pair {
    let mut pair = sides.pair();
    pair.client.shake();
    carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
    carry(&mut pair.server, &mut pair.client, &mut Chunks::Whole);
    assert!(pair.client.is_open && !pair.server.is_open);
    pair
}

/// What a server has sent by the time that it has greeted, in records: tickets, then its greeting.
fn tickets_and_greeting(pair: &mut Pair) -> (Vec<u8>, Vec<u8>) {
    carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
    pair.server.send(b"welcome");
    let output = pair.server.output();
    let mut last = 0;
    let mut at = 0;
    while at < output.len() {
        last = at;
        at += 5 + usize::from(u16::from_be_bytes([output[at + 3], output[at + 4]]));
    }
    assert!(last > 100, "no tickets before the greeting");
    (output[..last].to_vec(), output[last..].to_vec())
}

#[test]
fn tickets_alone_are_no_data_and_leave_nothing_to_read() {
    let mut pair = half_open(&Sides::good(&TestPki::new()));
    let (tickets, greeting) = tickets_and_greeting(&mut pair);
    pair.client.scratch.received.append(&tickets);
    assert_eq!(pair.client.read(), ReadOutcome::NeedsInput);
    assert!(!pair.client.session.may_hold_more());
    assert!(pair.client.output().is_empty());
    pair.client.feed(&greeting);
    assert_eq!(pair.client.got, b"welcome");
}

#[test]
fn tickets_may_be_cut_into_any_pieces() {
    let sides = Sides::good(&TestPki::new());
    for size in [1, 2, 5, 100, 1000] {
        let mut pair = half_open(&sides);
        let (tickets, greeting) = tickets_and_greeting(&mut pair);
        for piece in [tickets, greeting].concat().chunks(size) {
            pair.client.feed(piece);
        }
        assert_eq!(pair.client.got, b"welcome");
        assert_eq!(pair.client.ending, None);
    }
}

#[test]
fn a_stream_that_is_cut_behind_its_tickets_is_truncated() {
    let mut pair = half_open(&Sides::good(&TestPki::new()));
    let (tickets, _) = tickets_and_greeting(&mut pair);
    pair.client.feed(&tickets);
    pair.client.cut();
    assert_eq!(pair.client.ending, Some(ReadOutcome::Truncated));
    assert!(pair.client.got.is_empty());
}

#[test]
fn a_server_that_ends_without_a_word_ends_cleanly() {
    let mut pair = half_open(&Sides::good(&TestPki::new()));
    carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
    pair.server.end();
    carry(&mut pair.server, &mut pair.client, &mut Chunks::Whole);
    assert_eq!(pair.client.ending, Some(ReadOutcome::End));
    assert!(pair.client.got.is_empty());
    // The other half goes on.
    pair.client.send(b"still here");
    pair.client.end();
    pair.settle(&mut Chunks::Whole);
    assert_eq!(pair.server.got, b"still here");
    assert_eq!(pair.server.ending, Some(ReadOutcome::End));
}

#[test]
fn a_client_that_never_reads_its_tickets_sends_all_the_same() {
    let mut pair = half_open(&Sides::good(&TestPki::new()));
    let (_unread, _) = tickets_and_greeting(&mut pair);
    pair.client.send(&[7; 100_000]);
    pair.client.end();
    carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
    assert_eq!(pair.server.got, [7; 100_000]);
    assert_eq!(pair.server.ending, Some(ReadOutcome::End));
}

#[test]
fn tickets_that_come_when_a_client_has_ended_its_own_half_do_no_harm() {
    let sides = Sides::good(&TestPki::new());
    let mut pair = half_open(&sides);
    let (tickets, greeting) = tickets_and_greeting(&mut pair);
    pair.client.end();
    pair.client.feed(&tickets);
    pair.client.feed(&greeting);
    assert_eq!(pair.client.got, b"welcome");
    assert_eq!(pair.client.ending, None);
}

#[test]
fn a_server_that_only_listens_sends_no_tickets_that_nobody_may_read() {
    let mut pair = half_open(&Sides::good(&TestPki::new()));
    pair.client.send(b"report");
    carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
    assert_eq!(pair.server.got, b"report");
    assert!(pair.server.output().is_empty());
}

#[test]
fn a_server_sends_its_tickets_in_the_middle_of_a_record_of_the_client() {
    let mut pair = half_open(&Sides::good(&TestPki::new()));
    carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
    pair.client.send(b"report");
    let record = pair.client.output();
    let (half, rest) = record.split_at(10);
    pair.server.feed(half);
    let (tickets, greeting) = tickets_and_greeting(&mut pair);
    pair.server.feed(rest);
    pair.client.feed(&[tickets, greeting].concat());
    assert_eq!(
        (&*pair.server.got, &*pair.client.got),
        (&b"report"[..], &b"welcome"[..])
    );
}

#[test]
fn data_and_ends_are_the_same_in_a_resumed_session() {
    let sides = Sides::good(&TestPki::new());
    let (client, server) = (&sides.client, &sides.server);
    assert!(!resumes(client, server, "here"));
    let mut pair = Pair {
        client: super::pair::client_end_to(client, super::resumption::NAME, "here"),
        server: super::pair::server_end(server),
    }
    .open();
    assert!(pair.server.session.negotiated().is_resumed);
    pair.client.send(&[1; 50_000]);
    pair.server.send(&[2; 50_000]);
    pair.client.end();
    pair.settle(&mut Chunks::Of(1000));
    assert_eq!(
        (pair.server.got.len(), pair.client.got.len()),
        (50_000, 50_000)
    );
    assert_eq!(pair.server.ending, Some(ReadOutcome::End));
    assert_eq!(pair.client.ending, None);
    pair.client.cut();
    assert_eq!(pair.client.ending, Some(ReadOutcome::Truncated));
}
