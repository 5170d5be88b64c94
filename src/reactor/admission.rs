//! How many connections there may be: counters that acceptor and workers share.
//!
//! At a limit nothing is refused: the acceptor stops accepting, and new connections wait in the
//! system's queue until an old one ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::mailbox::Bell;
use crate::base::counters::Counter;
use crate::base::tally::Limit;

/// Counts connections against their limits.
pub struct Admission {
    connections: Gauge,
    handshakes: Gauge,
    workers: Vec<AtomicUsize>,
    /// Times at which the system could not accept. The acceptor writes.
    pub(super) errors: Counter,
    /// The acceptor waits for a place.
    is_awaited: AtomicBool,
    acceptor: Bell,
}

/// A number of connections and its limit.
pub struct Gauge {
    value: AtomicUsize,
    limit: AtomicUsize,
}

impl Gauge {
    /// None so far; `None` is no limit.
    pub fn new(limit: Option<usize>) -> Gauge {
        Gauge {
            value: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit.unwrap_or(usize::MAX)),
        }
    }

    /// Another limit from now on; what is above it stays.
    pub fn set_limit(&self, limit: Option<usize>) {
        self.limit
            .store(limit.unwrap_or(usize::MAX), Ordering::SeqCst);
    }

    fn is_full(&self) -> bool {
        self.value() >= self.limit.load(Ordering::SeqCst)
    }

    /// How many there are.
    pub fn value(&self) -> usize {
        self.value.load(Ordering::SeqCst)
    }

    fn add(&self) {
        self.value.fetch_add(1, Ordering::SeqCst);
    }

    fn remove(&self) {
        self.value.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Admission {
    /// Limits over all pairs and of handshakes under way; `None` is no limit. The acceptor's bell rings
    /// when a place is free that it waited for.
    pub fn new(
        connections: Option<usize>,
        handshakes: Option<usize>,
        workers: usize,
        acceptor: Bell,
    ) -> Admission {
        Admission {
            connections: Gauge::new(connections),
            handshakes: Gauge::new(handshakes),
            workers: (0..workers).map(|_| AtomicUsize::new(0)).collect(),
            errors: Counter::default(),
            is_awaited: AtomicBool::new(false),
            acceptor,
        }
    }

    /// Other limits from now on; what is above them stays.
    pub fn set_limits(&self, connections: Option<usize>, handshakes: Option<usize>) {
        self.connections.set_limit(connections);
        self.handshakes.set_limit(handshakes);
    }

    /// How many connections there may be.
    pub fn limit(&self) -> usize {
        self.connections.limit.load(Ordering::SeqCst)
    }

    /// Connections that live now.
    pub fn connections(&self) -> usize {
        self.connections.value()
    }

    /// Handshakes under way.
    pub fn handshakes(&self) -> usize {
        self.handshakes.value()
    }

    /// Connections of each worker.
    pub fn loads(&self) -> impl Iterator<Item = usize> {
        self.workers.iter().map(|load| load.load(Ordering::Relaxed))
    }

    /// Times at which the system could not accept for want of something.
    pub fn errors(&self) -> u64 {
        self.errors.get()
    }

    /// The limit that keeps the pair from one more connection. The acceptor will be woken when that
    /// may have changed.
    ///
    /// Only pairs that begin with a handshake wait for others' handshakes.
    pub(super) fn full(&self, pair: &Gauge, is_tls: bool) -> Option<Limit> {
        self.look(pair, is_tls)?;
        // Say so first and look again: a place that was freed in between must not go unnoticed.
        self.is_awaited.store(true, Ordering::SeqCst);
        self.look(pair, is_tls)
    }

    fn look(&self, pair: &Gauge, is_tls: bool) -> Option<Limit> {
        if self.connections.is_full() {
            Some(Limit::Connections)
        } else if is_tls && self.handshakes.is_full() {
            Some(Limit::Handshakes)
        } else if pair.is_full() {
            Some(Limit::PairConnections)
        } else {
            None
        }
    }

    /// The worker with the fewest connections.
    pub(super) fn least_loaded(&self) -> usize {
        let least = self.loads().enumerate().min_by_key(|(_, load)| *load);
        least.map_or(0, |(worker, _)| worker)
    }

    fn freed(&self) {
        if self.is_awaited.swap(false, Ordering::SeqCst) {
            self.acceptor.ring();
        }
    }
}

/// One connection's place, given back when dropped.
pub(super) struct Permit {
    admission: Arc<Admission>,
    pair: Arc<Gauge>,
    worker: usize,
    is_handshaking: bool,
}

impl Permit {
    pub(super) fn take(
        admission: &Arc<Admission>,
        pair: &Arc<Gauge>,
        worker: usize,
        is_handshaking: bool,
    ) -> Permit {
        admission.connections.add();
        pair.add();
        admission.workers[worker].fetch_add(1, Ordering::Relaxed);
        if is_handshaking {
            admission.handshakes.add();
        }
        Permit {
            admission: Arc::clone(admission),
            pair: Arc::clone(pair),
            worker,
            is_handshaking,
        }
    }

    /// Tells whether a handshake of the connection is under way.
    pub(super) fn set_handshaking(&mut self, is_handshaking: bool) {
        if self.is_handshaking == is_handshaking {
            return;
        }
        self.is_handshaking = is_handshaking;
        if is_handshaking {
            self.admission.handshakes.add();
        } else {
            self.admission.handshakes.remove();
            self.admission.freed();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.set_handshaking(false);
        self.admission.connections.remove();
        self.pair.remove();
        self.admission.workers[self.worker].fetch_sub(1, Ordering::Relaxed);
        self.admission.freed();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::mailbox::mailbox;
    use super::*;

    fn admission(connections: usize, handshakes: usize) -> Arc<Admission> {
        let poll = mio::Poll::new().unwrap();
        let (acceptor, _) = mailbox::<()>(&poll).unwrap();
        let limits = (Some(connections), Some(handshakes));
        Arc::new(Admission::new(limits.0, limits.1, 2, acceptor.bell()))
    }

    fn gauge(limit: Option<usize>) -> Arc<Gauge> {
        Arc::new(Gauge::new(limit))
    }

    #[test]
    fn a_pair_at_its_limit_leaves_room_for_the_others() {
        let admission = admission(10, 10);
        let (pair, other) = (gauge(Some(1)), gauge(None));
        let permit = Permit::take(&admission, &pair, 0, false);
        assert_eq!(admission.full(&pair, true), Some(Limit::PairConnections));
        assert_eq!(admission.full(&other, true), None);
        drop(permit);
        assert_eq!(admission.full(&pair, true), None);
    }

    #[test]
    fn a_limit_that_is_moved_counts_those_that_are_there() {
        let admission = admission(10, 10);
        let pair = gauge(None);
        let _permits = [0, 1].map(|_| Permit::take(&admission, &pair, 0, false));
        assert_eq!(admission.full(&pair, false), None);
        pair.set_limit(Some(2));
        assert_eq!(admission.full(&pair, false), Some(Limit::PairConnections));
        pair.set_limit(Some(3));
        assert_eq!(admission.full(&pair, false), None);
        admission.set_limits(Some(1), None);
        assert_eq!(admission.full(&pair, false), Some(Limit::Connections));
    }

    #[test]
    fn a_handshake_counts_until_it_is_done() {
        let admission = admission(10, 1);
        let pair = gauge(None);
        let mut permit = Permit::take(&admission, &pair, 0, true);
        assert_eq!(admission.full(&pair, true), Some(Limit::Handshakes));
        assert_eq!(admission.full(&pair, false), None);
        permit.set_handshaking(false);
        assert_eq!(admission.full(&pair, true), None);
    }

    #[test]
    fn the_worker_with_the_fewest_connections_is_next() {
        let admission = admission(10, 10);
        let _first = Permit::take(&admission, &gauge(None), admission.least_loaded(), false);
        assert_eq!(admission.least_loaded(), 1);
    }
}
