//! What is read of an OCSP response (RFC 6960, appendix B.1), and of a certificate besides what the TLS
//! library tells (RFC 5280, 4.1), as ASN.1 declares it. All of it borrows from the bytes it was read from.
//!
//! `der` reads the distinguished encoding alone, so one meaning has one form.

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, Null, ObjectIdentifier, OctetStringRef};
use der::{Choice, Decode, Encode, Enumerated, Length, Reader, Sequence, Writer};

pub(super) use crate::tls::signing::Algorithm;

/// A value that is kept as the bytes that it came in, its header included: what a signature or a digest
/// is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> Decode<'a> for Raw<'a> {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Raw<'a>> {
        reader.tlv_bytes().map(Raw)
    }
}

impl Encode for Raw<'_> {
    fn encoded_len(&self) -> der::Result<Length> {
        self.0.len().try_into()
    }

    fn encode(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.0)
    }
}

#[derive(Sequence)]
pub(super) struct OcspResponse<'a> {
    pub(super) status: ResponseStatus,
    #[asn1(context_specific = "0", optional = "true")]
    pub(super) bytes: Option<ResponseBytes<'a>>,
}

/// Whether the responder has answered at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub(super) enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

#[derive(Sequence)]
pub(super) struct ResponseBytes<'a> {
    pub(super) kind: ObjectIdentifier,
    pub(super) response: &'a OctetStringRef,
}

/// The one kind of response that is in use.
pub(super) const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");

#[derive(Sequence)]
pub(super) struct BasicResponse<'a> {
    /// A [`ResponseData`]: what was signed.
    pub(super) data: Raw<'a>,
    pub(super) algorithm: Algorithm<'a>,
    pub(super) signature: BitStringRef<'a>,
    #[asn1(context_specific = "0", optional = "true")]
    pub(super) certs: Option<Vec<Raw<'a>>>,
}

#[derive(Sequence)]
pub(super) struct ResponseData<'a> {
    #[asn1(context_specific = "0", default = "Default::default")]
    pub(super) version: u8,
    pub(super) responder: Responder<'a>,
    pub(super) produced_at: GeneralizedTime,
    pub(super) responses: Vec<SingleResponse<'a>>,
    #[asn1(context_specific = "1", optional = "true")]
    pub(super) extensions: Option<Vec<Extension<'a>>>,
}

/// Who has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub(super) enum Responder<'a> {
    /// Its certificate's subject.
    #[asn1(context_specific = "1", constructed = "true")]
    Name(AnyRef<'a>),
    /// The SHA-1 of its public key.
    #[asn1(context_specific = "2", constructed = "true")]
    Key(&'a OctetStringRef),
}

#[derive(Sequence)]
pub(super) struct SingleResponse<'a> {
    pub(super) cert: CertId<'a>,
    pub(super) status: CertStatus,
    pub(super) this_update: GeneralizedTime,
    #[asn1(context_specific = "0", optional = "true")]
    pub(super) next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", optional = "true")]
    pub(super) extensions: Option<Vec<Extension<'a>>>,
}

#[derive(Sequence)]
pub(super) struct CertId<'a> {
    pub(super) digest: Algorithm<'a>,
    pub(super) issuer_name: &'a OctetStringRef,
    pub(super) issuer_key: &'a OctetStringRef,
    pub(super) serial: AnyRef<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
#[asn1(tag_mode = "IMPLICIT")]
pub(super) enum CertStatus {
    #[asn1(context_specific = "0")]
    Good(Null),
    #[asn1(context_specific = "1", constructed = "true")]
    Revoked(Revocation),
    #[asn1(context_specific = "2")]
    Unknown(Null),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Revocation {
    pub(super) time: GeneralizedTime,
    #[asn1(context_specific = "0", optional = "true")]
    pub(super) why: Option<WhyRevoked>,
}

/// The reasons of RFC 5280, 5.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub(super) enum WhyRevoked {
    Unspecified = 0,
    KeyCompromise = 1,
    CaCompromise = 2,
    AffiliationChanged = 3,
    Superseded = 4,
    CessationOfOperation = 5,
    CertificateHold = 6,
    RemoveFromCrl = 8,
    PrivilegeWithdrawn = 9,
    AaCompromise = 10,
}

#[derive(Sequence)]
pub(super) struct Certificate<'a> {
    pub(super) signed: Signed<'a>,
    algorithm: AnyRef<'a>,
    signature: AnyRef<'a>,
}

/// A TBSCertificate.
#[derive(Sequence)]
pub(super) struct Signed<'a> {
    #[asn1(context_specific = "0", optional = "true")]
    version: Option<AnyRef<'a>>,
    pub(super) serial: AnyRef<'a>,
    algorithm: AnyRef<'a>,
    pub(super) issuer: Raw<'a>,
    validity: AnyRef<'a>,
    pub(super) subject: AnyRef<'a>,
    pub(super) key: PublicKey<'a>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    issuer_id: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    subject_id: Option<BitStringRef<'a>>,
    #[asn1(context_specific = "3", optional = "true")]
    pub(super) extensions: Option<Vec<Extension<'a>>>,
}

#[derive(Sequence)]
pub(super) struct PublicKey<'a> {
    algorithm: AnyRef<'a>,
    pub(super) bits: BitStringRef<'a>,
}

#[derive(Sequence)]
pub(super) struct Extension<'a> {
    pub(super) id: ObjectIdentifier,
    #[asn1(default = "Default::default")]
    pub(super) is_critical: bool,
    pub(super) value: &'a OctetStringRef,
}

impl<'a> Signed<'a> {
    /// The value of an extension, if it is there.
    pub(super) fn extension<T>(&self, id: ObjectIdentifier) -> Option<der::Result<T>>
    where
        T: Decode<'a, Error = der::Error>,
    {
        let mut extensions = self.extensions.iter().flatten();
        let found = extensions.find(|extension| extension.id == id)?;
        Some(T::from_der(found.value.as_bytes()))
    }
}
