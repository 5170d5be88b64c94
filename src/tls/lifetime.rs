//! How long a session may be resumed.
//!
//! A resumed handshake verifies no certificate: it stands on the verification of the full one before
//! it. That one stands for an hour at most, and never longer than any certificate of the chain that
//! it verified, nor than a revocation list that it may have been looked up in, nor than the OCSP response
//! that came with it. A session that resumes another has what is left of the other's time, so no row of
//! resumptions outlives it.

use std::sync::atomic::{AtomicI64, Ordering};

use super::backend;
use super::backend::lib::asn1::Asn1Time;
use super::backend::lib::error::ErrorStack;
use super::backend::lib::ssl::SslRef;
use super::facts;
use super::slot::Slot;

/// The longest time for which one verification stands, in seconds.
const LIFETIME_MAX: i64 = 3600;

/// Until when a session may be resumed, in seconds since 1970.
static UNTIL: Slot<AtomicI64> = Slot::new();

/// It has no lifetime: no handshake will be made in it.
static NONE: Slot<()> = Slot::new();

/// Lets a session that is there for a judgement alone have no lifetime.
pub(super) fn dispense(ssl: &mut SslRef) -> Result<(), ErrorStack> {
    NONE.fill(ssl, ())
}

/// Whether a session has no lifetime that could begin.
pub(super) fn is_dispensed(ssl: &SslRef) -> bool {
    NONE.of(ssl).is_some()
}

/// Gives a session a place for its lifetime. Nothing was verified yet: it may not be resumed.
pub(super) fn prepare(ssl: &mut SslRef) -> Result<(), ErrorStack> {
    UNTIL.fill(ssl, AtomicI64::new(0))
}

/// Until when a session may be resumed, in seconds since 1970.
pub(super) fn of(ssl: &SslRef) -> i64 {
    UNTIL
        .of(ssl)
        .map_or(0, |until| until.load(Ordering::Relaxed))
}

/// A session is to resume one that may be resumed until then. If it comes to a full handshake after
/// all, its verification begins anew.
pub(super) fn inherit(ssl: &SslRef, until: i64) {
    if let Some(place) = UNTIL.of(ssl) {
        place.store(until, Ordering::Relaxed);
    }
}

/// Begins the lifetime of a session whose peer's chain is good, until the first end of its certificates
/// and of what was found in revocation lists, in seconds since 1970. None if that fails: such a session
/// could be resumed for too long.
pub(super) fn begin(ssl: &SslRef, first_end: i64) -> Option<()> {
    let until = end(backend::begun(ssl)?, first_end);
    inherit(ssl, until);
    backend::limit(ssl, until)
}

/// Lets the lifetime that was begun end no later than that, in seconds since 1970; None if that fails.
pub(super) fn shorten(ssl: &SslRef, end: i64) -> Option<()> {
    let until = of(ssl).min(end);
    inherit(ssl, until);
    backend::limit(ssl, until)
}

fn end(begun: i64, first_end: i64) -> i64 {
    begun.saturating_add(LIFETIME_MAX).min(first_end)
}

/// What the library's clock shows, by which it judges certificates too; in seconds since 1970.
pub(super) fn now() -> Option<i64> {
    facts::seconds(Asn1Time::days_from_now(0).ok()?.as_ref()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tls::backend::lib::ssl::{Ssl, SslContextBuilder, SslMethod};

    #[test]
    fn what_ends_later_prolongs_no_lifetime() {
        let context = SslContextBuilder::new(SslMethod::tls()).unwrap().build();
        let mut ssl = Ssl::new(&context).unwrap();
        prepare(&mut ssl).unwrap();
        inherit(&ssl, 100);
        // Whether the library can be told depends on a handshake, and there is none.
        for (end, until) in [(200, 100), (50, 50), (70, 50)] {
            let _ = shorten(&ssl, end);
            assert_eq!(of(&ssl), until);
        }
    }

    #[test]
    fn a_verification_stands_for_an_hour_and_no_longer_than_its_chain() {
        const NOW: i64 = 1_800_000_000;
        assert_eq!(end(NOW, NOW + 3601), NOW + 3600);
        assert_eq!(end(NOW, NOW + 17), NOW + 17);
        assert_eq!(end(NOW, NOW - 1), NOW - 1);
    }
}
