//! The signature of an OCSP response (RFC 6960, 4.2.1), verified by the TLS library.

use der::asn1::ObjectIdentifier;

use super::asn1::{Algorithm, BasicResponse};
use crate::tls::backend::lib::error::ErrorStack;
use crate::tls::backend::lib::hash::MessageDigest;
use crate::tls::backend::lib::pkey::{Id, PKeyRef, Public};
use crate::tls::backend::lib::rsa::Padding;
use crate::tls::backend::lib::sign::{RsaPssSaltlen, Verifier};
use crate::tls::backend::lib::x509::X509Ref;
use crate::tls::profile::{Place, Profile};
use crate::tls::signing::{self, RSA_PSS};
use crate::tls::verify::weak_key;

const fn id(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

/// How a signature is to be verified.
struct Method {
    key: Id,
    /// Ed25519 has its own.
    digest: Option<MessageDigest>,
    is_pss: bool,
}

/// Signatures with MD5 and SHA-1, which others can forge.
const WEAK: [(ObjectIdentifier, &str); 4] = [
    (id("1.2.840.113549.1.1.4"), "MD5"),
    (id("1.2.840.113549.1.1.5"), "SHA-1"),
    (id("1.3.14.3.2.29"), "SHA-1"),
    (id("1.2.840.10045.4.1"), "SHA-1"),
];

/// Whether the holder of a certificate has signed a response, as the profile takes it; if not, why.
pub(super) fn verify(
    response: &BasicResponse<'_>,
    cert: &X509Ref,
    profile: Profile,
) -> Result<(), String> {
    let method = method(&response.algorithm)?;
    if profile.is_fips() && method.key == Id::ED25519 {
        return Err("it was signed with Ed25519, which FIPS does not allow".to_owned());
    }
    // The issuer's own key too: above a certificate that is an anchor nobody has looked at one.
    let outside = || profile.is_fips().then(|| weak_key(cert))?;
    if let Some(what) = profile.outside_key(cert, Place::Above).or_else(outside) {
        return Err(format!("the certificate of its responder: {what}"));
    }
    let Ok(key) = cert.public_key() else {
        return Err("the key of its responder is of an unknown kind".to_owned());
    };
    let is_good = match response.signature.as_bytes() {
        Some(signature) if key.id() == method.key => {
            // What the library has to say about a wrong one is of no use to anybody.
            holds(&method, &key, signature, response.data.0).unwrap_or(false)
        }
        _ => false,
    };
    match is_good {
        true => Ok(()),
        false => Err("its signature is wrong".to_owned()),
    }
}

fn holds(
    method: &Method,
    key: &PKeyRef<Public>,
    signature: &[u8],
    data: &[u8],
) -> Result<bool, ErrorStack> {
    let mut verifier = match method.digest {
        Some(digest) => Verifier::new(digest, key)?,
        None => Verifier::new_without_digest(key)?,
    };
    if method.is_pss {
        verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
    }
    verifier.verify_oneshot(signature, data)
}

/// How to verify signatures of an algorithm, if it is a strong one (RFC 5758, RFC 4055, RFC 8410).
fn method(algorithm: &Algorithm<'_>) -> Result<Method, String> {
    if let Some((_, digest)) = WEAK.iter().find(|(id, _)| *id == algorithm.id) {
        return Err(format!("it was signed with {digest}"));
    }
    let plain = |key, digest| Method {
        key,
        digest,
        is_pss: false,
    };
    let is_absent = algorithm.parameters.is_none();
    let is_null = algorithm.parameters.is_some_and(|any| any.is_null());
    let found = if algorithm.id == RSA_PSS {
        let digest = signing::pss(algorithm);
        digest.map(|digest| Method {
            is_pss: true,
            ..plain(Id::RSA, Some(digest))
        })
    } else if let Some(digest) = rsa_digest(algorithm.id) {
        (is_absent || is_null).then(|| plain(Id::RSA, Some(digest)))
    } else if let Some(digest) = ec_digest(algorithm.id) {
        is_absent.then(|| plain(Id::EC, Some(digest)))
    } else {
        let is_ed25519 = algorithm.id == id("1.3.101.112");
        (is_ed25519 && is_absent).then(|| plain(Id::ED25519, None))
    };
    found.ok_or_else(|| format!("it was signed with the unknown algorithm {}", algorithm.id))
}

fn rsa_digest(algorithm: ObjectIdentifier) -> Option<MessageDigest> {
    match algorithm {
        one if one == id("1.2.840.113549.1.1.11") => Some(MessageDigest::sha256()),
        one if one == id("1.2.840.113549.1.1.12") => Some(MessageDigest::sha384()),
        one if one == id("1.2.840.113549.1.1.13") => Some(MessageDigest::sha512()),
        _ => None,
    }
}

fn ec_digest(algorithm: ObjectIdentifier) -> Option<MessageDigest> {
    match algorithm {
        one if one == id("1.2.840.10045.4.3.2") => Some(MessageDigest::sha256()),
        one if one == id("1.2.840.10045.4.3.3") => Some(MessageDigest::sha384()),
        one if one == id("1.2.840.10045.4.3.4") => Some(MessageDigest::sha512()),
        _ => None,
    }
}
