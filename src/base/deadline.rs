//! Deadlines: a small array for each connection, and one ordered queue for each worker.
//!
//! The two are joined lazily. Traffic only stores a later instant in the connection's
//! [`Deadlines`]; the queue hears of it when its entry comes due and the worker asks again. One
//! turn of a worker therefore goes:
//!
//! ```text
//! while let Some((key, _)) = queue.pop_due(now)      the entry is gone from the queue:
//!     connection.scheduled = None                        the connection has none now
//!     mark the connection runnable
//! for each connection that ran
//!     deadlines.due(now)                             act on it, and clear or move it
//!     if let Some((at, _)) = deadlines.next()
//!         queue.schedule(key, at, &mut connection.scheduled)
//! when a connection is removed
//!     queue.cancel(key, &mut connection.scheduled)
//! ```
//!
//! The queue is an ordered set and not a binary heap, because a set gives up an entry from its
//! middle. In a heap the superseded entries wait until their time has come: a connection that
//! swings between a near and a far deadline leaves one far entry for each swing, and each closed
//! connection leaves its last one (an idle limit of an hour at a thousand connections a second is
//! millions of dead entries). With the set, at most one entry for each connection is a fact. An
//! insertion costs some 0.15 microseconds more than in a heap, and it happens a few times in a
//! connection's life.

use std::collections::BTreeSet;
use std::time::Instant;

#[cfg(test)]
mod tests;

/// Makes the enum and its list from one text, so that [`Deadlines`] cannot have a slot too few.
macro_rules! deadline_kinds {
    ($($(#[$doc:meta])* $kind:ident,)+) => {
        /// What a connection waits for, each with a limit of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum DeadlineKind {
            $($(#[$doc])* $kind,)+
        }

        impl DeadlineKind {
            /// Every kind, in the order in which equal instants are answered.
            pub const ALL: &'static [DeadlineKind] = &[$(DeadlineKind::$kind,)+];
        }
    };
}

deadline_kinds! {
    /// A TLS handshake, and what a client must say before it is served.
    Handshake,
    /// A name or a route that is being looked up.
    Lookup,
    /// A refusal that is to be told, or a grant that is to be asked for again.
    Grant,
    /// The outbound leg as a whole: one of its addresses must answer until then.
    Connect,
    /// The start of the next address while earlier ones are still being tried.
    Attempt,
    /// No byte in either direction.
    Idle,
    /// One direction has ended, and the other made no progress.
    HalfCloseIdle,
    /// The connection's whole life.
    Lifetime,
    /// The end of its peer's certificate, as far as it is looked ahead.
    PeerExpiry,
    /// The time that a reload leaves it.
    Reload,
    /// The end of a graceful stop.
    Drain,
}

const SLOTS: usize = DeadlineKind::ALL.len();

/// One connection's deadlines: at most one of each kind. Setting and clearing touch no queue.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    at: [Option<Instant>; SLOTS],
}

impl Deadlines {
    /// Arms `kind` for `at`, in place of what it was armed for.
    pub fn set(&mut self, kind: DeadlineKind, at: Instant) {
        self.at[kind as usize] = Some(at);
    }

    /// Disarms `kind`; nothing happens if it was not armed.
    pub fn clear(&mut self, kind: DeadlineKind) {
        self.at[kind as usize] = None;
    }

    /// When `kind` is armed for.
    pub fn get(&self, kind: DeadlineKind) -> Option<Instant> {
        self.at[kind as usize]
    }

    /// The earliest deadline and its kind; of equal ones the kind that [`DeadlineKind::ALL`] names
    /// first. `None` if nothing is armed.
    pub fn next(&self) -> Option<(Instant, DeadlineKind)> {
        let armed = self
            .at
            .iter()
            .zip(DeadlineKind::ALL)
            .filter_map(|(at, kind)| Some(((*at)?, *kind)));
        armed.min_by_key(|(at, _)| *at)
    }

    /// The kind of the earliest deadline, if that is `now` or past. It stays armed: the caller
    /// clears it or sets it anew, or it is due again at once.
    pub fn due(&self, now: Instant) -> Option<DeadlineKind> {
        self.next()
            .and_then(|(at, kind)| (at <= now).then_some(kind))
    }
}

/// A worker's queue of the connections that have a deadline, the earliest first.
///
/// Each connection keeps `scheduled: Option<Instant>`, the instant of its one entry here, and lends
/// it to every call; it is what finds the entry again. The worker sets it to `None` when
/// [`DeadlineQueue::pop_due`] has given the entry out. The entry is never later than the
/// connection's true deadline and may be earlier: a connection that is woken asks its
/// [`Deadlines`] what is due, which may be nothing.
#[derive(Debug)]
pub struct DeadlineQueue<K> {
    entries: BTreeSet<(Instant, K)>,
}

impl<K: Copy + Ord> Default for DeadlineQueue<K> {
    fn default() -> Self {
        DeadlineQueue {
            entries: BTreeSet::new(),
        }
    }
}

impl<K: Copy + Ord> DeadlineQueue<K> {
    /// Sees to it that `key` is woken at `at` or before. Costs one comparison if its entry is early
    /// enough already; otherwise the entry moves forward.
    pub fn schedule(&mut self, key: K, at: Instant, scheduled: &mut Option<Instant>) {
        if scheduled.is_some_and(|earlier| earlier <= at) {
            return;
        }
        self.cancel(key, scheduled);
        self.entries.insert((at, key));
        *scheduled = Some(at);
    }

    /// Takes the entry of `key` out, if it has one: for a connection that is being removed.
    pub fn cancel(&mut self, key: K, scheduled: &mut Option<Instant>) {
        if let Some(at) = scheduled.take() {
            self.entries.remove(&(at, key));
        }
    }

    /// Takes the earliest entry out if that is `now` or past, with the instant it stood at. The
    /// caller sets that connection's `scheduled` to `None`, and schedules it again only after all
    /// due entries are out, lest a deadline that is still due comes round for ever.
    pub fn pop_due(&mut self, now: Instant) -> Option<(K, Instant)> {
        self.next().filter(|at| *at <= now)?;
        self.entries.pop_first().map(|(at, key)| (key, at))
    }

    /// When the next entry is due: how long the worker may sleep. `None` if there is none.
    pub fn next(&self) -> Option<Instant> {
        self.entries.first().map(|(at, _)| *at)
    }
}
