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
    /// A pair of that name listens with it, by that address of its configuration.
    Pair {
        /// The name.
        name: String,
        /// The address, as it is written.
        address: String,
    },
    /// The program tells of itself there.
    Admin {
        /// The address, as it is written.
        address: String,
    },
}

/// A listening socket, and what it is for.
#[derive(Debug)]
pub(in crate::ops) struct Heirloom {
    pub(in crate::ops) title: Title,
    pub(in crate::ops) lent: Lent,
}

/// What a predecessor has listened with and nobody has taken yet: nothing once the program serves.
#[derive(Debug, Default)]
pub(in crate::ops) struct Legacy(Mutex<Vec<Heirloom>>);

impl Legacy {
    pub(in crate::ops) fn new(heirlooms: Vec<Heirloom>) -> Legacy {
        Legacy(Mutex::new(heirlooms))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Heirloom>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives each pair what it goes on from, as a reload would; see [`successors`].
    pub(in crate::ops) fn settle(&self, pairs: &[Pair], is_passed: impl Fn(&str) -> bool) {
        let mut heirlooms = self.lock();
        let mut old: Vec<(String, Address)> = Vec::new();
        for heirloom in heirlooms.iter() {
            if let Title::Pair { name, address } = &heirloom.title
                && let Ok(address) = address.parse()
            {
                old.push((name.clone(), address));
            }
        }
        // Those of one pair stay together.
        old.dedup();
        let known: Vec<_> = old
            .iter()
            .map(|(name, address)| (name.as_str(), address))
            .collect();
        let places = successors(&known, pairs, is_passed);
        let mut heirs: Vec<Option<&str>> = vec![None; old.len()];
        for (pair, place) in pairs.iter().zip(places) {
            if let Some(heir) = place.and_then(|place| heirs.get_mut(place)) {
                *heir = Some(&pair.name);
            }
        }
        for heirloom in heirlooms.iter_mut() {
            if let Title::Pair { name, address } = &mut heirloom.title {
                let is_own =
                    |old: &(String, Address)| old.0 == *name && old.1.to_string() == *address;
                let place = old.iter().position(is_own);
                // A name that no pair has is nobody's.
                let heir = place.and_then(|place| heirs[place]).unwrap_or_default();
                *name = heir.to_owned();
            }
        }
    }

    /// What the pair of that name goes on from, to accept by once the program serves.
    pub(in crate::ops) fn of_pair(&self, wanted: &str) -> io::Result<Vec<Listener>> {
        self.take(|title| matches!(title, Title::Pair { name, .. } if name == wanted))
    }

    /// The same of an administrative address.
    pub(in crate::ops) fn of_admin(&self, wanted: &Address) -> io::Result<Vec<Listener>> {
        let wanted = wanted.to_string();
        self.take(|title| matches!(title, Title::Admin { address } if *address == wanted))
    }

    fn take(&self, is_meant: impl Fn(&Title) -> bool) -> io::Result<Vec<Listener>> {
        let mut heirlooms = self.lock();
        let taken = heirlooms.extract_if(.., |heirloom| is_meant(&heirloom.title));
        taken.map(|heirloom| inherit(heirloom.lent)).collect()
    }

    /// Closes what nobody has taken. Call it when the program serves: up to then it is the predecessor's.
    pub(in crate::ops) fn close(&self) {
        for heirloom in self.lock().drain(..) {
            if let Ok(mut listener) = inherit(heirloom.lent) {
                // The file of a UNIX socket goes with it.
                listener.set_owner(true);
            }
        }
    }
}
