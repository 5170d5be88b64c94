//! A small certificate authority for bring-up, demonstrations and tests.
//!
//! It makes keys, X.509 version 3 certificates and revocation lists (RFC 5280) with the TLS library that the program
//! forwards with. It keeps no files and reads no clock: whoever calls brings the time and stores
//! the PEM text. It is able to make certificates that a peer must refuse (expired, signed with
//! SHA-1, for the wrong purpose), because the refusals need something to refuse.

mod crl;
mod error;
mod names;
mod pem;
mod request;
mod sign;
#[cfg(test)]
mod tests;

use std::fmt;

use super::backend::{
    self,
    lib::{
        pkey::{PKey, PKeyRef, Private},
        x509::{X509, X509Ref},
    },
};
use super::facts;
use sign::{Draft, Profile, Signer};

pub use crl::{CrlRequest, Issued, Revoked};
pub use error::AuthorityError;
pub use names::is_dns_name;
pub use request::{Digest, KeyKind, LeafRequest, Purpose, Subject, Validity};

/// A certificate with its chain and private key, as PEM text.
#[derive(Clone)]
pub struct Identity {
    /// The leaf first, then its intermediates up to but without the root: what a peer is sent.
    pub cert_pem: String,
    /// The leaf alone, for a peer that wrongly sends no intermediates.
    pub leaf_pem: String,
    /// The private key as unencrypted PKCS#8.
    pub key_pem: String,
}

impl Identity {
    /// Makes a certificate signed by its own key, without any authority.
    pub fn self_signed(request: &LeafRequest) -> Result<Identity, AuthorityError> {
        request.check()?;
        let key = sign::new_key(request.key)?;
        let draft = leaf_draft(request, &key);
        let signer = Signer {
            certificate: None,
            key: &key,
            digest: request.digest,
        };
        let leaf = sign::sign(&draft, &signer)?;
        Identity::new(&leaf, &[], &key)
    }

    fn new(
        leaf: &X509Ref,
        intermediates: &[X509],
        key: &PKeyRef<Private>,
    ) -> Result<Identity, AuthorityError> {
        let leaf_pem = pem::of_certificate(leaf)?;
        Ok(Identity {
            cert_pem: leaf_pem.clone() + &pem::of_chain(intermediates)?,
            leaf_pem,
            key_pem: pem::of_key(key)?,
        })
    }
}

impl fmt::Debug for Identity {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("cert_pem", &self.cert_pem)
            .finish_non_exhaustive()
    }
}

/// A certificate that may sign others, with its key: a root or an intermediate.
pub struct Authority {
    certificate: X509,
    key: PKey<Private>,
    /// What a peer that trusts the root must be sent besides the leaf, from this authority's own
    /// certificate upward; empty for a root.
    intermediates: Vec<X509>,
}

impl Authority {
    /// Makes a root: a self-signed authority.
    pub fn new(
        subject: &Subject,
        key: KeyKind,
        validity: Validity,
    ) -> Result<Authority, AuthorityError> {
        check_authority(subject, validity)?;
        let key = sign::new_key(key)?;
        let draft = authority_draft(subject, validity, &key);
        let signer = Signer {
            certificate: None,
            key: &key,
            digest: Digest::Fitting,
        };
        Ok(Authority {
            certificate: sign::sign(&draft, &signer)?,
            key,
            intermediates: Vec::new(),
        })
    }

    /// Makes an authority below this one. What it issues carries its certificate along.
    pub fn intermediate(
        &self,
        subject: &Subject,
        key: KeyKind,
        validity: Validity,
    ) -> Result<Authority, AuthorityError> {
        check_authority(subject, validity)?;
        let key = sign::new_key(key)?;
        let draft = authority_draft(subject, validity, &key);
        let certificate = self.sign(&draft, Digest::Fitting)?;
        let mut intermediates = vec![certificate.clone()];
        intermediates.extend_from_slice(&self.intermediates);
        Ok(Authority {
            certificate,
            key,
            intermediates,
        })
    }

