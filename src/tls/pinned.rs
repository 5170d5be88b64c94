//! Trust in keys instead of authorities: a peer is who it should be if it has a key that was named to us.
//!
//! Nobody vouches for what such a certificate says, so of all that only its key and its dates count: no
//! chain, no name, no purpose. That its holder has the key is proven in each full handshake by the library.

use super::backend;
use super::backend::lib::error::ErrorStack;
use super::backend::lib::ssl::SslRef;
use super::backend::lib::x509::{X509Ref, X509StoreContextRef};
use super::error::TlsError;
use super::profile::{Place, Profile};
use super::slot::Slot;
use super::{facts, lifetime, verify};
use crate::base::reason::CloseReason;
use crate::identity::{PeerCert, Pin};

/// As of when a session's peer is judged, if not as of now; in seconds since 1970.
static AT: Slot<i64> = Slot::new();

/// Why a peer is refused.
type Objection = (CloseReason, String);

/// Lets a session judge its peer as of that time, in seconds since 1970.
pub(super) fn judge_at(ssl: &mut SslRef, at: i64) -> Result<(), ErrorStack> {
    AT.fill(ssl, at)
}

/// Judges the peer of a handshake under way.
pub(super) fn verify(pins: &[Pin], profile: Profile, store: &mut X509StoreContextRef) -> bool {
    let is_good = admit(pins, profile, store).is_some();
    match is_good {
        true => backend::accept(store),
        false => backend::reject(store),
    }
    is_good
}

/// Begins the lifetime of a session whose peer is admitted, or keeps why it is not.
fn admit(pins: &[Pin], profile: Profile, store: &X509StoreContextRef) -> Option<()> {
    let ssl = verify::ssl(store)?;
    let presented = backend::presented(store).map(|(cert, _)| cert);
    let cert = presented.or_else(|| verify::first_of_chain(store))?;
    let facts = facts::peer_cert(cert);
    let now = AT.of(ssl).copied().or_else(lifetime::now);
    let objection = objection(pins, profile, (cert, &facts), now);
    let objection = objection.or_else(|| {
        let begun = lifetime::begin(ssl, facts.not_after);
        let what = "how long it is valid cannot be told";
        begun
            .is_none()
            .then(|| (CloseReason::CertInvalid, what.to_owned()))
    });
    match objection {
        None => Some(()),
        Some(objection) => {
            verify::keep(ssl, refusal(objection, facts));
            None
        }
    }
}

/// Whether the peer of a session, which may be of another context, would be let in now.
///
/// # Errors
/// Why not, as a handshake would tell it.
pub(super) fn judge_again(pins: &[Pin], profile: Profile, ssl: &SslRef) -> Result<(), TlsError> {
    let Some(cert) = ssl.peer_certificate() else {
        let detail = "the certificate of its session is not at hand";
        return Err(TlsError::new(CloseReason::CertInvalid, detail));
    };
    let facts = facts::peer_cert(&cert);
    match objection(pins, profile, (&cert, &facts), lifetime::now()) {
        None => Ok(()),
        Some(objection) => Err(refusal(objection, facts)),
    }
}

fn refusal((reason, what): Objection, facts: PeerCert) -> TlsError {
    TlsError {
        reason,
        detail: format!("its certificate: {what}"),
        certificate: Some(Box::new(facts)),
    }
}

/// What there is against a peer at that time, in seconds since 1970; the key comes first, as nothing else is
/// to be mended where that is another one.
fn objection(
    pins: &[Pin],
    profile: Profile,
    (cert, facts): (&X509Ref, &PeerCert),
    now: Option<i64>,
) -> Option<Objection> {
    use CloseReason::*;
    let Some(pin) = Pin::of(facts) else {
        return Some((CertInvalid, "its key cannot be read".to_owned()));
    };
    if !pins.contains(&pin) {
        let what = format!("its key is none of the pinned ones, its digest is {pin}");
        return Some((KeyNotPinned, what));
    }
    match now {
        None => return Some((CertInvalid, "the time cannot be told".to_owned())),
        Some(now) if now < facts.not_before => {
            return Some((CertNotYetValid, "certificate is not yet valid".to_owned()));
        }
        Some(now) if now > facts.not_after => {
            return Some((CertExpired, "certificate has expired".to_owned()));
        }
        Some(_) => {}
    }
    if let Some(what) = verify::weak_key(cert) {
        return Some((CertWeakKey, what));
    }
    profile
        .is_fips()
        .then(|| profile.outside_cert(cert, Place::Leaf))?
}
