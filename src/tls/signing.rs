//! How certificates, revocation lists and OCSP responses say that they were signed (RFC 5280, 4.1.1.2):
//! what the name of an algorithm leaves open.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Sequence};

use super::backend;
use super::backend::lib::hash::MessageDigest;
use super::backend::lib::nid::Nid;
use super::backend::lib::x509::X509AlgorithmRef;

/// An algorithm as ASN.1 declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Algorithm<'a> {
    pub(super) id: ObjectIdentifier,
    #[asn1(optional = "true")]
    pub(super) parameters: Option<AnyRef<'a>>,
}

impl Algorithm<'_> {
    /// Whether it has no parameters, which may be written in two ways (RFC 4055, 2.1).
    fn is_bare(&self) -> bool {
        self.parameters.is_none_or(|any| any.is_null())
    }
}

/// The parameters of a signature of the kind RSASSA-PSS (RFC 4055, 3.1). The defaults are SHA-1's.
#[derive(Sequence)]
pub(super) struct PssParameters<'a> {
    #[asn1(context_specific = "0", optional = "true")]
    pub(super) digest: Option<Algorithm<'a>>,
    #[asn1(context_specific = "1", optional = "true")]
    pub(super) mask: Option<Algorithm<'a>>,
    #[asn1(context_specific = "2", optional = "true")]
    pub(super) salt: Option<u8>,
    #[asn1(context_specific = "3", optional = "true")]
    pub(super) trailer: Option<u8>,
}

const fn id(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

pub(super) const RSA_PSS: ObjectIdentifier = id("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = id("1.2.840.113549.1.1.8");
const SHA1: ObjectIdentifier = id("1.3.14.3.2.26");
const MD5: ObjectIdentifier = id("1.2.840.113549.2.5");

/// The digest of RSASSA-PSS as TLS 1.3 has it: a strong one for everything, and a salt of its length.
pub(super) fn pss(algorithm: &Algorithm<'_>) -> Option<MessageDigest> {
    let parameters: PssParameters<'_> = algorithm.parameters?.decode_as().ok()?;
    let (inner, mask) = (parameters.digest?, parameters.mask?);
    let mask_inner: Algorithm<'_> = mask.parameters?.decode_as().ok()?;
    let digest = match inner.id {
        one if one == id("2.16.840.1.101.3.4.2.1") => MessageDigest::sha256(),
        one if one == id("2.16.840.1.101.3.4.2.2") => MessageDigest::sha384(),
        one if one == id("2.16.840.1.101.3.4.2.3") => MessageDigest::sha512(),
        _ => return None,
    };
    let is_usual = algorithm.id == RSA_PSS
        && mask.id == MGF1
        && mask_inner.id == inner.id
        && mask_inner.is_bare()
        && inner.is_bare()
        && parameters.salt.map(usize::from) == Some(digest.size())
        && parameters.trailer.is_none();
    is_usual.then_some(digest)
}

/// How something was signed, if with a digest by which others can forge it: MD5 or SHA-1.
pub(super) fn weak(algorithm: &X509AlgorithmRef) -> Option<String> {
    const WEAK: [Nid; 6] = [
        Nid::MD5WITHRSAENCRYPTION,
        Nid::SHA1WITHRSAENCRYPTION,
        Nid::SHA1WITHRSA,
        Nid::ECDSA_WITH_SHA1,
        Nid::DSAWITHSHA1,
        Nid::DSAWITHSHA1_2,
    ];
    let kind = algorithm.object().nid();
    let name = match kind {
        Nid::RSASSAPSS if is_weak_pss(algorithm) => "RSASSA-PSS with a weak digest",
        kind if WEAK.contains(&kind) => kind.long_name().unwrap_or("a weak digest"),
        _ => return None,
    };
    Some(format!("it was signed with {name}"))
}

/// Whether a signature of the kind RSASSA-PSS is one of [`pss`]. OpenSSL takes whatever it says.
pub(super) fn is_usual_pss(algorithm: &X509AlgorithmRef) -> bool {
    read(algorithm, |algorithm| pss(algorithm).map(drop)).is_some()
}

/// Whether a signature of the kind RSASSA-PSS names a weak digest, or none, which is SHA-1.
fn is_weak_pss(algorithm: &X509AlgorithmRef) -> bool {
    let names_weak = |algorithm: &Algorithm<'_>| {
        let parameters: PssParameters<'_> = algorithm.parameters?.decode_as().ok()?;
        let is_weak = |digest: Algorithm<'_>| [SHA1, MD5].contains(&digest.id);
        Some(parameters.digest.is_none_or(is_weak))
    };
    read(algorithm, names_weak).unwrap_or(false)
}

/// Looks at an algorithm with its parameters.
fn read<T>(
    algorithm: &X509AlgorithmRef,
    look: impl FnOnce(&Algorithm<'_>) -> Option<T>,
) -> Option<T> {
    let der = backend::algorithm_der(algorithm)?;
    look(&Algorithm::from_der(&der).ok()?)
}
