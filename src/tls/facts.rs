//! Certificates as plain data.

use std::net::IpAddr;

use super::backend;
use super::backend::lib::asn1::{Asn1Time, Asn1TimeRef};
use super::backend::lib::error::ErrorStack;
use super::backend::lib::hash::{MessageDigest, hash};
use super::backend::lib::nid::Nid;
use super::backend::lib::x509::{GeneralNameRef, X509NameRef, X509Ref};
use crate::identity::{PeerCert, San};

/// Takes names, key and dates out of a certificate.
pub(super) fn peer_cert(cert: &X509Ref) -> PeerCert {
    let sans = cert.subject_alt_names();
    let sans = sans.iter().flatten().filter_map(general_name).collect();
    let serial = cert.serial_number().to_bn().and_then(|n| n.to_hex_str());
    let subject = cert.subject_name();
    PeerCert {
        subject: name(subject),
        cn: values(subject, Nid::COMMONNAME).last().flatten(),
        ou: values(subject, Nid::ORGANIZATIONALUNITNAME)
            .flatten()
            .collect(),
        org: values(subject, Nid::ORGANIZATIONNAME).flatten().collect(),
        issuer: name(cert.issuer_name()),
        serial: serial
            .map(|hex| hex.to_ascii_lowercase())
            .unwrap_or_default(),
        sans,
        spki: spki(cert),
        // One that cannot be read is never now: such a certificate is refused in any case.
        not_before: seconds(cert.not_before()).unwrap_or(i64::MAX),
        not_after: seconds(cert.not_after()).unwrap_or(i64::MIN),
    }
}

/// A time in seconds since 1970.
pub(super) fn seconds(time: &Asn1TimeRef) -> Result<i64, ErrorStack> {
    const DAY: i64 = 86_400;
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(i64::from(since.days) * DAY + i64::from(since.secs))
}

/// A distinguished name as `CN=…, O=…`.
pub(super) fn name(name: &X509NameRef) -> String {
    let entry = |entry: &super::backend::lib::x509::X509NameEntryRef| {
        let kind = entry.object().nid().short_name().unwrap_or("?");
        let value = backend::text(entry.data());
        format!("{kind}={}", value.as_deref().unwrap_or("?"))
    };
    name.entries().map(entry).collect::<Vec<_>>().join(", ")
}

/// The first organisation of a distinguished name.
pub(super) fn organisation(name: &X509NameRef) -> Option<String> {
    values(name, Nid::ORGANIZATIONNAME).next()?
}

/// The values of one kind of attribute, in the certificate's order; none for one that is no text.
fn values(name: &X509NameRef, kind: Nid) -> impl Iterator<Item = Option<String>> {
    let entries = name.entries_by_nid(kind);
    entries.map(|entry| backend::text(entry.data()))
}

/// The digest of the public key as the library writes it: as it stands in a certificate that is written
/// as everybody writes them.
fn spki(cert: &X509Ref) -> Option<[u8; 32]> {
    let key = cert.public_key().and_then(|key| key.public_key_to_der());
    sha256(&key.ok()?)
}

/// The SHA-256 of some bytes; none if the library, as a FIPS module in its error state, computes none.
///
/// Not by the library's older interface: the crate takes it for one that cannot fail, and gives back memory
/// that nobody has written to where it does.
pub(super) fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
    let digest = hash(MessageDigest::sha256(), bytes).ok()?;
    digest[..].try_into().ok()
}

fn general_name(name: &GeneralNameRef) -> Option<San> {
    if let Some(dns) = name.dnsname() {
        return Some(San::Dns(dns.to_owned()));
    }
    if let Some(uri) = name.uri() {
        return Some(San::Uri(uri.to_owned()));
    }
    if let Some(email) = name.email() {
        return Some(San::Email(email.to_owned()));
    }
    let address = match name.ipaddress()? {
        bytes if bytes.len() == 4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        bytes => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
    };
    Some(San::Ip(address))
}
