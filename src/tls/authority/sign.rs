//! Keys and signed certificates by the TLS library: checked data in, X.509 version 3 out.

use super::backend::{
    self,
    lib::{
        asn1::{Asn1Integer, Asn1Time},
        bn::{BigNum, MsbOption},
        ec::{EcGroup, EcKey},
        error::ErrorStack,
        hash::MessageDigest,
        nid::Nid,
        pkey::{Id, PKey, PKeyRef, Private},
        rsa::Rsa,
        x509::{
            X509, X509Builder, X509Name, X509Ref,
            extension::{
                AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage,
                SubjectAlternativeName, SubjectKeyIdentifier,
            },
        },
    },
};
use super::error::AuthorityError;
use super::request::{Digest, KeyKind, LeafRequest, Purpose, Subject, Validity};

/// Serial numbers have 159 random bits: the most that stays positive in the 20 octets of RFC 5280
/// section 4.1.2.2.
const SERIAL_BITS: i32 = 159;

/// What shall be signed.
pub(super) struct Draft<'a> {
    pub(super) subject: &'a Subject,
    pub(super) validity: Validity,
    pub(super) key: &'a PKeyRef<Private>,
    pub(super) profile: Profile<'a>,
}

/// What the certificate may be used for.
pub(super) enum Profile<'a> {
    /// Signing certificates and revocation lists.
    Authority,
    /// TLS, under the alternative names and for the purpose of the request.
    Leaf(&'a LeafRequest),
}

/// Who signs, and how.
pub(super) struct Signer<'a> {
    /// The issuer's certificate; `None` means that the draft signs itself.
    pub(super) certificate: Option<&'a X509Ref>,
    pub(super) key: &'a PKeyRef<Private>,
    pub(super) digest: Digest,
}

/// Makes a private key.
pub(super) fn new_key(kind: KeyKind) -> Result<PKey<Private>, AuthorityError> {
    let made = match kind {
        KeyKind::EcP256 => ec_key(Nid::X9_62_PRIME256V1),
        KeyKind::EcP384 => ec_key(Nid::SECP384R1),
        KeyKind::Rsa(bits) if !(1024..=8192).contains(&bits) || bits % 8 != 0 => {
            return Err(AuthorityError::RsaBits(bits));
        }
        KeyKind::Rsa(bits) => Rsa::generate(bits).and_then(PKey::from_rsa),
    };
    made.map_err(AuthorityError::library("making a private key"))
}

fn ec_key(curve: Nid) -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(curve)?;
    EcKey::generate(&group).and_then(PKey::from_ec_key)
}

/// Signs a draft whose names and times were checked already.
pub(super) fn sign(draft: &Draft<'_>, signer: &Signer<'_>) -> Result<X509, AuthorityError> {
    let mut builder = unsigned(draft, signer.certificate)
        .map_err(AuthorityError::library("filling in a certificate"))?;
    add_extensions(&mut builder, draft, signer.certificate)
        .map_err(AuthorityError::library("adding a certificate's extensions"))?;
    builder
        .sign(signer.key, message_digest(signer))
        .map_err(AuthorityError::library("signing a certificate"))?;
    Ok(builder.build())
}

fn unsigned(draft: &Draft<'_>, issuer: Option<&X509Ref>) -> Result<X509Builder, ErrorStack> {
    let subject = subject_name(draft.subject)?;
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?; // counted from zero: version 3
    builder.set_serial_number(random_serial()?.as_ref())?;
    builder.set_subject_name(&subject)?;
    builder.set_issuer_name(issuer.map_or(subject.as_ref(), X509Ref::subject_name))?;
    let not_before = Asn1Time::from_unix(draft.validity.not_before)?;
    let not_after = Asn1Time::from_unix(draft.validity.not_after)?;
    builder.set_not_before(not_before.as_ref())?;
    builder.set_not_after(not_after.as_ref())?;
    builder.set_pubkey(draft.key)?;
    Ok(builder)
}

