//! What a server says of its own certificate: the OCSP response that it sends along, the staple.
//!
//! A client asks for one (RFC 6066, 8). A server that has none is taken as it is, unless its certificate
//! promises one (RFC 7633). What comes is judged inside the handshake, before a byte of the application
//! leaves, and the verdict is final. A resumed handshake brings no certificate and no staple; it goes back
//! to a full one, and no longer than that one's staple stands.

mod asn1;
mod judge;
mod responder;
mod signature;
#[cfg(test)]
mod tests;

use std::sync::Mutex;

use der::Decode;
use der::asn1::ObjectIdentifier;

use self::asn1::Certificate;
use self::judge::{Good, Objection, Terms};
use super::backend::lib::error::ErrorStack;
use super::backend::lib::ssl::{SslContextBuilder, SslRef, StatusType};
use super::backend::lib::x509::{X509, X509Ref};
use super::error::TlsError;
use super::profile::Profile;
use super::slot::Slot;
use super::{backend, facts, lifetime, verify};
use crate::base::reason::CloseReason;

/// Who has issued the certificate of a session's server, from its verification to the end of this one.
static ISSUER: Slot<Mutex<Option<X509>>> = Slot::new();

/// Lets a context judge the staples of servers, in the sessions that [`ask`] for them, by the profile. The
/// library calls it in each full handshake once the chain was accepted, whether there is a staple or not;
/// OpenSSL in resumed ones too.
pub(super) fn judge_all(
    builder: &mut SslContextBuilder,
    anchors: &[X509],
    profile: Profile,
) -> Result<(), ErrorStack> {
    let anchors = anchors.to_vec();
    builder.set_status_callback(move |ssl| {
        let issuer = ISSUER.of(ssl).and_then(|issuer| issuer.lock().ok()?.take());
        let Err((reason, what)) = check(ssl, issuer, &anchors, profile) else {
            return Ok(true);
        };
        let cert = ssl.peer_certificate();
        let certificate = cert.map(|cert| Box::new(facts::peer_cert(&cert)));
        let whose = match reason {
            CloseReason::CertRevoked => "its certificate, by the OCSP response that it sent",
            _ => "the OCSP response of its certificate",
        };
        let error = TlsError {
            reason,
            detail: format!("{whose}: {what}"),
            certificate,
        };
        verify::keep(ssl, error);
        Ok(false)
    })
}

/// Lets a session ask its server for a staple.
pub(super) fn ask(ssl: &mut SslRef) -> Result<(), ErrorStack> {
    ISSUER.fill(ssl, Mutex::default())?;
    ssl.set_status_type(StatusType::OCSP)
}

/// The chain of a session's server is good, and that is the issuer of its certificate, if it is known.
pub(super) fn remember(ssl: &SslRef, issuer: impl FnOnce() -> Option<X509>) {
    if let Some(place) = ISSUER.of(ssl)
        && let Ok(mut place) = place.lock()
    {
        *place = issuer();
    }
}

/// What was remembered, if it was not used yet.
pub(super) fn issuer(ssl: &SslRef) -> Option<X509> {
    ISSUER.of(ssl)?.lock().ok()?.clone()
}

/// Judges a server by its staple, and lets its session end with that.
fn check(
    ssl: &SslRef,
    issuer: Option<X509>,
    anchors: &[X509],
    profile: Profile,
) -> Result<(), Objection> {
    if ssl.session_reused() {
        return Ok(());
    }
    let invalid = |what: &str| (CloseReason::StapleInvalid, what.to_owned());
    let cert = ssl.peer_certificate();
    let cert = cert.ok_or_else(|| invalid("there is no certificate"))?;
    let Some(staple) = ssl.ocsp_status() else {
        return match is_demanded(&cert) {
            true => Err(invalid("there is none, and the certificate demands one")),
            false => Ok(()),
        };
    };
    let Some(issuer) = issuer.or_else(|| issuer_among(anchors, &cert)) else {
        // It is trusted for itself, and nobody is known who could speak against it.
        return Ok(());
    };
    let now = lifetime::now().ok_or_else(|| invalid("the time cannot be told"))?;
    let terms = Terms { now, profile };
    let Good { until } = judge::judge(staple, &cert, &issuer, terms)?;
    lifetime::shorten(ssl, until).ok_or_else(|| invalid("its end cannot be kept"))
}

/// The anchor that has issued a certificate: of one that is an anchor itself, no chain tells.
///
/// Among the anchors alone. That a key verifies a signature does not prove that it has made it: for a
/// given one, others can be made up.
fn issuer_among(anchors: &[X509], cert: &X509Ref) -> Option<X509> {
    let has_issued = |anchor: &&X509| {
        let key = anchor.public_key();
        backend::is_issued_by(anchor, cert)
            && key.is_ok_and(|key| cert.verify(&key).unwrap_or(false))
    };
    anchors.iter().find(has_issued).cloned()
}

/// Whether a certificate demands of its server to send a staple (RFC 7633): one that cannot be read so
/// far demands nothing.
pub(super) fn is_demanded(cert: &X509Ref) -> bool {
    const TLS_FEATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.24");
    /// The number of that extension in TLS.
    const STATUS_REQUEST: u16 = 5;
    let demands = || -> Option<bool> {
        let cert = cert.to_der().ok()?;
        let signed = Certificate::from_der(&cert).ok()?.signed;
        let features = signed.extension::<Vec<u16>>(TLS_FEATURE)?.ok()?;
        Some(features.contains(&STATUS_REQUEST))
    };
    demands().unwrap_or(false)
}
