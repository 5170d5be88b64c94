//! Handshakes and data, in every chunking.

use mtls_persona::tls::{ExpectedName, Role};

use super::pair::{Chunks, Numbers, Pair, Sides, client_end, prove, server_end};
use super::stranger::Stranger;
use crate::support::certs::TestPki;

/// Every chunking, with the most data that is worth carrying in it.
fn chunkings() -> Vec<(Chunks, usize)> {
    const KB: usize = 1000;
    let mut all = vec![
        (Chunks::Of(1), 17 * KB),
        (Chunks::Of(2), 17 * KB),
        (Chunks::Of(3), 17 * KB),
        (Chunks::Of(5), 17 * KB),
        (Chunks::Of(7), 100 * KB),
        (Chunks::Of(16), 100 * KB),
        (Chunks::Of(1000), 2000 * KB),
        (Chunks::Of(16 * 1024), 2000 * KB),
        (Chunks::Whole, 2000 * KB),
    ];
    all.extend((1..=5).map(|seed| (Chunks::Random(Numbers(seed)), 2000 * KB)));
    all
}

#[test]
fn a_handshake_succeeds_in_every_chunking_and_both_ends_agree_on_it() {
    let sides = Sides::good(&TestPki::new());
    for (mut chunks, _) in chunkings() {
        let mut pair = sides.pair();
        pair.client.shake();
        pair.settle(&mut chunks);
        assert!(pair.client.is_open && pair.server.is_open);
        let negotiated = pair.client.session.negotiated();
        assert_eq!(negotiated, pair.server.session.negotiated());
        assert_eq!(negotiated.version, "TLSv1.3");
        assert!(negotiated.suite.starts_with("TLS_") && negotiated.group == "X25519");
        let subject = |end: &super::pair::End| end.session.peer().unwrap().subject.clone();
        assert_eq!(subject(&pair.server), "CN=alice");
        assert_eq!(subject(&pair.client), "CN=localhost");
    }
}

#[test]
fn nothing_is_told_of_a_peer_whose_handshake_is_not_done() {
    let mut pair = Sides::good(&TestPki::new()).pair();
    pair.client.shake();
    assert_eq!(pair.client.session.negotiated(), Default::default());
    assert_eq!(pair.client.session.peer(), None);
    assert!(!pair.client.session.may_hold_more());
}

#[test]
fn data_of_every_size_arrives_both_ways_at_once_in_every_chunking() {
    let sides = Sides::good(&TestPki::new());
    let sizes = [0, 1, 16_383, 16_384, 16_385, 100_000, 1 << 20];
    let data = Numbers(7).bytes(1 << 20);
    for (mut chunks, most) in chunkings() {
        let mut pair = sides.pair().open();
        for size in sizes.into_iter().filter(|size| *size <= most) {
            let (up, down) = (&data[..size], &data[data.len() - size..]);
            exchange(&mut pair, (up, down), &mut chunks);
        }
    }
}

/// Both ends write in alternation and both read what the other wrote.
fn exchange(pair: &mut Pair, (up, down): (&[u8], &[u8]), chunks: &mut Chunks) {
    let piece = 1 + up.len() / 3;
    let mut ups = up.chunks(piece);
    let mut downs = down.chunks(piece);
    for _ in 0..4 {
        pair.client.send(ups.next().unwrap_or_default());
        pair.server.send(downs.next().unwrap_or_default());
        pair.settle(chunks);
    }
    assert!(
        std::mem::take(&mut pair.server.got) == up,
        "{} bytes up",
        up.len()
    );
    assert!(
        std::mem::take(&mut pair.client.got) == down,
        "{} bytes down",
        down.len()
    );
    assert_eq!((&pair.client.ending, &pair.server.ending), (&None, &None));
}

#[test]
fn nothing_written_is_nothing_sent() {
    let mut pair = Sides::good(&TestPki::new()).pair().open();
    pair.client.send(b"");
    assert!(pair.client.output().is_empty());
}

#[test]
fn data_right_behind_the_last_flight_of_the_handshake_is_not_forgotten() {
    let sides = Sides::good(&TestPki::new());
    for (mut chunks, _) in chunkings() {
        let mut pair = sides.pair();
        pair.client.shake();
        super::pair::carry(&mut pair.client, &mut pair.server, &mut Chunks::Whole);
        super::pair::carry(&mut pair.server, &mut pair.client, &mut Chunks::Whole);
        assert!(pair.client.is_open && !pair.server.is_open);
        pair.client.send(b"early bird");
        pair.client.end();
        pair.settle(&mut chunks);
        assert_eq!(pair.server.got, b"early bird");
        assert_eq!(
            pair.server.ending,
            Some(mtls_persona::tls::ReadOutcome::End)
        );
    }
}

#[test]
fn one_worker_s_buffers_serve_many_sessions() {
    let sides = Sides::good(&TestPki::new());
    let (mut one, mut two) = (sides.pair().open(), sides.pair().open());
    // The first has half a record inside when the second borrows the same buffers.
    one.client.send(b"first");
    let record = one.client.output();
    let (head, tail) = record.split_at(record.len() / 2);
    one.server.feed(head);
    std::mem::swap(&mut one.server.scratch, &mut two.server.scratch);
    two.client.send(b"second");
    two.settle(&mut Chunks::Whole);
    one.server.feed(tail);
    assert_eq!(
        (&one.server.got[..], &two.server.got[..]),
        (&b"first"[..], &b"second"[..])
    );
}

#[test]
fn a_tls12_peer_is_understood_in_every_chunking_in_both_roles() {
    let pki = TestPki::new();
    let (alice, localhost) = (pki.client("alice"), pki.server("localhost"));
    let client = prove(&[&pki.ca], &alice, Role::Client).unwrap();
    let server = prove(&[&pki.ca], &localhost, Role::Server).unwrap();
    for (mut chunks, _) in chunkings().into_iter().step_by(2) {
        let mut end = client_end(&client, ExpectedName::Dns("localhost"));
        let options = [
            "-tls1_2",
            "-Verify",
            "2",
            "-CAfile",
            pki.ca.to_str().unwrap(),
        ];
        talk(
            Stranger::server(&localhost, &options),
            &mut end,
            &mut chunks,
        );
        let mut end = server_end(&server);
        talk(
            Stranger::client(Some(&alice), &["-tls1_2"]),
            &mut end,
            &mut chunks,
        );
    }
}

fn talk(mut stranger: Stranger, end: &mut super::pair::End, chunks: &mut Chunks) {
    stranger.drive(end, chunks, |end| end.is_open || end.refusal.is_some());
    assert_eq!(end.refusal, None, "{}", stranger.printed());
    let negotiated = end.session.negotiated();
    assert_eq!(
        (&negotiated.version[..], &negotiated.group[..]),
        ("TLSv1.2", "X25519")
    );
    assert!(end.session.peer().is_some());
    end.send(&[b'x'; 40_000]);
    end.send(b"\nthe end of the question\n");
    stranger.deliver(end);
    stranger.says("the end of the question");
    assert!(stranger.printed().contains(&"x".repeat(40_000)));
    let answer = [vec![b'y'; 40_000], b"\n".to_vec()].concat();
    stranger.types(&answer);
    stranger.drive(end, chunks, |end| end.got.len() >= answer.len());
    assert!(end.got == answer);
}
