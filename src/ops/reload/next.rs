//! The next generation, ready to be served but not serving.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::plan::successors;
use super::stage::Proven;
use crate::base::tally::PairCounters;
use crate::config::Pair;
use crate::conn::{PairId, Served};
use crate::net::{Endpoint, Listener};
use crate::ops::listeners;
use crate::ops::service::Passed;
use crate::reactor::{Gauge, Generation, Post, inherited};

/// A generation, and the listeners that it has in addition to the one before.
pub(in crate::ops) struct Next {
    pub(in crate::ops) generation: Generation,
    pub(in crate::ops) opened: Vec<(Listener, PairId)>,
}

/// A pair whose address cannot be listened on.
#[derive(Debug)]
pub struct ListenError {
    /// The pair's name.
    pub pair: String,
    /// Its address and what the system said.
    pub what: String,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pair {:?}: {}", self.pair, self.what)
    }
}

/// A pair's settings; the same ones as before where nothing has changed.
fn shared(old: Option<&Post>, pair: Pair) -> Arc<Pair> {
    let before = old.map(|old| &old.served.pair);
    match before.filter(|before| ***before == pair) {
        Some(before) => Arc::clone(before),
        None => Arc::new(pair),
    }
}

/// Listeners for a pair, which may be several: those that were passed for it, or else those that a predecessor
/// has left, or else its own; with where that is.
fn open(pair: &Pair, passed: &Passed) -> Result<(Vec<Listener>, Arc<[Endpoint]>), ListenError> {
    let listeners = match passed.has(&pair.name) {
        true => passed.listeners(&pair.name, &inherited(pair)),
        false => match passed.legacy().of_pair(&pair.name) {
            Ok(left) if left.is_empty() => listeners::listen(&pair.inbound, &inherited(pair)),
            left => left,
        },
    };
    let listeners = listeners.and_then(|listeners| {
        let endpoints = listeners.iter().map(Listener::endpoint);
        let endpoints = endpoints.collect::<io::Result<_>>()?;
        Ok((listeners, endpoints))
    });
    listeners.map_err(|error| ListenError {
        pair: pair.name.clone(),
        what: format!("cannot listen on {}: {error}", pair.inbound),
    })
}

impl Next {
    /// What is to be served by so many workers behind `current`, whose pairs go on where they can. A pair
    /// that goes on keeps its listener, and what was counted of it.
    pub(in crate::ops) fn behind(
        current: &Generation,
        proven: Proven,
        (workers, passed): (usize, &Passed),
    ) -> Result<Next, ListenError> {
        let number = current.number + 1;
        let old: Vec<_> = current
            .posts()
            .iter()
            .map(|post| &post.served.pair)
            .map(|pair| (pair.name.as_str(), &pair.inbound))
            .collect();
        passed
            .legacy()
            .settle(&proven.config.pairs, |name| passed.has(name));
        let successors = successors(&old, &proven.config.pairs, |name| passed.has(name));
        let mut posts = Vec::with_capacity(successors.len());
        let mut opened = Vec::new();
        let pairs = proven.config.pairs.into_iter().zip(proven.states);
        for ((pair, (credentials, contents)), old) in pairs.zip(successors) {
            let old = old.and_then(|place| current.posts().get(place));
            let id = match old {
                Some(old) => old.served.id,
                // Each load may number its new pairs: no other load has its number.
                None => PairId {
                    since: number,
                    place: posts.len(),
                },
            };
            if let Some(what) = passed.misfit(&pair) {
                let pair = pair.name;
                return Err(ListenError { pair, what });
            }
            let endpoints = match old {
                Some(old) => Arc::clone(&old.endpoints),
                None => {
                    let (listeners, endpoints) = open(&pair, passed)?;
                    opened.extend(listeners.into_iter().map(|listener| (listener, id)));
                    endpoints
                }
            };
            let limit = pair.connections;
            posts.push(Post {
                endpoints,
                connections: old.map_or_else(
                    || Arc::new(Gauge::new(limit)),
                    |old| Arc::clone(&old.connections),
                ),
                counters: old.map_or_else(
                    || Arc::new(PairCounters::new(workers)),
                    |old| Arc::clone(&old.counters),
                ),
                served: Arc::new(Served {
                    id,
                    generation: number,
                    pair: shared(old, pair),
                    credentials,
                    contents,
                }),
            });
        }
        Ok(Next {
            generation: Generation::new(number, posts),
            opened,
        })
    }
}
