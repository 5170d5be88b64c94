//! Certificates as plain data.

use std::net::IpAddr;

use super::backend;
use super::backend::lib::asn1::{Asn1Time, Asn1TimeRef};
use super::backend::lib::error::ErrorStack;
use super::backend::lib::nid::Nid;
use super::backend::lib::x509::{GeneralNameRef, X509NameRef, X509Ref};
use crate::identity::PeerCert;

/// Takes the names and dates out of a certificate.
pub(super) fn peer_cert(cert: &X509Ref) -> PeerCert {
    let sans = cert.subject_alt_names();
    let sans = sans.iter().flatten().filter_map(general_name).collect();
    let serial = cert.serial_number().to_bn().and_then(|n| n.to_hex_str());
    PeerCert {
        subject: name(cert.subject_name()),
        issuer: name(cert.issuer_name()),
        serial: serial
            .map(|hex| hex.to_ascii_lowercase())
            .unwrap_or_default(),
        sans,
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
    let entry = name.entries_by_nid(Nid::ORGANIZATIONNAME).next()?;
    backend::text(entry.data())
}

fn general_name(name: &GeneralNameRef) -> Option<String> {
    if let Some(dns) = name.dnsname() {
        return Some(format!("DNS:{dns}"));
    }
    if let Some(uri) = name.uri() {
        return Some(format!("URI:{uri}"));
    }
    if let Some(email) = name.email() {
        return Some(format!("email:{email}"));
    }
    let address = match name.ipaddress()? {
        bytes if bytes.len() == 4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        bytes => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
    };
    Some(format!("IP:{address}"))
}