fn random_serial() -> Result<Asn1Integer, ErrorStack> {
    let mut number = BigNum::new()?;
    number.rand(SERIAL_BITS, MsbOption::MAYBE_ZERO, false)?;
    number.to_asn1_integer()
}

fn subject_name(subject: &Subject) -> Result<X509Name, ErrorStack> {
    let mut name = X509Name::builder()?;
    for org in &subject.org {
        name.append_entry_by_nid(Nid::ORGANIZATIONNAME, org)?;
    }
    for ou in &subject.ou {
        name.append_entry_by_nid(Nid::ORGANIZATIONALUNITNAME, ou)?;
    }
    if let Some(cn) = &subject.cn {
        name.append_entry_by_nid(Nid::COMMONNAME, cn)?;
    }
    Ok(name.build())
}

pub(super) fn message_digest(signer: &Signer<'_>) -> MessageDigest {
    match signer.digest {
        Digest::Sha1 => MessageDigest::sha1(),
        Digest::Sha256 => MessageDigest::sha256(),
        Digest::Sha384 => MessageDigest::sha384(),
        Digest::Fitting if signer.key.id() == Id::EC && signer.key.bits() == 384 => {
            MessageDigest::sha384()
        }
        Digest::Fitting => MessageDigest::sha256(),
    }
}

fn add_extensions(
    builder: &mut X509Builder,
    draft: &Draft<'_>,
    issuer: Option<&X509Ref>,
) -> Result<(), ErrorStack> {
    match draft.profile {
        Profile::Authority => add_authority_usage(builder)?,
        Profile::Leaf(request) => add_leaf_usage(builder, request)?,
    }
    let subject_key = SubjectKeyIdentifier::new().build(&builder.x509v3_context(issuer, None))?;
    backend::append_extension(builder, &subject_key)?;
    if issuer.is_some() {
        let context = builder.x509v3_context(issuer, None);
        let authority_key = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        backend::append_extension(builder, &authority_key)?;
    }
    Ok(())
}

fn add_authority_usage(builder: &mut X509Builder) -> Result<(), ErrorStack> {
    let constraints = BasicConstraints::new().critical().ca().build()?;
    let usage = KeyUsage::new()
        .critical()
        .key_cert_sign()
        .crl_sign()
        .build()?;
    backend::append_extension(builder, &constraints)?;
    backend::append_extension(builder, &usage)
}

/// The key usage is signing alone, for RSA too: the other one, encipherment, is the RSA key
/// exchange that RFC 9325 section 4.1 forbids.
fn add_leaf_usage(builder: &mut X509Builder, request: &LeafRequest) -> Result<(), ErrorStack> {
    let constraints = BasicConstraints::new().critical().build()?;
    backend::append_extension(builder, &constraints)?;
    let usage = KeyUsage::new().critical().digital_signature().build()?;
    backend::append_extension(builder, &usage)?;
    let mut purposes = ExtendedKeyUsage::new();
    if matches!(request.purpose, Purpose::Server | Purpose::Both) {
        purposes.server_auth();
    }
    if matches!(request.purpose, Purpose::Client | Purpose::Both) {
        purposes.client_auth();
    }
    backend::append_extension(builder, purposes.build()?.as_ref())?;
    if request.has_alternative_names() {
        add_alternative_names(builder, request)?;
    }
    Ok(())
}

fn add_alternative_names(
    builder: &mut X509Builder,
    request: &LeafRequest,
) -> Result<(), ErrorStack> {
    let mut names = SubjectAlternativeName::new();
    if request.subject.is_empty() {
        names.critical(); // RFC 5280 section 4.2.1.6
    }
    for name in &request.dns {
        names.dns(name);
    }
    for ip in &request.ips {
        names.ip(&ip.to_string());
    }
    for uri in &request.uris {
        names.uri(uri);
    }
    let extension = names.build(&builder.x509v3_context(None, None))?;
    backend::append_extension(builder, &extension)
}
