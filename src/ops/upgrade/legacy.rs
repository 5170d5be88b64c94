//! Listening sockets on their way from one process to the next.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::config::{Address, Pair};
use crate::net::{Lent, Listener, inherit};
use crate::ops::reload::successors;

/// What a listening socket is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::ops) enum Title {
    /// The service manager has passed it for the pair of that name.
    Passed(String),
    /// A pair listens with it.
    Pair {
        /// Its name.
        name: String,
        /// Its inbound address, as the configuration has it.
        inbound: String,
    },
    /// The program tells of itself there, by that address of the configuration.
    Admin(String),
}

/// A listening socket, and what it is for.
#[derive(Debug)]
pub(in crate::ops) struct Heirloom {
    pub(in crate::ops) title: Title,
    pub(in crate::ops) lent: Lent,
}

/// What a predecessor has listened with and nobody has taken yet: nothing once the program serves.
#[derive(Debug, Default)]
pub(in crate::ops) struct Legacy(Mutex<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    heirloom: Heirloom,
    /// The pair that goes on with it.
    heir: Option<String>,
}

impl Legacy {
    pub(in crate::ops) fn new(heirlooms: Vec<Heirloom>) -> Legacy {
        let heirlooms = heirlooms.into_iter();
        let entries = heirlooms.map(|heirloom| Entry {
            heirloom,
            heir: None,
        });
        Legacy(Mutex::new(entries.collect()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives each pair what it goes on from, as a reload would; see [`successors`].
    pub(in crate::ops) fn settle(&self, pairs: &[Pair], is_passed: impl Fn(&str) -> bool) {
        let mut entries = self.lock();
        let mut old: Vec<(String, Address)> = entries.iter().filter_map(Entry::pair).collect();
        // A pair may have several.
        old.dedup();
        let known = old.iter().map(|(name, inbound)| (name.as_str(), inbound));
        let places = successors(&known.collect::<Vec<_>>(), pairs, is_passed);
        for entry in entries.iter_mut() {
            let Some(own) = entry.pair() else {
                continue;
            };
            let place = old.iter().position(|old| *old == own);
            let mut heirs = pairs.iter().zip(&places);
            let heir = heirs.find(|(_, wanted)| wanted.is_some() && **wanted == place);
            entry.heir = heir.map(|(pair, _)| pair.name.clone());
        }
    }

    /// What the pair of that name goes on from, to accept by once the program serves.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::ops) fn of_pair(&self, name: &str) -> io::Result<Vec<Listener>> {
        self.take(|entry| entry.heir.as_deref() == Some(name))
    }

    /// The same of an administrative address.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::ops) fn of_admin(&self, address: &Address) -> io::Result<Vec<Listener>> {
        let address = address.to_string();
        self.take(|entry| entry.heirloom.title == Title::Admin(address.clone()))
    }

    fn take(&self, is_meant: impl Fn(&Entry) -> bool) -> io::Result<Vec<Listener>> {
        let mut entries = self.lock();
        let taken = entries.extract_if(.., |entry| is_meant(entry));
        taken.map(|entry| inherit(entry.heirloom.lent)).collect()
    }

    /// Closes what nobody has taken, and tells what had files: it is for the predecessor to remove them, as this
    /// process may be held to other folders.
    pub(in crate::ops) fn close(&self) -> Vec<Title> {
        let entries = std::mem::take(&mut *self.lock());
        let with_files = entries
            .into_iter()
            .filter(|entry| entry.heirloom.lent.file.is_some());
        with_files.map(|entry| entry.heirloom.title).collect()
    }
}

impl Entry {
    /// Name and inbound address of the pair that it was of.
    fn pair(&self) -> Option<(String, Address)> {
        match &self.heirloom.title {
            Title::Pair { name, inbound } => Some((name.clone(), inbound.parse().ok()?)),
            Title::Passed(_) | Title::Admin(_) => None,
        }
    }
}
