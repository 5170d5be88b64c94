//! Revocation lists (RFC 5280, 5) of an authority.

use super::backend::lib::{
    asn1::Asn1Time,
    bn::BigNum,
    error::ErrorStack,
    x509::{X509Builder, X509Ref, extension::AuthorityKeyIdentifier},
};
use super::backend::{self, Crl, CrlDraft};
use super::error::AuthorityError;
use super::sign::{self, Signer};
use super::{Authority, Digest, facts, pem};

/// A certificate that was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number in hexadecimal.
    pub serial: String,
    /// Since when, Unix time.
    pub at: i64,
}

/// What a list shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlRequest {
    /// Who is on it.
    pub revoked: Vec<Revoked>,
    /// Its number; a newer list has a higher one.
    pub number: u64,
    /// When it was made, Unix time.
    pub this_update: i64,
    /// When the next one is due, Unix time; none if that is not said.
    pub next_update: Option<i64>,
}

/// A certificate as its authority knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Its serial number in hexadecimal.
    pub serial: String,
    /// Its subject, as `CN=…, O=…`.
    pub subject: String,
}

impl Authority {
    /// Makes and signs a list, as PEM text.
    pub fn crl(&self, request: &CrlRequest) -> Result<String, AuthorityError> {
        let signer = Signer {
            certificate: None,
            key: &self.key,
            digest: Digest::Fitting,
        };
        let list = || {
            let mut list = unsigned(&self.certificate, request)?;
            list.sign(&self.key, sign::message_digest(&signer))?;
            list.to_pem()
        };
        list().map_err(AuthorityError::library("making a revocation list"))
    }

    /// The first certificate in `cert_pem`, if this authority has signed it.
    pub fn issued(&self, cert_pem: &str) -> Result<Option<Issued>, AuthorityError> {
        let cert = pem::first(&pem::certificates(cert_pem)?)?;
        let is_signed = cert
            .verify(&self.key)
            .map_err(AuthorityError::library("checking a signature"))?;
        let facts = facts::peer_cert(&cert);
        let is_ours = is_signed && backend::is_issued_by(&self.certificate, &cert);
        Ok(is_ours.then_some(Issued {
            serial: facts.serial,
            subject: facts.subject,
        }))
    }
}

fn unsigned(issuer: &X509Ref, request: &CrlRequest) -> Result<Crl, ErrorStack> {
    let this_update = Asn1Time::from_unix(request.this_update as _)?;
    let next_update = request.next_update.map(|at| Asn1Time::from_unix(at as _));
    let next_update = next_update.transpose()?;
    let number = BigNum::from_dec_str(&request.number.to_string())?.to_asn1_integer()?;
    let names = X509Builder::new()?;
    let authority_key = AuthorityKeyIdentifier::new()
        .keyid(true)
        .build(&names.x509v3_context(Some(issuer), None))?;
    let mut list = Crl::draft(&CrlDraft {
        issuer,
        this_update: &this_update,
        next_update: next_update.as_deref(),
        number: &number,
        authority_key: &authority_key,
    })?;
    for revoked in &request.revoked {
        let serial = BigNum::from_hex_str(&revoked.serial)?.to_asn1_integer()?;
        list.revoke(&serial, &*Asn1Time::from_unix(revoked.at as _)?)?;
    }
    Ok(list)
}
