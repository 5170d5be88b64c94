//! The certificates of a file, for whoever wants to show them.

use super::backend::lib::nid::Nid;
use super::backend::lib::pkey::{Id, PKeyRef, Public};
use super::backend::lib::x509::X509Ref;
use super::credentials::certificates_of;
use super::facts;
use crate::identity::PeerCert;

/// What there is to tell of one certificate of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertFacts {
    /// Names, serial number and dates.
    pub cert: PeerCert,
    /// The kind of its key: `RSA`, `EC P-256`, `Ed25519`, or in the library's words.
    pub key_kind: String,
    /// The size of its key in bits.
    pub key_bits: u32,
}

/// The certificates of a PEM file, in its order.
///
/// # Errors
/// What is wrong with the file, and what to do.
pub fn describe(pem: &[u8]) -> Result<Vec<CertFacts>, String> {
    let certificates = certificates_of(pem)?;
    Ok(certificates.iter().map(|cert| facts_of(cert)).collect())
}

fn facts_of(cert: &X509Ref) -> CertFacts {
    let (key_kind, key_bits) = match cert.public_key() {
        Ok(key) => (kind(&key), key.bits()),
        Err(_) => ("of an unknown kind".to_owned(), 0),
    };
    CertFacts {
        cert: facts::peer_cert(cert),
        key_kind,
        key_bits,
    }
}

fn kind(key: &PKeyRef<Public>) -> String {
    let curve = || key.ec_key().ok()?.group().curve_name();
    match key.id() {
        Id::RSA => "RSA".to_owned(),
        Id::RSA_PSS => "RSA-PSS".to_owned(),
        Id::ED25519 => "Ed25519".to_owned(),
        Id::EC => match curve() {
            Some(Nid::X9_62_PRIME256V1) => "EC P-256".to_owned(),
            Some(Nid::SECP384R1) => "EC P-384".to_owned(),
            Some(Nid::SECP521R1) => "EC P-521".to_owned(),
            other => {
                let name = other.and_then(|nid| nid.short_name().ok());
                format!("EC {}", name.unwrap_or("of an unknown curve"))
            }
        },
        other => format!("number {}", other.as_raw()),
    }
}
