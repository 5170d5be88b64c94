//! A certificate's facts.

use std::fmt;

/// What a certificate says about its holder. Text in it comes from a stranger: it is escaped where it
/// is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerCert {
    /// Subject, as `CN=…, O=…` in the certificate's order; empty if it has none.
    pub subject: String,
    /// Issuer, in the same form.
    pub issuer: String,
    /// Serial number in hexadecimal.
    pub serial: String,
    /// Subject alternative names as `DNS:…`, `IP:…`, `URI:…`, `email:…`.
    pub sans: Vec<String>,
    /// When its validity begins, in seconds since 1970.
    pub not_before: i64,
    /// When its validity ends, in seconds since 1970.
    pub not_after: i64,
}

impl fmt::Display for PeerCert {
    /// `subject "CN=x" sans "DNS:a,DNS:b" issuer "CN=ca" serial 0a1b`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "subject {:?} sans {:?} issuer {:?} serial {}",
            self.subject,
            self.sans.join(","),
            self.issuer,
            self.serial
        )
    }
}
