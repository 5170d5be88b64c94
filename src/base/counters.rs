//! Figures that one thread writes and any thread may read.
//!
//! Writing is a load, an addition and a store, none of them locked or ordered: what a reader finds may be a
//! moment old, and two figures may be of two moments.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts up, from one thread.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; only ever from one thread.
    pub fn add(&self, count: u64) {
        let sum = self.0.load(Ordering::Relaxed).wrapping_add(count);
        self.0.store(sum, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts up, from any number of threads: for what happens seldom.
#[derive(Debug, Default)]
pub struct SharedCounter(AtomicU64);

impl SharedCounter {
    /// Adds one.
    pub fn add_one(&self) {
        self.add(1);
    }

    /// Adds so many.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How durations are distributed over ranges, from one thread.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Duration],
    /// One for each bound, and one for what is beyond the last.
    counts: Box<[Counter]>,
    sum_micros: Counter,
}

impl Histogram {
    /// Nothing so far. `bounds` are the upper ends of the ranges, included in them, in ascending order.
    pub fn new(bounds: &'static [Duration]) -> Histogram {
        Histogram {
            bounds,
            counts: (0..=bounds.len()).map(|_| Counter::default()).collect(),
            sum_micros: Counter::default(),
        }
    }

    /// Notes one; only ever from one thread.
    pub fn note(&self, duration: Duration) {
        let range = self.bounds.partition_point(|bound| *bound < duration);
        self.counts[range].add(1);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.add(micros);
    }
}

/// What several histograms with the same bounds hold together.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// The upper end of each range, and how many were in it; the last has no end.
    pub ranges: Vec<(Option<Duration>, u64)>,
    /// All durations together.
    pub sum: Duration,
}

impl Distribution {
    /// Of no histogram so far; `bounds` are those of the ones to come.
    pub fn new(bounds: &'static [Duration]) -> Distribution {
        let ends = bounds.iter().copied().map(Some).chain([None]);
        Distribution {
            ranges: ends.map(|end| (end, 0)).collect(),
            sum: Duration::ZERO,
        }
    }

    /// Adds what a histogram holds.
    pub fn add(&mut self, histogram: &Histogram) {
        for ((_, sum), count) in self.ranges.iter_mut().zip(&histogram.counts) {
            *sum += count.get();
        }
        let micros = histogram.sum_micros.get();
        self.sum = self.sum.saturating_add(Duration::from_micros(micros));
    }

    /// Adds what another one of the same bounds holds.
    pub fn merge(&mut self, other: &Distribution) {
        for ((_, sum), (_, count)) in self.ranges.iter_mut().zip(&other.ranges) {
            *sum += count;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: &[Duration] = &[Duration::from_millis(1), Duration::from_secs(1)];

    #[test]
    fn a_bound_belongs_to_the_range_below_it() {
        let (one, other) = (Histogram::new(BOUNDS), Histogram::new(BOUNDS));
        for micros in [0, 1000, 1001, 1_000_000] {
            one.note(Duration::from_micros(micros));
        }
        other.note(Duration::from_micros(1_000_001));
        let mut both = Distribution::new(BOUNDS);
        both.add(&one);
        both.add(&other);
        let [first, second] = [BOUNDS[0], BOUNDS[1]];
        assert_eq!(
            both.ranges,
            [(Some(first), 2), (Some(second), 2), (None, 1)]
        );
        assert_eq!(both.count(), 5);
        assert_eq!(both.sum, Duration::from_micros(2_002_002));
    }
}
