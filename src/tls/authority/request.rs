//! What a certificate shall say, as plain data.

use std::net::IpAddr;

use super::error::AuthorityError;
use super::names;

/// The kind of a new private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on NIST P-256.
    EcP256,
    /// ECDSA on NIST P-384.
    EcP384,
    /// RSA of that many bits, 1024 to 8192. Below 2048 is for tests of refusal; a FIPS module may
    /// refuse to make it.
    Rsa(u32),
}

/// Which TLS role a certificate is for (extended key usage, RFC 5280 section 4.2.1.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// serverAuth alone.
    Server,
    /// clientAuth alone.
    Client,
    /// Both roles with one certificate, as a bridge has it.
    Both,
}

/// The digest of the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Digest {
    /// SHA-384 under a P-384 key, SHA-256 under every other.
    #[default]
    Fitting,
    /// SHA-256 whatever the key.
    Sha256,
    /// SHA-384 whatever the key.
    Sha384,
    /// SHA-1: for tests of refusal.
    Sha1,
}

/// From when to when a certificate holds, both inclusive, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub not_before: i64,
    /// Last second.
    pub not_after: i64,
}

impl Validity {
    /// How far before `now` a validity begins, for peers whose clocks are behind.
    pub const BACKDATED_SECONDS: i64 = 300;
    /// 9999-12-31T23:59:59Z, the last second that X.509 can write (RFC 5280 section 4.1.2.5).
    const LAST_SECOND: i64 = 253_402_300_799;

    /// From five minutes before `now` (Unix seconds) to `days` after it.
    pub fn days(now: i64, days: u32) -> Validity {
        Validity {
            not_before: now.saturating_sub(Self::BACKDATED_SECONDS),
            not_after: now.saturating_add(i64::from(days) * 86_400),
        }
    }

    /// The same, but ending no later than `limit` (Unix seconds): a certificate that outlives its
    /// authority fails with it.
    #[must_use]
    pub fn ending_by(self, limit: i64) -> Validity {
        Validity {
            not_after: self.not_after.min(limit),
            ..self
        }
    }

    pub(super) fn check(&self) -> Result<(), AuthorityError> {
        let seconds = 0..=Self::LAST_SECOND;
        let written = seconds.contains(&self.not_before) && seconds.contains(&self.not_after);
        if written && self.not_before < self.not_after {
            return Ok(());
        }
        Err(AuthorityError::Validity {
            not_before: self.not_before,
            not_after: self.not_after,
        })
    }
}

/// A distinguished name of the three attributes that access rules look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// CN, 1 to 64 characters.
    pub cn: Option<String>,
    /// OU, each 1 to 64 characters.
    pub ou: Vec<String>,
    /// O, each 1 to 64 characters.
    pub org: Vec<String>,
}

impl Subject {
    /// A subject of a common name alone.
    pub fn named(cn: &str) -> Subject {
        Subject {
            cn: Some(cn.to_owned()),
            ..Subject::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cn.is_none() && self.ou.is_empty() && self.org.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), AuthorityError> {
        for org in &self.org {
            names::check_subject("organization", org)?;
        }
        for ou in &self.ou {
            names::check_subject("organizational unit", ou)?;
        }
        match &self.cn {
            Some(cn) => names::check_subject("common name", cn),
            None => Ok(()),
        }
    }
}

/// What a server's or client's certificate shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRequest {
    /// The distinguished name; it may be empty when there is an alternative name.
    pub subject: Subject,
    /// DNS alternative names.
    pub dns: Vec<String>,
    /// IP address alternative names.
    pub ips: Vec<IpAddr>,
    /// URI alternative names, such as a SPIFFE identity.
    pub uris: Vec<String>,
    /// The TLS roles that it is for.
    pub purpose: Purpose,
    /// The kind of its new key.
    pub key: KeyKind,
    /// When it holds.
    pub validity: Validity,
    /// The digest of the signature on it.
    pub digest: Digest,
}

impl LeafRequest {
    /// A server's certificate for one host: `host` becomes the IP or DNS alternative name, and the
    /// common name as well if it is short enough for one.
    pub fn server(host: &str, validity: Validity) -> LeafRequest {
        let cn = names::is_subject_text(host).then(|| host.to_owned());
        let mut request = LeafRequest::bare(Purpose::Server, validity);
        request.subject.cn = cn;
        match host.parse() {
            Ok(ip) => request.ips.push(ip),
            Err(_) => request.dns.push(host.to_owned()),
        }
        request
    }

    /// A client's certificate with a common name and no alternative name.
    pub fn client(cn: &str, validity: Validity) -> LeafRequest {
        LeafRequest {
            subject: Subject::named(cn),
            ..LeafRequest::bare(Purpose::Client, validity)
        }
    }

    fn bare(purpose: Purpose, validity: Validity) -> LeafRequest {
        LeafRequest {
            subject: Subject::default(),
            dns: Vec::new(),
            ips: Vec::new(),
            uris: Vec::new(),
            purpose,
            key: KeyKind::EcP256,
            validity,
            digest: Digest::Fitting,
        }
    }

    pub(super) fn has_alternative_names(&self) -> bool {
        !(self.dns.is_empty() && self.ips.is_empty() && self.uris.is_empty())
    }

    pub(super) fn check(&self) -> Result<(), AuthorityError> {
        self.validity.check()?;
        self.subject.check()?;
        for name in &self.dns {
            names::check_dns(name)?;
        }
        for uri in &self.uris {
            names::check_uri(uri)?;
        }
        if self.subject.is_empty() && !self.has_alternative_names() {
            return Err(AuthorityError::NoName);
        }
        Ok(())
    }
}
