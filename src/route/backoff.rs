//! How long to leave something alone that has failed.

use std::time::Duration;

/// Doubles from failure to failure up to a bound, each time with chance in it, so that many who failed
/// together do not come back together.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// From `first` to `most`.
    pub fn new(first: Duration, most: Duration) -> Backoff {
        Backoff {
            first,
            most,
            next: first,
        }
    }

    /// How long to wait after one more failure: between half of it and all of it, as `chance` has it.
    pub fn failed(&mut self, chance: u32) -> Duration {
        let half = self.next / 2;
        let wait = half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX));
        self.next = (self.next * 2).min(self.most);
        wait
    }

    /// It works again.
    pub fn succeeded(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn waits_double_up_to_a_bound_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(ms(100), ms(1000));
        let waits: Vec<_> = (0..6).map(|_| backoff.failed(u32::MAX)).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000].map(ms));
        backoff.succeeded();
        assert_eq!(backoff.failed(u32::MAX), ms(100));
    }

    #[test]
    fn chance_takes_off_up_to_a_half() {
        for chance in [0, 1, u32::MAX / 3, u32::MAX] {
            let wait = Backoff::new(ms(100), ms(1000)).failed(chance);
            assert!((ms(50)..=ms(100)).contains(&wait), "{wait:?}");
        }
        assert_eq!(Backoff::new(ms(100), ms(1000)).failed(0), ms(50));
    }
}
