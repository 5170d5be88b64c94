//! Why a certificate could not be made, in an operator's words.

use std::fmt;

use super::backend::lib::error::ErrorStack;

/// Why a certificate could not be made. Values from outside are shown escaped, so that a name
/// cannot forge a second line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorityError {
    /// A name that must not stand in a certificate.
    Name {
        /// Which kind of name: `common name`, `DNS name`, …
        kind: &'static str,
        /// The name as it was given.
        value: String,
        /// What is wrong with it and what to give instead.
        why: &'static str,
    },
    /// Neither a subject nor an alternative name.
    NoName,
    /// The validity ends before it begins, or leaves the years 1970 to 9999.
    Validity {
        /// First second, Unix time.
        not_before: i64,
        /// Last second, Unix time.
        not_after: i64,
    },
    /// An RSA key of a size that is not made here.
    RsaBits(u32),
    /// PEM text that holds no usable certificate or key.
    Pem {
        /// What should have been there: `certificate` or `private key`.
        what: &'static str,
        /// The TLS library's words, or what is missing.
        detail: String,
    },
    /// The private key belongs to another certificate.
    KeyMismatch,
    /// The certificate that should sign is not allowed to.
    NotAnAuthority,
    /// The TLS library refused.
    Library {
        /// What it was doing.
        step: &'static str,
        /// Its words.
        detail: String,
    },
}

impl AuthorityError {
    /// Turns the library's errors into ours and says what it was doing.
    pub(super) fn library(step: &'static str) -> impl FnOnce(ErrorStack) -> AuthorityError {
        move |stack| AuthorityError::Library {
            step,
            detail: stack.to_string(),
        }
    }

    /// Turns the library's errors about PEM text into ours.
    pub(super) fn pem(what: &'static str) -> impl FnOnce(ErrorStack) -> AuthorityError {
        move |stack| AuthorityError::Pem {
            what,
            detail: stack.to_string(),
        }
    }
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { kind, value, why } => write!(f, "{kind} {value:?}: {why}"),
            Self::NoName => write!(
                f,
                "a certificate needs a name: give a common name or an alternative name"
            ),
            Self::Validity {
                not_before,
                not_after,
            } => write!(
                f,
                "a validity from {not_before} to {not_after} (Unix seconds): it must end after it \
                 begins, between the years 1970 and 9999"
            ),
            Self::RsaBits(bits) => write!(
                f,
                "an RSA key of {bits} bits: choose 2048, 3072 or 4096 (1024 to 8192 are made, in \
                 multiples of 8)"
            ),
            Self::Pem { what, detail } => write!(f, "no usable {what} in the PEM text: {detail}"),
            Self::KeyMismatch => write!(
                f,
                "the private key belongs to another certificate: give the pair that was made \
                 together"
            ),
            Self::NotAnAuthority => write!(
                f,
                "the signing certificate may not sign certificates (key usage without \
                 keyCertSign): give the authority's certificate"
            ),
            Self::Library { step, detail } => write!(f, "{step}: the TLS library says: {detail}"),
        }
    }
}

impl std::error::Error for AuthorityError {}
