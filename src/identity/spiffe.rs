//! SPIFFE identities: the user that a certificate names.
//!
//! Rules: SPIFFE-ID, 2 (characters, lengths, no percent-encoding) and X.509-SVID, 2 (one in a certificate).

use std::fmt;
use std::sync::Arc;

use super::peer::{PeerCert, San};

/// The longest identity (SPIFFE-ID, 2.3), and the longest trust domain in it.
const ID_BYTES_MAX: usize = 2048;
const DOMAIN_BYTES_MAX: usize = 255;

const SCHEME: &str = "spiffe://";

/// A name of letters, digits, dots, dashes and underscores, no letter of them upper case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrustDomain(Arc<str>);

impl TrustDomain {
    /// Reads a trust domain, without a scheme in front.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<TrustDomain, &'static str> {
        let is_of_domain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        match text {
            "" => Err("the trust domain is empty"),
            _ if text.len() > DOMAIN_BYTES_MAX => Err("the trust domain is longer than 255 bytes"),
            _ if text.bytes().all(is_of_domain) => Ok(TrustDomain(text.into())),
            _ => Err(
                "a trust domain is made of lower-case letters, digits, dots, dashes and underscores",
            ),
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user of an organisation, as `spiffe://<trust domain>/orgs/<org>/users/<user>` names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpiffeUser {
    /// The organisation.
    pub org: Arc<str>,
    /// The user.
    pub user: Arc<str>,
}

/// Why a certificate names no user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpiffeError {
    /// It has no SPIFFE identity.
    None,
    /// It has so many.
    Several(usize),
    /// What it has is none, or none of a user: what is wrong with it.
    Malformed(&'static str),
    /// It is of another trust domain, which the peer's authority has no say in.
    OtherDomain(TrustDomain),
}

impl fmt::Display for SpiffeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpiffeError::None => {
                f.write_str("the certificate has no URI that begins with spiffe://")
            }
            SpiffeError::Several(count) => {
                write!(
                    f,
                    "the certificate has {count} SPIFFE identities, and one is meant"
                )
            }
            SpiffeError::Malformed(what) => write!(f, "the SPIFFE identity is malformed: {what}"),
            SpiffeError::OtherDomain(domain) => {
                write!(
                    f,
                    "the SPIFFE identity is of the trust domain {domain}, not of the issuer"
                )
            }
        }
    }
}

impl SpiffeUser {
    /// The user that a verified certificate names, within that trust domain.
    ///
    /// # Errors
    /// The certificate names none, several or a malformed one, or one of another domain.
    pub fn of(cert: &PeerCert, issuer: &TrustDomain) -> Result<SpiffeUser, SpiffeError> {
        let mut ids = cert.sans.iter().filter_map(|san| match san {
            San::Uri(uri) if is_spiffe(uri) => Some(uri),
            _ => None,
        });
        let id = ids.next().ok_or(SpiffeError::None)?;
        match ids.count() {
            0 => SpiffeUser::parse(id, issuer),
            more => Err(SpiffeError::Several(more + 1)),
        }
    }

    fn parse(id: &str, issuer: &TrustDomain) -> Result<SpiffeUser, SpiffeError> {
        let malformed = SpiffeError::Malformed;
        if id.len() > ID_BYTES_MAX {
            return Err(malformed("it is longer than 2048 bytes"));
        }
        let rest = id.strip_prefix(SCHEME);
        let rest = rest.ok_or(malformed("its scheme is not written in lower case"))?;
        let (domain, path) = rest.split_once('/').ok_or(malformed("it has no path"))?;
        let domain = TrustDomain::parse(domain).map_err(malformed)?;
        let segments: Vec<&str> = path.split('/').collect();
        for segment in &segments {
            check_segment(segment).map_err(malformed)?;
        }
        if domain != *issuer {
            return Err(SpiffeError::OtherDomain(domain));
        }
        match segments[..] {
            ["orgs", org, "users", user] => Ok(SpiffeUser {
                org: org.into(),
                user: user.into(),
            }),
            _ => Err(malformed("its path is not /orgs/<org>/users/<user>")),
        }
    }
}

/// Whether a URI is meant as a SPIFFE identity, written right or not: schemes have no case (RFC 3986, 3.1).
fn is_spiffe(uri: &str) -> bool {
    let scheme = uri.as_bytes().get(..SCHEME.len() - 2);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"spiffe:"))
}

fn check_segment(segment: &str) -> Result<(), &'static str> {
    let is_of_segment = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    match segment {
        "" => Err("its path has an empty segment"),
        "." | ".." => Err("its path has a segment of dots"),
        _ if segment.bytes().all(is_of_segment) => Ok(()),
        _ => {
            Err("its path has other characters than letters, digits, dots, dashes and underscores")
        }
    }
}

#[cfg(test)]
mod tests;
