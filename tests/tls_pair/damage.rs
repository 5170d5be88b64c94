//! Bytes that changed on the way.

use mtls_persona::base::reason::CloseReason;
use mtls_persona::tls::{ExpectedName, ReadOutcome, Role};

use super::pair::{Chunks, End, Pair, Sides, carry, client_end, prove};
use super::stranger::Stranger;
use crate::support::certs::TestPki;

/// A record of application data, behind one that is sound.
fn two_records(from: &mut End) -> (Vec<u8>, Vec<u8>) {
    from.send(b"sound");
    let sound = from.output();
    from.send(b"damaged");
    (sound, from.output())
}

/// Feeds a record with one bit changed. `None` if the change makes it longer than what has come.
fn feed_flipped(to: &mut End, record: &[u8], at: usize, bit: u32) -> Option<CloseReason> {
    let mut record = record.to_vec();
    record[at] ^= 1 << bit;
    to.feed(&record);
    to.reason()
}

/// Whether a change of this bit only makes the record's length larger than what has come.
fn is_longer(record: &[u8], at: usize, bit: u32) -> bool {
    const LENGTH: std::ops::Range<usize> = 3..5;
    LENGTH.contains(&at) && record[at] & (1 << bit) == 0
}

#[test]
fn a_flipped_bit_anywhere_in_a_record_fails_the_session_and_the_peer_hears_of_it() {
    let sides = Sides::good(&TestPki::new());
    let length = two_records(&mut sides.pair().open().client).1.len();
    for at in 0..length {
        let Pair {
            mut client,
            mut server,
        } = sides.pair().open();
        let bit = u32::try_from(at % 8).unwrap();
        let (sound, record) = two_records(&mut client);
        server.feed(&sound);
        let reason = feed_flipped(&mut server, &record, at, bit);
        assert_eq!(server.got, b"sound");
        if reason.is_none() && is_longer(&record, at, bit) {
            server.cut();
            assert_eq!(server.ending, Some(ReadOutcome::Truncated));
            continue;
        }
        assert_eq!(
            reason,
            Some(CloseReason::TlsBadRecord),
            "byte {at}, bit {bit}"
        );
        assert_ne!(
            carry(&mut server, &mut client, &mut Chunks::Whole),
            0,
            "no alert for {at}"
        );
        let told = client.failure().unwrap();
        let is_told = matches!(
            told.reason,
            CloseReason::TlsBadRecord | CloseReason::TlsAlert
        );
        assert!(
            is_told && told.detail.starts_with("the peer sent the alert "),
            "{told}"
        );
        // Ciphertext and tag: the one alert that RFC 8446, 5.2 has for it.
        if at >= 5 {
            assert_eq!(told.reason, CloseReason::TlsBadRecord);
            assert!(told.detail.ends_with("bad_record_mac"), "{told}");
        }
    }
}

#[test]
fn a_failed_session_stays_failed_and_sends_nothing_more() {
    let Pair {
        mut client,
        mut server,
    } = Sides::good(&TestPki::new()).pair().open();
    let (sound, record) = two_records(&mut client);
    let reason = feed_flipped(&mut server, &record, 9, 0);
    assert_eq!(reason, Some(CloseReason::TlsBadRecord));
    let failed = server.ending.clone().unwrap();
    server.output();
    server.feed(&sound);
    assert_eq!(server.read(), failed);
    server.session.end_input();
    assert_eq!(server.read(), failed);
    server.scratch.plain.append(b"no");
    let refused = server.session.write(&mut server.scratch);
    assert_eq!(
        refused.map_err(|e| e.reason),
        Err(CloseReason::TlsBadRecord)
    );
    server.end();
    assert!(server.output().is_empty() && server.scratch.plain.is_empty() && server.got.is_empty());
}

#[test]
fn data_before_a_bad_record_is_delivered_first() {
    let Pair {
        mut client,
        mut server,
    } = Sides::good(&TestPki::new()).pair().open();
    let (sound, mut record) = two_records(&mut client);
    record[20] ^= 1;
    server.scratch.received.append(&[sound, record].concat());
    assert_eq!(server.read(), ReadOutcome::Bytes(5));
    let ReadOutcome::Failed(error) = server.read() else {
        panic!("a bad record passed");
    };
    assert_eq!(error.reason, CloseReason::TlsBadRecord);
}

#[test]
fn a_record_that_comes_twice_or_too_early_is_no_data() {
    let sides = Sides::good(&TestPki::new());
    for order in [[0, 0], [1, 0]] {
        let Pair {
            mut client,
            mut server,
        } = sides.pair().open();
        let records = two_records(&mut client);
        let records = [records.0, records.1];
        server.feed(&order.map(|i| records[i].clone()).concat());
        assert_eq!(server.reason(), Some(CloseReason::TlsBadRecord));
    }
}

#[test]
fn a_flipped_bit_in_a_tls12_record_fails_the_session_and_the_peer_hears_of_it() {
    let pki = TestPki::new();
    let client = prove(&[&pki.ca], &pki.client("alice"), Role::Client).unwrap();
    let localhost = pki.server("localhost");
    for at in (0..34).step_by(3) {
        let mut end = client_end(&client, ExpectedName::Dns("localhost"));
        let mut stranger = Stranger::server(&localhost, &["-tls1_2"]);
        stranger.shake(&mut end);
        stranger.types(b"data\n");
        let record = stranger.receive();
        let reason = feed_flipped(&mut end, &record, at, 3);
        if reason.is_none() && is_longer(&record, at, 3) {
            continue;
        }
        assert_eq!(reason, Some(CloseReason::TlsBadRecord), "byte {at}");
        stranger.deliver(&mut end);
        stranger.says("SSL alert number");
    }
}
