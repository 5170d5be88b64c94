//! When the child is asked to end, and when it is made to.

use std::time::{Duration, Instant};

use signal_hook::consts::{SIGKILL, SIGTERM};

/// From the first time that the child is asked to end.
#[derive(Debug)]
pub(super) struct Farewell {
    grace: Duration,
    is_asked: bool,
    /// When it is made to end, if it was asked to and was not made to yet.
    kill_at: Option<Instant>,
}

impl Farewell {
    /// The child has that long to end once it is asked to.
    pub(super) fn new(grace: Duration) -> Farewell {
        Farewell {
            grace,
            is_asked: false,
            kill_at: None,
        }
    }

    /// A signal that asks for an end has come, and goes on to the child as it is.
    pub(super) fn pass(&mut self, signal: i32, now: Instant) -> i32 {
        // Asked again, it gets no more time.
        if !std::mem::replace(&mut self.is_asked, true) {
            self.kill_at = Some(now + self.grace);
        }
        signal
    }

    /// There is another reason to end: what the child is to be sent, if it was not asked yet.
    pub(super) fn ask(&mut self, now: Instant) -> Option<i32> {
        (!self.is_asked).then(|| self.pass(SIGTERM, now))
    }

    /// Whether the child was asked to end.
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// What the child is to be sent as its time is over, if it is; told once.
    pub(super) fn due(&mut self, now: Instant) -> Option<i32> {
        self.kill_at.take_if(|at| now >= *at).map(|_| SIGKILL)
    }

    /// When to look again, if ever.
    pub(super) fn next(&self) -> Option<Instant> {
        self.kill_at
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "some time to count from")]
mod tests {
    use signal_hook::consts::{SIGHUP, SIGINT};

    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    #[test]
    fn a_signal_goes_on_as_it_is_and_asking_again_gives_no_more_time() {
        let now = Instant::now();
        let mut farewell = Farewell::new(GRACE);
        assert_eq!((farewell.next(), farewell.due(now)), (None, None));
        assert_eq!(farewell.pass(SIGINT, now), SIGINT);
        assert_eq!(farewell.pass(SIGHUP, now + GRACE / 2), SIGHUP);
        assert_eq!(farewell.ask(now + GRACE / 2), None);
        let almost = now + GRACE - Duration::from_millis(1);
        assert_eq!(farewell.due(almost), None);
        assert_eq!(farewell.next(), Some(now + GRACE));
        assert_eq!(farewell.due(now + GRACE), Some(SIGKILL));
        assert_eq!((farewell.next(), farewell.due(now + GRACE)), (None, None));
        assert!(farewell.is_asked());
    }

    #[test]
    fn without_a_signal_the_child_is_asked_once() {
        let now = Instant::now();
        let mut farewell = Farewell::new(GRACE);
        assert!(!farewell.is_asked());
        assert_eq!(farewell.ask(now), Some(SIGTERM));
        assert!(farewell.is_asked());
        assert_eq!(farewell.ask(now), None);
    }
}
