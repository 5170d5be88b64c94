//! Log lines that would come by the thousand.

use std::time::{Duration, Instant};

/// Lets one line through per interval.
pub(super) struct Throttle {
    interval: Duration,
    next: Option<Instant>,
}

impl Throttle {
    /// One line per `interval`.
    pub(super) fn new(interval: Duration) -> Throttle {
        Throttle {
            interval,
            next: None,
        }
    }

    /// Whether a line may be written now.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        let allowed = self.next.is_none_or(|next| now >= next);
        if allowed {
            self.next = Some(now + self.interval);
        }
        allowed
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn one_line_passes_per_interval() {
        let start = Instant::now();
        let mut throttle = Throttle::new(Duration::from_secs(10));
        let passed = (0..100).filter(|s| throttle.allows(start + Duration::from_secs(*s)));
        assert_eq!(passed.count(), 10);
    }
}
