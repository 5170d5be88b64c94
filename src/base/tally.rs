//! What is counted of a pair's connections, and of a worker.
//!
//! Each worker counts for itself, so that no two of them write to one place; who asks adds up. A connection
//! finds its place once, when it is accepted.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::counters::{Counter, Distribution, Histogram};
use super::id::Side;
use super::reason::CloseReason;

const REASONS: usize = CloseReason::ALL.len();

/// Ranges of the durations of handshakes.
pub const HANDSHAKE_BOUNDS: &[Duration] = &[
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// Ranges of the durations of connections: from a probe to a database connection of weeks.
pub const CONNECTION_BOUNDS: &[Duration] = &[
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(1800),
    Duration::from_secs(3600),
    Duration::from_secs(6 * 3600),
    Duration::from_secs(24 * 3600),
    Duration::from_secs(7 * 24 * 3600),
];

/// How a peer was judged by an access list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Admitted.
    Allowed,
    /// Named by no rule, and admitted all the same.
    Observed,
    /// Refused.
    Denied,
}

impl Decision {
    /// Every decision, in order.
    pub const ALL: [Decision; 3] = [Decision::Allowed, Decision::Observed, Decision::Denied];

    /// The word for metrics; stable.
    pub fn label(self) -> &'static str {
        match self {
            Decision::Allowed => "allow",
            Decision::Observed => "observe",
            Decision::Denied => "deny",
        }
    }
}

/// A limit at which new connections wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Connections over all pairs.
    Connections,
    /// Handshakes under way.
    Handshakes,
    /// Connections of the pair.
    PairConnections,
}

impl Limit {
    /// Every limit, in order.
    pub const ALL: [Limit; 3] = [
        Limit::Connections,
        Limit::Handshakes,
        Limit::PairConnections,
    ];

    /// The word for metrics; stable.
    pub fn label(self) -> &'static str {
        match self {
            Limit::Connections => "connections",
            Limit::Handshakes => "handshakes",
            Limit::PairConnections => "pair_connections",
        }
    }
}

/// Whether the last connection of a pair that went for its destination has reached it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// None has come so far.
    Untried,
    /// It has.
    Reached,
    /// It has not.
    Failed(CloseReason),
}

/// The newest [`Reach`] of a pair, from whichever worker: it is told once or twice a connection.
#[derive(Debug, Default)]
struct Latest(AtomicUsize);

impl Latest {
    fn set(&self, reach: Reach) {
        let word = match reach {
            Reach::Untried => 0,
            Reach::Reached => 1,
            Reach::Failed(reason) => 2 + reason as usize,
        };
        // Mostly it is what it was: the line stays with all who read it.
        if self.0.load(Ordering::Relaxed) != word {
            self.0.store(word, Ordering::Relaxed);
        }
    }

    fn get(&self) -> Reach {
        match self.0.load(Ordering::Relaxed) {
            0 => Reach::Untried,
            1 => Reach::Reached,
            word => match CloseReason::ALL.get(word - 2) {
                Some(reason) => Reach::Failed(*reason),
                None => Reach::Untried,
            },
        }
    }
}

/// What one worker counts of one pair. What it writes to in every turn has cache lines to itself.
#[derive(Debug)]
#[repr(align(128))]
pub struct Tally {
    latest: Arc<Latest>,
    opened: Counter,
    outward: Counter,
    inward: Counter,
    closed: [Counter; REASONS],
    durations: Histogram,
    /// By leg, full and resumed.
    handshakes: [[Histogram; 2]; 2],
    /// By leg.
    failed_handshakes: [[Counter; REASONS]; 2],
    /// By leg.
    decisions: [[Counter; Decision::ALL.len()]; 2],
}

impl Default for Tally {
    fn default() -> Tally {
        let counters = || std::array::from_fn(|_| Counter::default());
        let handshakes = || std::array::from_fn(|_| Histogram::new(HANDSHAKE_BOUNDS));
        Tally {
            latest: Arc::default(),
            opened: Counter::default(),
            outward: Counter::default(),
            inward: Counter::default(),
            closed: counters(),
            durations: Histogram::new(CONNECTION_BOUNDS),
            handshakes: [handshakes(), handshakes()],
            failed_handshakes: [counters(), counters()],
            decisions: Default::default(),
        }
    }
}

