//! PEM text in and out of the TLS library.

use super::backend::lib::{
    pkey::{PKey, PKeyRef, Private},
    x509::{X509, X509Ref},
};
use super::error::AuthorityError;

/// Reads a private key; an encrypted one is refused rather than asked for on the terminal.
pub(super) fn private_key(pem: &str) -> Result<PKey<Private>, AuthorityError> {
    let mut encrypted = false;
    let read = PKey::private_key_from_pem_callback(pem.as_bytes(), |_passphrase| {
        encrypted = true;
        Ok(0)
    });
    if encrypted {
        return Err(AuthorityError::Pem {
            what: "private key",
            detail: "it is encrypted; decrypt it with `openssl pkey` first".to_owned(),
        });
    }
    read.map_err(AuthorityError::pem("private key"))
}

pub(super) fn certificates(pem: &str) -> Result<Vec<X509>, AuthorityError> {
    X509::stack_from_pem(pem.as_bytes()).map_err(AuthorityError::pem("certificate"))
}

pub(super) fn first(certificates: &[X509]) -> Result<X509, AuthorityError> {
    certificates
        .first()
        .cloned()
        .ok_or_else(|| AuthorityError::Pem {
            what: "certificate",
            detail: "there is none".to_owned(),
        })
}

pub(super) fn of_certificate(certificate: &X509Ref) -> Result<String, AuthorityError> {
    let pem = certificate
        .to_pem()
        .map_err(AuthorityError::library("writing a certificate"))?;
    Ok(String::from_utf8_lossy(&pem).into_owned())
}

pub(super) fn of_chain(certificates: &[X509]) -> Result<String, AuthorityError> {
    certificates.iter().map(|one| of_certificate(one)).collect()
}

pub(super) fn of_key(key: &PKeyRef<Private>) -> Result<String, AuthorityError> {
    let pem = key
        .private_key_to_pem_pkcs8()
        .map_err(AuthorityError::library("writing a private key"))?;
    Ok(String::from_utf8_lossy(&pem).into_owned())
}
