//! Why `mtls-persona pki` could not do it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::tls::authority::AuthorityError;

use super::report::date;

/// Why a command of `pki` failed: which file, and what to do.
#[derive(Debug)]
pub enum PkiError {
    /// A NAME that would not make a safe file name.
    FileName {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A server without any name that a client could verify.
    NoServerName {
        /// The name as given.
        name: String,
    },
    /// A name that must not stand in a certificate, or a refusal by the TLS library.
    Certificate(AuthorityError),
    /// A file that is there already, without `--force`.
    Exists(PathBuf),
    /// A folder in which `pki init` has not been run.
    NoAuthority(PathBuf),
    /// The authority's files cannot be used.
    Unusable {
        /// The certificate's file; the key's lies beside it.
        path: PathBuf,
        /// What is wrong with the two.
        error: AuthorityError,
    },
    /// An intermediate of another root than the one beside it.
    Unrelated {
        /// The intermediate's certificate.
        intermediate: PathBuf,
        /// The root's certificate.
        root: PathBuf,
    },
    /// The authority is past its end, Unix seconds.
    Ended {
        /// The certificate's file.
        path: PathBuf,
        /// Its last second.
        not_after: i64,
    },
    /// A certificate that this authority cannot revoke.
    NotIssued(PathBuf),
    /// A file to be revoked that holds no certificate.
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: AuthorityError,
    },
    /// The record of what was revoked cannot be understood.
    Record {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file could not be read.
    Read(PathBuf, io::Error),
    /// A file or folder could not be written or removed.
    Write(PathBuf, io::Error),
    /// The report could not be printed; the files are written.
    Output(io::Error),
}

impl PkiError {
    /// The process's exit code: 2 if the words on the command line are wrong, otherwise 1.
    pub fn exit_code(&self) -> u8 {
        use AuthorityError::{Name, NoName, RsaBits};
        match self {
            Self::FileName { .. } | Self::NoServerName { .. } => 2,
            Self::Certificate(Name { .. } | NoName | RsaBits(_)) => 2,
            _ => 1,
        }
    }
}

impl From<AuthorityError> for PkiError {
    fn from(error: AuthorityError) -> PkiError {
        PkiError::Certificate(error)
    }
}

impl fmt::Display for PkiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileName { name, why } => write!(f, "the name {name:?} for two files: {why}"),
            Self::NoServerName { name } => write!(
                f,
                "{name:?} is neither a host name nor an IP address, and clients verify nothing \
                 else: give --dns or --ip"
            ),
            Self::Certificate(error) => error.fmt(f),
            Self::Exists(path) => write!(
                f,
                "{} is there already: choose another name or --dir, or replace it with --force",
                path.display()
            ),
            Self::NoAuthority(dir) => write!(
                f,
                "there is no authority in {0}: make one with `mtls-persona pki init --dir {0}`",
                dir.display()
            ),
            Self::Unusable { path, error } => write!(
                f,
                "{} or the key beside it: {error}; restore the two, or begin again with `pki \
                 init --force`",
                path.display()
            ),
            Self::Unrelated { intermediate, root } => write!(
                f,
                "{} was not signed by {}: restore the two, or begin again with `pki init --force`",
                intermediate.display(),
                root.display()
            ),
            Self::Ended { path, not_after } => write!(
                f,
                "{} ended on {}: make a new authority with `pki init --force`, and give its \
                 ca.pem to every peer",
                path.display(),
                date(*not_after)
            ),
            Self::NotIssued(path) => write!(
                f,
                "{} was not issued by an authority whose key is here: put the key of its authority \
                 beside the authority's certificate",
                path.display()
            ),
            Self::NoCertificate { path, error } => write!(
                f,
                "{}: {error}: name the file of the certificate to revoke",
                path.display()
            ),
            Self::Record { path, what } => write!(
                f,
                "{}: {what}: restore it, as the revocation lists are made from it",
                path.display()
            ),
            Self::Read(path, error) => write!(
                f,
                "{}: cannot be read: {error}: check that it is there and belongs to you",
                path.display()
            ),
            Self::Write(path, error) => write!(
                f,
                "{}: cannot be written: {error}: check the folder's permissions and space",
                path.display()
            ),
            Self::Output(error) => write!(
                f,
                "the files are written, but the report could not be printed: {error}"
            ),
        }
    }
}

impl std::error::Error for PkiError {}