impl Tally {
    /// A connection has begun.
    pub fn opened(&self) {
        self.opened.add(1);
    }

    /// So many bytes have moved from inbound to outbound, and back.
    pub fn moved(&self, outward: u64, inward: u64) {
        self.outward.add(outward);
        self.inward.add(inward);
    }

    /// A handshake is done.
    pub fn secured(&self, side: Side, is_resumed: bool, duration: Duration) {
        self.handshakes[side as usize][usize::from(is_resumed)].note(duration);
    }

    /// A handshake has come to nothing, or its peer tells now that it has.
    pub fn handshake_failed(&self, side: Side, reason: CloseReason) {
        self.failed_handshakes[side as usize][reason as usize].add(1);
    }

    /// A connection has reached the destination, or has not.
    pub fn went(&self, reach: Reach) {
        self.latest.set(reach);
    }

    /// A peer was judged by an access list.
    pub fn judged(&self, side: Side, decision: Decision) {
        self.decisions[side as usize][decision as usize].add(1);
    }

    /// A connection has ended.
    pub fn closed(&self, reason: CloseReason, duration: Duration) {
        self.closed[reason as usize].add(1);
        self.durations.note(duration);
    }
}

/// What is counted of one pair, from its first state to its last.
#[derive(Debug)]
pub struct PairCounters {
    /// By worker; made for those that have had a connection of the pair.
    tallies: Box<[OnceLock<Arc<Tally>>]>,
    latest: Arc<Latest>,
    /// How often a limit was reached. The acceptor writes.
    reached: [Counter; Limit::ALL.len()],
}

impl PairCounters {
    /// For so many workers.
    pub fn new(workers: usize) -> PairCounters {
        PairCounters {
            tallies: (0..workers).map(|_| OnceLock::new()).collect(),
            latest: Arc::default(),
            reached: Default::default(),
        }
    }

    /// Where a worker counts.
    ///
    /// # Panics
    /// If it is not one of those that this was made for.
    pub fn tally(&self, worker: usize) -> Arc<Tally> {
        let tally = self.tallies[worker].get_or_init(|| {
            Arc::new(Tally {
                latest: Arc::clone(&self.latest),
                ..Tally::default()
            })
        });
        Arc::clone(tally)
    }

    /// What became of the last connection that went for the destination.
    pub fn reach(&self) -> Reach {
        self.latest.get()
    }

    /// A limit is reached, and new connections have to wait; told by the acceptor alone.
    pub fn reached(&self, limit: Limit) {
        self.reached[limit as usize].add(1);
    }

    /// Adds what all workers have counted.
    pub fn add_to(&self, sum: &mut PairSum) {
        for tally in self.tallies.iter().filter_map(OnceLock::get) {
            sum.add(tally);
        }
        add_all(&mut sum.reached, &self.reached);
    }
}

/// What was counted of one pair, or of several.
#[derive(Clone, Debug, PartialEq)]
pub struct PairSum {
    /// Connections so far.
    pub opened: u64,
    /// Bytes from inbound to outbound.
    pub outward: u64,
    /// Bytes from outbound to inbound.
    pub inward: u64,
    /// Connections that have ended, by reason.
    pub closed: [u64; REASONS],
    /// How long they were.
    pub durations: Distribution,
    /// Handshakes that are done: by leg, full and resumed.
    pub handshakes: [[Distribution; 2]; 2],
    /// Handshakes that came to nothing: by leg, by reason.
    pub failed_handshakes: [[u64; REASONS]; 2],
    /// Peers that were judged: by leg, by decision.
    pub decisions: [[u64; Decision::ALL.len()]; 2],
    /// How often a limit was reached, by limit.
    pub reached: [u64; Limit::ALL.len()],
}

impl Default for PairSum {
    fn default() -> PairSum {
        let handshakes = || std::array::from_fn(|_| Distribution::new(HANDSHAKE_BOUNDS));
        PairSum {
            opened: 0,
            outward: 0,
            inward: 0,
            closed: [0; REASONS],
            durations: Distribution::new(CONNECTION_BOUNDS),
            handshakes: [handshakes(), handshakes()],
            failed_handshakes: [[0; REASONS]; 2],
            decisions: Default::default(),
            reached: Default::default(),
        }
    }
}

