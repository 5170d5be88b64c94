//! `mtls-persona pki crl`: revocation lists of the folder's authorities in one file, and the record of what
//! was revoked, from which each new list is made.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::args::CrlArgs;
use super::error::PkiError;
use super::folder::{self, CA, CRL, Folder, INTERMEDIATE, NewFile, REVOKED};
use super::report;
use crate::tls::authority::{Authority, CrlRequest, Revoked, Validity};

/// What was revoked so far.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    /// The number of the last lists.
    number: u64,
    revoked: Vec<Entry>,
}

/// A revoked certificate.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The authority that has issued it, by the stem of its files.
    authority: String,
    /// Its serial number in hexadecimal.
    serial: String,
    /// Its subject, for people.
    pub(super) subject: String,
    /// Since when, Unix time.
    at: i64,
}

/// What was made.
pub(super) struct Made {
    pub(super) number: u64,
    pub(super) validity: Validity,
    /// Who is on the lists.
    pub(super) revoked: Vec<Entry>,
    /// The root's key is not here, and its list is the old one, or there is none.
    pub(super) root_list: RootList,
}

/// What became of the root's list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RootList {
    New,
    Kept,
    Missing,
}

/// An authority whose key is here.
struct Issuer {
    stem: &'static str,
    authority: Authority,
}

/// Revokes what is to be revoked and makes new lists.
pub(super) fn make(folder: &Folder, args: &CrlArgs, now: i64) -> Result<String, PkiError> {
    let issuers = issuers(folder, now)?;
    let mut record = read_record(folder)?;
    for cert in &args.revoke {
        let entry = revoke(folder, &issuers, cert, now)?;
        let is_known =
            |known: &Entry| (&known.authority, &known.serial) == (&entry.authority, &entry.serial);
        if !record.revoked.iter().any(is_known) {
            record.revoked.push(entry);
        }
    }
    record.number = record.number.saturating_add(1);
    let validity = Validity::days(now, args.days);
    let (mut lists, mut root_list) = (String::new(), RootList::New);
    if issuers.iter().all(|issuer| issuer.stem != CA) {
        let kept = old_root_list(folder)?;
        root_list = kept.as_ref().map_or(RootList::Missing, |_| RootList::Kept);
        lists += kept.as_deref().unwrap_or_default();
    }
    for issuer in &issuers {
        lists += &list(issuer, &record, validity)?;
    }
    let text =
        serde_json::to_string_pretty(&record).map_err(|error| unusable(folder, &error))? + "\n";
    let files = [
        // First, so that no list is there whose entries are not on record.
        NewFile::public(REVOKED, text),
        NewFile::certificate(CRL, lists),
    ];
    folder.write(&files, true)?;
    let made = Made {
        number: record.number,
        validity,
        revoked: record.revoked,
        root_list,
    };
    Ok(report::lists(folder, &made))
}

/// The authorities whose keys are here, the root first.
fn issuers(folder: &Folder, now: i64) -> Result<Vec<Issuer>, PkiError> {
    let signing = folder.signing_authority(now)?.authority;
    if !folder.certificate(INTERMEDIATE).exists() {
        return Ok(vec![Issuer {
            stem: CA,
            authority: signing,
        }]);
    }
    let mut issuers = Vec::new();
    if folder.key(CA).exists() {
        issuers.push(Issuer {
            stem: CA,
            authority: folder.authority(CA)?,
        });
    }
    issuers.push(Issuer {
        stem: INTERMEDIATE,
        authority: signing,
    });
    Ok(issuers)
}

fn read_record(folder: &Folder) -> Result<Record, PkiError> {
    let Some(text) = folder.text(REVOKED)? else {
        return Ok(Record::default());
    };
    serde_json::from_str(&text).map_err(|error| unusable(folder, &error))
}

fn unusable(folder: &Folder, error: &serde_json::Error) -> PkiError {
    PkiError::Record {
        path: folder.path().join(REVOKED),
        what: error.to_string(),
    }
}

/// The entry of a certificate: of NAME.pem in the folder, or else of that file.
fn revoke(folder: &Folder, issuers: &[Issuer], cert: &str, now: i64) -> Result<Entry, PkiError> {
    let issued_here = folder.certificate(cert);
    let path = match issued_here.exists() {
        true => issued_here,
        false => PathBuf::from(cert),
    };
    let text = folder::read(&path)?;
    for issuer in issuers {
        let issued = issuer.authority.issued(&text);
        let issued = issued.map_err(|error| PkiError::NoCertificate {
            path: path.clone(),
            error,
        })?;
        if let Some(issued) = issued {
            return Ok(Entry {
                authority: issuer.stem.to_owned(),
                serial: issued.serial,
                subject: issued.subject,
                at: now,
            });
        }
    }
    Err(PkiError::NotIssued(path))
}

fn list(issuer: &Issuer, record: &Record, validity: Validity) -> Result<String, PkiError> {
    let of_issuer = record
        .revoked
        .iter()
        .filter(|entry| entry.authority == issuer.stem);
    let revoked = of_issuer.map(|entry| Revoked {
        serial: entry.serial.clone(),
        at: entry.at,
    });
    let request = CrlRequest {
        revoked: revoked.collect(),
        number: record.number,
        this_update: validity.not_before,
        next_update: Some(validity.not_after),
    };
    Ok(issuer.authority.crl(&request)?)
}

/// The root's list in the old file, which has it first and the intermediate's behind it.
fn old_root_list(folder: &Folder) -> Result<Option<String>, PkiError> {
    const END: &str = "-----END X509 CRL-----\n";
    let text = folder.text(&format!("{CRL}.pem"))?.unwrap_or_default();
    let (first, rest) = text.split_once(END).unwrap_or_default();
    Ok(rest.contains(END).then(|| format!("{first}{END}")))
}
