//! What lies in the files that a configuration names.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::credentials::read_bounded;
use crate::config::Pair;
use crate::tls::{CertFacts, ListFacts, PemFile, describe, describe_lists};

/// Every file once, however many pairs name it, in the order in which they are named.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Files of certificates, our own and those of authorities, with what is in them or why that cannot
    /// be told.
    pub certificates: Vec<(PathBuf, Result<Vec<CertFacts>, String>)>,
    /// Files of revocation lists, likewise.
    pub lists: Vec<(PathBuf, Result<Vec<ListFacts>, String>)>,
    /// Files of private keys.
    pub keys: Vec<(PathBuf, io::Result<KeyFile>)>,
}

/// Whose a private key's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// Permissions, the twelve bits of chmod(2).
    pub mode: u32,
    /// The user that it belongs to, by number.
    pub uid: u32,
    /// The group that it belongs to, by number.
    pub gid: u32,
}

/// Looks at every file of certificates, revocation lists and keys that the pairs name.
pub fn inventory<'a>(pairs: impl IntoIterator<Item = &'a Pair>) -> Inventory {
    let mut inventory = Inventory::default();
    let mut seen: HashSet<&Path> = HashSet::new();
    let mut seen_lists: HashSet<&Path> = HashSet::new();
    let mut seen_keys: HashSet<&Path> = HashSet::new();
    for pair in pairs {
        let files = &pair.tls;
        for path in std::iter::once(&files.cert).chain(&files.ca) {
            if seen.insert(path) {
                let facts = read_bounded(path).and_then(|bytes| describe(&bytes));
                inventory.certificates.push((path.clone(), facts));
            }
        }
        for path in &files.revocation.crl {
            if seen_lists.insert(path) {
                inventory.lists.push((path.clone(), lists_in(path)));
            }
        }
        if seen_keys.insert(&files.key) {
            let file = fs::metadata(&files.key).map(|metadata| KeyFile {
                mode: metadata.mode() & 0o7777,
                uid: metadata.uid(),
                gid: metadata.gid(),
            });
            inventory.keys.push((files.key.clone(), file));
        }
    }
    inventory
}

fn lists_in(path: &Path) -> Result<Vec<ListFacts>, String> {
    let bytes = read_bounded(path)?;
    let path = path.display().to_string();
    describe_lists(&PemFile { path, bytes })
}