impl PairSum {
    fn add(&mut self, tally: &Tally) {
        // Ends first: one that begins in between must not make fewer than none.
        add_all(&mut self.closed, &tally.closed);
        self.opened += tally.opened.get();
        self.outward += tally.outward.get();
        self.inward += tally.inward.get();
        self.durations.add(&tally.durations);
        for side in [Side::Inbound, Side::Outbound] {
            let side = side as usize;
            let sums = self.handshakes[side].iter_mut();
            for (sum, histogram) in sums.zip(&tally.handshakes[side]) {
                sum.add(histogram);
            }
            let failed = &mut self.failed_handshakes[side];
            add_all(failed, &tally.failed_handshakes[side]);
            add_all(&mut self.decisions[side], &tally.decisions[side]);
        }
    }

    /// Connections that live.
    pub fn active(&self) -> u64 {
        self.opened.saturating_sub(self.closed.iter().sum())
    }
}

fn add_all(sums: &mut [u64], counters: &[Counter]) {
    for (sum, counter) in sums.iter_mut().zip(counters) {
        *sum += counter.get();
    }
}

/// What is counted of one worker.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct WorkerCounters {
    turns: Counter,
    thread: AtomicU32,
}

impl WorkerCounters {
    /// It runs as the thread of that number (gettid(2)).
    pub fn runs_as(&self, thread: u32) {
        self.thread.store(thread, Ordering::Relaxed);
    }

    /// A turn begins.
    pub fn turn(&self) {
        self.turns.add(1);
    }

    /// Turns so far.
    pub fn turns(&self) -> u64 {
        self.turns.get()
    }

    /// The number of its thread; 0 before it runs.
    pub fn thread(&self) -> u32 {
        self.thread.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_workers_count_of_a_pair_is_added_up() {
        let pair = PairCounters::new(3);
        let (first, last) = (pair.tally(0), pair.tally(2));
        for tally in [&first, &last, &pair.tally(2)] {
            tally.opened();
            tally.moved(10, 1);
        }
        first.closed(CloseReason::Idle, Duration::from_secs(2));
        last.closed(CloseReason::Idle, Duration::from_secs(3));
        last.secured(Side::Outbound, true, Duration::from_millis(1));
        last.handshake_failed(Side::Inbound, CloseReason::CertExpired);
        last.judged(Side::Outbound, Decision::Observed);
        pair.reached(Limit::Handshakes);
        let mut sum = PairSum::default();
        pair.add_to(&mut sum);
        assert_eq!((sum.opened, sum.active()), (3, 1));
        assert_eq!((sum.outward, sum.inward), (30, 3));
        assert_eq!(sum.closed[CloseReason::Idle as usize], 2);
        assert_eq!(sum.closed.iter().sum::<u64>(), 2);
        assert_eq!(sum.durations.sum, Duration::from_secs(5));
        let [inbound, outbound] = &sum.handshakes;
        let counts = [inbound, outbound].map(|h| [h[0].count(), h[1].count()]);
        assert_eq!(counts, [[0, 0], [0, 1]]);
        let expired = CloseReason::CertExpired as usize;
        let failed = sum.failed_handshakes.map(|reasons| reasons[expired]);
        assert_eq!(failed, [1, 0]);
        assert_eq!(sum.decisions, [[0, 0, 0], [0, 1, 0]]);
        assert_eq!(sum.reached, [0, 1, 0]);
    }

    #[test]
    fn whoever_went_for_the_destination_last_says_whether_it_is_reached() {
        let pair = PairCounters::new(2);
        assert_eq!(pair.reach(), Reach::Untried);
        let first = CloseReason::ALL.first().copied();
        let last = CloseReason::ALL.last().copied();
        let failures = first.into_iter().chain(last).map(Reach::Failed);
        for (reach, worker) in failures.chain([Reach::Reached]).zip([0, 1, 0]) {
            pair.tally(worker).went(reach);
            assert_eq!(pair.reach(), reach);
        }
    }
}
