//! How many bytes went through each pair in the last minutes.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

/// How long the bytes of one figure are counted.
pub(super) const EVERY: Duration = Duration::from_secs(5);

/// Figures that are kept of each pair: those of five minutes.
const KEPT: usize = 60;

/// Bytes that a pair has carried since it was first served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Carried {
    pub(super) outward: u64,
    pub(super) inward: u64,
}

/// Bytes a second, oldest first, each over as long as the others.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub(super) struct Shown {
    every_ms: u64,
    outward: Vec<u64>,
    inward: Vec<u64>,
}

/// The figures of all pairs.
#[derive(Debug, Default)]
pub(super) struct Rates(HashMap<String, Pair>);

#[derive(Debug, Default)]
struct Pair {
    last: Carried,
    rates: VecDeque<Carried>,
}

impl Rates {
    /// Takes what each pair has carried by now, `elapsed` after the last time. Pairs that are not among
    /// them are forgotten; of a new one, what it has carried so far belongs to no time.
    pub(super) fn take<'a>(
        &mut self,
        elapsed: Duration,
        carried: impl Iterator<Item = (&'a str, Carried)>,
    ) {
        let mut before = std::mem::take(&mut self.0);
        self.0 = carried
            .map(|(name, carried)| {
                let pair = match before.remove_entry(name) {
                    Some((name, mut pair)) => {
                        pair.take(elapsed, carried);
                        return (name, pair);
                    }
                    None => Pair {
                        last: carried,
                        rates: VecDeque::new(),
                    },
                };
                (name.to_owned(), pair)
            })
            .collect();
    }

    /// What is known of a pair.
    pub(super) fn of(&self, name: &str) -> Shown {
        let rates = self.0.get(name).map(|pair| &pair.rates);
        let each = |of: fn(&Carried) -> u64| {
            let rates = rates.into_iter().flatten();
            rates.map(of).collect()
        };
        Shown {
            every_ms: EVERY.as_millis() as u64,
            outward: each(|carried| carried.outward),
            inward: each(|carried| carried.inward),
        }
    }
}

impl Pair {
    fn take(&mut self, elapsed: Duration, carried: Carried) {
        let last = std::mem::replace(&mut self.last, carried);
        let rate = |now: u64, before: u64| {
            // Another pair under the same name begins anew.
            let bytes = now.checked_sub(before).unwrap_or(now);
            (bytes as f64 / elapsed.as_secs_f64().max(0.001)) as u64
        };
        if self.rates.len() == KEPT {
            self.rates.pop_front();
        }
        self.rates.push_back(Carried {
            outward: rate(carried.outward, last.outward),
            inward: rate(carried.inward, last.inward),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(outward: u64, inward: u64) -> Carried {
        Carried { outward, inward }
    }

    fn take(rates: &mut Rates, millis: u64, pairs: &[(&str, Carried)]) {
        rates.take(Duration::from_millis(millis), pairs.iter().copied());
    }

    #[test]
    fn bytes_are_told_by_the_second_whatever_the_time_between() {
        let mut rates = Rates::default();
        take(&mut rates, 5000, &[("a", carried(7000, 9000))]);
        assert!(rates.of("a").outward.is_empty());
        take(&mut rates, 5000, &[("a", carried(12_000, 9000))]);
        take(&mut rates, 10_000, &[("a", carried(12_000, 19_000))]);
        let shown = rates.of("a");
        assert_eq!(
            (shown.outward, shown.inward),
            (vec![1000, 0], vec![0, 1000])
        );
    }

    #[test]
    fn the_last_minutes_are_kept_and_nothing_of_pairs_that_have_gone() {
        let mut rates = Rates::default();
        for count in 0..200 {
            let both = [("a", carried(1000 * count, 0)), ("b", carried(0, 0))];
            take(&mut rates, 1000, &both);
        }
        assert_eq!(rates.of("a").outward, [1000; KEPT]);
        take(&mut rates, 1000, &[("b", carried(0, 0))]);
        assert!(rates.of("a").outward.is_empty());
        assert_eq!(rates.0.len(), 1);
    }

    #[test]
    fn a_pair_that_begins_anew_under_its_name_has_carried_what_it_says() {
        let mut rates = Rates::default();
        take(&mut rates, 1000, &[("a", carried(5000, 0))]);
        take(&mut rates, 1000, &[("a", carried(200, 0))]);
        assert_eq!(rates.of("a").outward, [200]);
    }
}
