//! A pair as it is served, and what a reload means to the connections of an older state of it.

use std::sync::Arc;

use crate::config::Pair;
use crate::tls::Credentials;

/// A pair's name inside the program: the same in all of its states, and never given to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PairId {
    /// The first load that had it.
    pub since: u64,
    /// Its place in the configuration then.
    pub place: usize,
}

/// What the files of a pair hold, as fingerprints: equal ones hold the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Certificate, key and trust.
    pub identity: u64,
    /// Revocation lists.
    pub lists: u64,
}

/// One state of a pair. Immutable: a reload makes the next state, and each connection keeps what it was
/// accepted with.
pub struct Served {
    /// Whose state it is.
    pub id: PairId,
    /// The load that it is of, counted from 1.
    pub generation: u64,
    /// Its settings.
    pub pair: Arc<Pair>,
    /// Its certificate, key, trust and lists, proven.
    pub credentials: Arc<Credentials>,
    /// What these were made from.
    pub contents: Contents,
}

/// What a newer state of its pair means to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// It is the same.
    Nothing,
    /// Other peers may be admitted than before.
    Peers,
    /// It would be another connection now.
    Whole,
}

impl Concern {
    /// From one state of a pair to a newer one.
    pub fn between(older: &Served, newer: &Served) -> Concern {
        let is_same_identity = older.contents.identity == newer.contents.identity;
        if !is_same_identity || !older.pair.is_same_but_for_peers(&newer.pair) {
            return Concern::Whole;
        }
        match older.pair == newer.pair && older.contents == newer.contents {
            true => Concern::Nothing,
            false => Concern::Peers,
        }
    }
}
