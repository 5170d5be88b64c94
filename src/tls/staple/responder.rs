//! Who may speak for the issuer of a certificate (RFC 6960, 4.2.2.2): the issuer itself, or the holder of
//! a certificate for that purpose, which the issuer has signed itself and the response brings along.

use der::Decode;
use der::asn1::{BitStringRef, ObjectIdentifier};

use super::asn1::{BasicResponse, Certificate, Raw, Responder, Signed};
use super::judge::Terms;
use super::signature;
use crate::tls::backend;
use crate::tls::backend::lib::hash::{MessageDigest, hash};
use crate::tls::backend::lib::x509::{X509, X509Ref};
use crate::tls::verify::{validity, weak_key, weak_signature};

/// The most certificates in a response. One is enough: the delegate's.
const CERTS_MAX: usize = 8;

/// The issuer of the certificate that is judged.
pub(super) struct Issuer<'a> {
    pub(super) cert: &'a X509Ref,
    pub(super) signed: Signed<'a>,
}

const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const PURPOSES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");

/// Whether a response was signed by somebody who may speak for the issuer; if not, why.
pub(super) fn verify(
    response: &BasicResponse<'_>,
    responder: &Responder<'_>,
    issuer: &Issuer<'_>,
    terms: Terms,
) -> Result<(), String> {
    let certs = response.certs.as_deref().unwrap_or_default();
    if certs.len() > CERTS_MAX {
        return Err(format!("it has more than {CERTS_MAX} certificates"));
    }
    let mut objection = None;
    if names(responder, &issuer.signed) {
        match signature::verify(response, issuer.cert, terms.profile) {
            Ok(()) => return Ok(()),
            Err(what) => objection = Some(what),
        }
    }
    // Two may have one name, before and after a change of keys.
    for cert in certs {
        match verify_by(response, responder, *cert, issuer, terms) {
            None => {}
            Some(Ok(())) => return Ok(()),
            Some(Err(what)) => objection = objection.or(Some(what)),
        }
    }
    Err(objection.unwrap_or_else(|| {
        "its responder is neither the issuer of the certificate nor in the response".to_owned()
    }))
}

/// Whether this is the certificate of the responder (RFC 6960, 4.2.1). SHA-1 only finds it.
fn names(responder: &Responder<'_>, cert: &Signed<'_>) -> bool {
    match responder {
        Responder::Name(name) => *name == cert.subject,
        Responder::Key(digest) => {
            let key = hash(MessageDigest::sha1(), cert.key.bits.raw_bytes());
            key.is_ok_and(|key| *key == *digest.as_bytes())
        }
    }
}

/// Whether a response was signed by the holder of a certificate in it; none if that is not the responder.
fn verify_by(
    response: &BasicResponse<'_>,
    responder: &Responder<'_>,
    cert: Raw<'_>,
    issuer: &Issuer<'_>,
    terms: Terms,
) -> Option<Result<(), String>> {
    let signed = match Certificate::from_der(cert.0) {
        Ok(parsed) => parsed.signed,
        Err(error) => return Some(Err(format!("a certificate in it cannot be read: {error}"))),
    };
    if !names(responder, &signed) {
        return None;
    }
    let verified = || {
        let cert = X509::from_der(cert.0).map_err(|_| "a certificate in it cannot be read")?;
        authorised(&cert, &signed, issuer, terms)
            .map_err(|what| format!("the certificate of its responder: {what}"))?;
        signature::verify(response, &cert, terms.profile)
    };
    Some(verified())
}

/// Whether the issuer lets the holder of a certificate speak for it.
fn authorised(
    cert: &X509Ref,
    signed: &Signed<'_>,
    issuer: &Issuer<'_>,
    terms: Terms,
) -> Result<(), String> {
    let key = issuer.cert.public_key();
    let is_issued = backend::is_issued_by(issuer.cert, cert)
        && key.is_ok_and(|key| cert.verify(&key).unwrap_or(false));
    if !is_issued {
        return Err("it is of another issuer than the server's".to_owned());
    }
    if !validity(cert).is_some_and(|window| (window.begin..=window.end).contains(&terms.now)) {
        return Err("it is not valid now".to_owned());
    }
    let purposes = signed.extension::<Vec<ObjectIdentifier>>(PURPOSES);
    if !matches!(purposes, Some(Ok(purposes)) if purposes.contains(&OCSP_SIGNING)) {
        return Err("it is not meant for OCSP responses".to_owned());
    }
    if !may_sign(signed) {
        return Err("its key is not meant for signatures".to_owned());
    }
    const KNOWN: [ObjectIdentifier; 3] = [KEY_USAGE, BASIC_CONSTRAINTS, PURPOSES];
    let mut extensions = signed.extensions.iter().flatten();
    let unknown = extensions.find(|one| one.is_critical && !KNOWN.contains(&one.id));
    if let Some(unknown) = unknown {
        return Err(format!("its extension {} is not known", unknown.id));
    }
    let outside = || terms.profile.outside_signature(cert.signature_algorithm());
    weak_key(cert)
        .or_else(|| weak_signature(cert))
        .or_else(outside)
        .map_or(Ok(()), Err)
}

/// Whether its key usage has digitalSignature or nonRepudiation (RFC 5280, 4.2.1.12), or there is none.
fn may_sign(signed: &Signed<'_>) -> bool {
    match signed.extension::<BitStringRef<'_>>(KEY_USAGE) {
        None => true,
        Some(Ok(bits)) => [0, 1].iter().any(|at| bits.get(*at) == Some(true)),
        Some(Err(_)) => false,
    }
}
