//! What an OCSP response says of one certificate (RFC 6960, 3.2): pure, with the time as an argument.

use der::Decode;
use der::asn1::{GeneralizedTime, ObjectIdentifier};

use super::asn1::{
    BASIC, BasicResponse, CertId, CertStatus, Certificate, Extension, OcspResponse, ResponseData,
    ResponseStatus, Revocation, Signed, SingleResponse,
};
use super::responder;
use crate::base::reason::CloseReason;
use crate::tls::backend::lib::hash::{MessageDigest, hash};
use crate::tls::backend::lib::x509::X509Ref;
use crate::tls::profile::Profile;

/// The longest response that is looked at. One with a delegate's certificate has about two thousand.
const BYTES_MAX: usize = 16 * 1024;

/// How far the responder's clock may be from ours, in seconds.
const SKEW: i64 = 300;

/// How long a response stands that does not tell: its responder would always have a newer one (RFC 6960,
/// 4.2.2.1), but servers keep what they have for an hour.
const LIFETIME: i64 = 3600;

/// A certificate is not to be trusted, and why.
pub(super) type Objection = (CloseReason, String);

/// A certificate is good.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Good {
    /// Until when that was said, in seconds since 1970.
    pub(super) until: i64,
}

/// What a response is held against.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// The time, in seconds since 1970.
    pub(super) now: i64,
    /// How and with which keys it may be signed.
    pub(super) profile: Profile,
}

/// Judges `cert`, which `issuer` has issued, by a response that came with it.
pub(super) fn judge(
    response: &[u8],
    cert: &X509Ref,
    issuer: &X509Ref,
    terms: Terms,
) -> Result<Good, Objection> {
    let der = |cert: &X509Ref| cert.to_der().map_err(|_| "a certificate cannot be written");
    let (cert, authority) = (der(cert).map_err(invalid)?, der(issuer).map_err(invalid)?);
    let cert = Certificate::from_der(&cert).map_err(unreadable)?.signed;
    let authority = Certificate::from_der(&authority).map_err(unreadable)?;
    let authority = responder::Issuer {
        cert: issuer,
        signed: authority.signed,
    };

    let basic = successful(response).map_err(invalid)?;
    let basic = BasicResponse::from_der(basic).map_err(unreadable)?;
    let data = ResponseData::from_der(basic.data.0).map_err(unreadable)?;
    // Before anything in it is believed.
    responder::verify(&basic, &data.responder, &authority, terms).map_err(invalid)?;
    if data.version != 0 {
        return Err(invalid("it is of an unknown version"));
    }
    understood(&data.extensions).map_err(invalid)?;
    answers(&data, &cert, &authority.signed, terms.now)
}

fn invalid(what: impl Into<String>) -> Objection {
    (CloseReason::StapleInvalid, what.into())
}

fn unreadable(error: der::Error) -> Objection {
    invalid(format!("it cannot be read: {error}"))
}

/// The BasicOCSPResponse in a response that is none of an error.
fn successful(response: &[u8]) -> Result<&[u8], String> {
    if response.len() > BYTES_MAX {
        return Err(format!("it has more than {BYTES_MAX} bytes"));
    }
    let response =
        OcspResponse::from_der(response).map_err(|error| format!("it cannot be read: {error}"))?;
    if response.status != ResponseStatus::Successful {
        return Err(format!("the responder had none: {:?}", response.status));
    }
    match response.bytes {
        Some(bytes) if bytes.kind == BASIC => Ok(bytes.response.as_bytes()),
        _ => Err("it is of an unknown kind".to_owned()),
    }
}

/// An extension that must be understood is not.
fn understood(extensions: &Option<Vec<Extension<'_>>>) -> Result<(), String> {
    let mut extensions = extensions.iter().flatten();
    match extensions.find(|extension| extension.is_critical) {
        Some(extension) => Err(format!("its extension {} is not known", extension.id)),
        None => Ok(()),
    }
}

/// The answers about one certificate; all of them must be good.
fn answers(
    data: &ResponseData<'_>,
    cert: &Signed<'_>,
    issuer: &Signed<'_>,
    now: i64,
) -> Result<Good, Objection> {
    let is_ours = |one: &&SingleResponse<'_>| is_about(&one.cert, cert, issuer);
    let mut until = None;
    for one in data.responses.iter().filter(is_ours) {
        let end = answer(one, now)?;
        until = Some(until.map_or(end, |until: i64| until.min(end)));
    }
    match until {
        Some(until) => Ok(Good { until }),
        None => Err(invalid("it is about another certificate")),
    }
}

/// Until when a certificate is good by one answer. One that is out of date says nothing at all.
fn answer(one: &SingleResponse<'_>, now: i64) -> Result<i64, Objection> {
    understood(&one.extensions).map_err(invalid)?;
    let begin = seconds(one.this_update);
    let end = match one.next_update {
        Some(next) => seconds(next),
        None => begin.saturating_add(LIFETIME),
    };
    if begin > now.saturating_add(SKEW) {
        let what = format!("it begins at {}: look at the clocks", told(one.this_update));
        return Err(invalid(what));
    }
    if end < begin || end < now.saturating_sub(SKEW) {
        let what = match one.next_update {
            Some(next) => format!("it was good until {}", told(next)),
            None => format!(
                "it is of {} and tells no end: an hour is the most",
                told(one.this_update)
            ),
        };
        return Err(invalid(what));
    }
    match one.status {
        CertStatus::Good(_) => Ok(end),
        CertStatus::Revoked(revocation) => Err(revoked(revocation)),
        CertStatus::Unknown(_) => Err(invalid("the responder does not know the certificate")),
    }
}

fn revoked(revocation: Revocation) -> Objection {
    let when = told(revocation.time);
    let why = revocation.why.map(|why| format!(", {why:?}"));
    let what = format!("revoked at {when}{}", why.unwrap_or_default());
    (CloseReason::CertRevoked, what)
}

fn seconds(time: GeneralizedTime) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn told(time: GeneralizedTime) -> String {
    time.to_date_time().to_string()
}

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// Whether an answer is about this certificate of this issuer (RFC 6960, 4.1.1). The digests, SHA-1 for
/// most responders, only tell issuers apart: that one has spoken is in the signature.
fn is_about(id: &CertId<'_>, cert: &Signed<'_>, issuer: &Signed<'_>) -> bool {
    let digest = match id.digest.id {
        SHA1 => MessageDigest::sha1(),
        SHA256 => MessageDigest::sha256(),
        _ => return false,
    };
    let is = |digested: &[u8], of: &[u8]| hash(digest, of).is_ok_and(|hash| *hash == *digested);
    id.serial == cert.serial
        && is(id.issuer_name.as_bytes(), cert.issuer.0)
        && is(id.issuer_key.as_bytes(), issuer.key.bits.raw_bytes())
}
