//! Responses that are damaged, cut, too large or no responses at all.

use super::GOOD;
use super::rig::{Answer, Response, Rig, Wanted};
use crate::base::reason::CloseReason;
use crate::tls::authority::KeyKind;

/// Numbers that look random and are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

#[track_caller]
fn assert_proves_nothing(rig: &Rig, response: &[u8], what: &str) {
    let judged = rig.judge(response);
    let reason = judged.as_ref().map_err(|(reason, _)| *reason);
    assert_eq!(reason, Err(CloseReason::StapleInvalid), "{what}");
}

#[test]
fn a_response_with_any_bit_changed_is_never_good() {
    for kind in [KeyKind::EcP256, KeyKind::Rsa(2048)] {
        let rig = Rig::with_keys(kind);
        let mut response = Response::of(&rig.issuer).der();
        assert_eq!(rig.judge(&response), Ok(GOOD));
        for bit in 0..response.len() * 8 {
            response[bit / 8] ^= 1 << (bit % 8);
            assert_proves_nothing(&rig, &response, &format!("bit {bit}"));
            response[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn a_response_of_a_delegate_with_any_bit_changed_is_never_good() {
    let rig = Rig::new();
    let delegate = Wanted::delegate().signed_by(Some(&rig.issuer));
    let mut response = Response::by(&rig.issuer, &delegate).der();
    assert_eq!(rig.judge(&response), Ok(GOOD));
    for bit in 0..response.len() * 8 {
        response[bit / 8] ^= 1 << (bit % 8);
        assert_proves_nothing(&rig, &response, &format!("bit {bit}"));
        response[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn a_response_that_is_cut_or_goes_on_is_never_good() {
    let rig = Rig::new();
    let response = Response::of(&rig.issuer).der();
    for end in 0..response.len() {
        assert_proves_nothing(&rig, &response[..end], &format!("cut at {end}"));
    }
    for more in [0, 0x30, 0xff] {
        let longer = [response.as_slice(), &[more]].concat();
        assert_proves_nothing(&rig, &longer, "one byte more");
    }
}

#[test]
fn random_bytes_are_never_good() {
    let rig = Rig::new();
    let mut random = Random(0x5eed);
    for round in 0..20_000 {
        let count = random.below(300);
        let bytes = random.bytes(count);
        assert_proves_nothing(&rig, &bytes, &format!("round {round}"));
    }
}

#[test]
fn a_response_in_which_random_pieces_are_exchanged_is_never_good() {
    let rig = Rig::new();
    let delegate = Wanted::delegate().signed_by(Some(&rig.issuer));
    let response = Response::by(&rig.issuer, &delegate).der();
    let mut random = Random(0xdecade);
    for round in 0..5_000 {
        let mut changed = response.clone();
        let at = random.below(changed.len());
        let end = (at + random.below(8)).min(changed.len());
        let count = random.below(8);
        let piece = random.bytes(count);
        changed.splice(at..end, piece);
        if changed != response {
            assert_proves_nothing(&rig, &changed, &format!("round {round}"));
        }
    }
}

#[test]
fn a_response_has_a_largest_size_and_a_largest_number_of_certificates() {
    let rig = Rig::new();
    let many = |answers| Response::of(&rig.issuer).answering(vec![Answer::good(); answers]);
    assert_eq!(rig.judge(&many(100).der()), Ok(GOOD));
    rig.assert_invalid(&many(200).der(), "more than 16384 bytes");

    let delegate = Wanted::delegate().signed_by(Some(&rig.issuer));
    let mut response = Response::by(&rig.issuer, &delegate);
    response.certs = vec![&delegate.cert; 8];
    assert_eq!(rig.judge(&response.der()), Ok(GOOD));
    response.certs.push(&delegate.cert);
    rig.assert_invalid(&response.der(), "more than 8 certificates");
}
