//! A certificate's facts.

use std::fmt;
use std::net::IpAddr;

/// What a certificate says about its holder. Text in it comes from a stranger: it is escaped where it
/// is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerCert {
    /// Subject, as `CN=…, O=…` in the certificate's order; empty if it has none.
    pub subject: String,
    /// The subject's common name. Of several it is the last, which is the most specific one; none if
    /// that one cannot be read.
    pub cn: Option<String>,
    /// The subject's organisational units.
    pub ou: Vec<String>,
    /// The subject's organisations.
    pub org: Vec<String>,
    /// Issuer, in the form of `subject`.
    pub issuer: String,
    /// Serial number in hexadecimal.
    pub serial: String,
    /// Subject alternative names.
    pub sans: Vec<San>,
    /// SHA-256 of the SubjectPublicKeyInfo (RFC 7469, 2.4); none if the key cannot be read.
    pub spki: Option<[u8; 32]>,
    /// When its validity begins, in seconds since 1970.
    pub not_before: i64,
    /// When its validity ends, in seconds since 1970.
    pub not_after: i64,
}

/// A subject alternative name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum San {
    /// A DNS name.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// A URI, such as a SPIFFE identity.
    Uri(String),
    /// A mail address.
    Email(String),
}

impl fmt::Display for San {
    /// `DNS:…`, `IP:…`, `URI:…`, `email:…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            San::Dns(name) => write!(f, "DNS:{name}"),
            San::Ip(address) => write!(f, "IP:{address}"),
            San::Uri(uri) => write!(f, "URI:{uri}"),
            San::Email(address) => write!(f, "email:{address}"),
        }
    }
}

impl PeerCert {
    /// The subject alternative names as one text, with commas between them.
    pub fn sans_text(&self) -> String {
        let sans: Vec<String> = self.sans.iter().map(San::to_string).collect();
        sans.join(",")
    }
}

impl fmt::Display for PeerCert {
    /// `subject "CN=x" sans "DNS:a,DNS:b" issuer "CN=ca" serial 0a1b`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "subject {:?} sans {:?} issuer {:?} serial {}",
            self.subject,
            self.sans_text(),
            self.issuer,
            self.serial
        )
    }
}
