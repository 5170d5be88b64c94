//! The pairs as they are served, published together.

use std::collections::HashMap;
use std::sync::Arc;

use super::admission::Gauge;
use crate::base::tally::PairCounters;
use crate::config::Pair;
use crate::conn::{PairId, Served};
use crate::net::{Endpoint, Inherited};

/// Every pair's state, made by one load. Immutable: a reload publishes the next generation by one
/// pointer, and each connection keeps the state that it was accepted with.
pub struct Generation {
    /// Counts the loads, from 1.
    pub number: u64,
    posts: Vec<Post>,
    places: HashMap<PairId, usize>,
}

/// A pair at its post.
#[derive(Clone)]
pub struct Post {
    /// Its state.
    pub served: Arc<Served>,
    /// Where it listens, with the ports that the system chose.
    pub endpoints: Arc<[Endpoint]>,
    /// Its connections, over all of its states.
    pub connections: Arc<Gauge>,
    /// What is counted of it, over all of its states.
    pub counters: Arc<PairCounters>,
}

impl Generation {
    /// Pairs in the order of the configuration.
    pub fn new(number: u64, posts: Vec<Post>) -> Generation {
        let places = posts.iter().enumerate();
        let places = places.map(|(place, post)| (post.served.id, place));
        Generation {
            number,
            places: places.collect(),
            posts,
        }
    }

    /// In the order of the configuration.
    pub fn posts(&self) -> &[Post] {
        &self.posts
    }

    /// The state of a pair, if it is still served.
    pub fn post(&self, id: PairId) -> Option<&Post> {
        self.posts.get(*self.places.get(&id)?)
    }
}

/// What the connections of a pair have from its listener.
pub fn inherited(pair: &Pair) -> Inherited {
    Inherited {
        nodelay: pair.tcp.nodelay,
        keepalive: pair.tcp.keepalive,
        // Whatever becomes of a plain connection, half a stream must not look whole.
        resets_on_close: !pair.mode.inbound_tls(),
    }
}