    /// Makes a key and a certificate for a server or a client.
    pub fn issue(&self, request: &LeafRequest) -> Result<Identity, AuthorityError> {
        request.check()?;
        let key = sign::new_key(request.key)?;
        let leaf = self.sign(&leaf_draft(request, &key), request.digest)?;
        Identity::new(&leaf, &self.intermediates, &key)
    }

    /// Takes up an authority from PEM text: its certificate first, then any intermediates above it.
    /// An authority that did not sign itself counts as an intermediate and is sent along with what
    /// it issues.
    pub fn from_pem(cert_pem: &str, key_pem: &str) -> Result<Authority, AuthorityError> {
        let certificates = pem::certificates(cert_pem)?;
        let certificate = pem::first(&certificates)?;
        let key = pem::private_key(key_pem)?;
        let public = certificate
            .public_key()
            .map_err(AuthorityError::pem("certificate"))?;
        if !public.public_eq(&key) {
            return Err(AuthorityError::KeyMismatch);
        }
        let intermediates = certificates
            .into_iter()
            .filter(|one| !backend::is_issued_by(one, one))
            .collect();
        Ok(Authority {
            certificate,
            key,
            intermediates,
        })
    }

    /// The certificate as PEM text; an intermediate's is followed by those above it, without the
    /// root. [`Authority::from_pem`] takes it back.
    pub fn cert_pem(&self) -> Result<String, AuthorityError> {
        match self.intermediates.as_slice() {
            [] => pem::of_certificate(&self.certificate),
            above => pem::of_chain(above),
        }
    }

    /// The private key as unencrypted PKCS#8 PEM text.
    pub fn key_pem(&self) -> Result<String, AuthorityError> {
        pem::of_key(&self.key)
    }

    /// The last second in which the certificate holds, Unix time.
    pub fn not_after(&self) -> Result<i64, AuthorityError> {
        let step = "reading when the authority ends";
        facts::seconds(self.certificate.not_after()).map_err(AuthorityError::library(step))
    }

    /// Whether the first certificate in `issuer_pem` signed this authority's certificate.
    pub fn is_signed_by(&self, issuer_pem: &str) -> Result<bool, AuthorityError> {
        let issuer = pem::first(&pem::certificates(issuer_pem)?)?;
        let top = self.intermediates.last().unwrap_or(&self.certificate);
        let key = issuer
            .public_key()
            .map_err(AuthorityError::pem("certificate"))?;
        let signed = top
            .verify(&key)
            .map_err(AuthorityError::library("checking a signature"))?;
        Ok(signed && backend::is_issued_by(&issuer, top))
    }

    fn sign(&self, draft: &Draft<'_>, digest: Digest) -> Result<X509, AuthorityError> {
        let signer = Signer {
            certificate: Some(&self.certificate),
            key: &self.key,
            digest,
        };
        let certificate = sign::sign(draft, &signer)?;
        if !backend::is_issued_by(&self.certificate, &certificate) {
            return Err(AuthorityError::NotAnAuthority);
        }
        Ok(certificate)
    }
}

impl fmt::Debug for Authority {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("subject", &self.certificate.subject_name())
            .finish_non_exhaustive()
    }
}

fn check_authority(subject: &Subject, validity: Validity) -> Result<(), AuthorityError> {
    validity.check()?;
    if subject.is_empty() {
        return Err(AuthorityError::NoName);
    }
    subject.check()
}

fn authority_draft<'a>(
    subject: &'a Subject,
    validity: Validity,
    key: &'a PKeyRef<Private>,
) -> Draft<'a> {
    Draft {
        subject,
        validity,
        key,
        profile: Profile::Authority,
    }
}

fn leaf_draft<'a>(request: &'a LeafRequest, key: &'a PKeyRef<Private>) -> Draft<'a> {
    Draft {
        subject: &request.subject,
        validity: request.validity,
        key,
        profile: Profile::Leaf(request),
    }
}
