//! When to tell the service manager that the program is alive.

use std::time::{Duration, Instant};

use crate::reactor::RollCall;

/// Tells it twice in the manager's patience, as long as the threads that serve answer. A thread that
/// hangs is restarted with the program once the patience has passed.
#[derive(Debug)]
pub(super) struct Watchdog {
    half: Duration,
    due_at: Instant,
    asked: RollCall,
}

impl Watchdog {
    /// Of a manager with that patience; the first sign of life is due now.
    pub(super) fn new(patience: Duration, now: Instant) -> Watchdog {
        Watchdog {
            half: patience / 2,
            due_at: now,
            asked: RollCall::default(),
        }
    }

    pub(super) fn due_at(&self) -> Instant {
        self.due_at
    }

    /// A question to every thread, if now is the time to tell that the program is alive. Nobody is asked
    /// again before all have answered: a thread that hangs must not gather questions.
    pub(super) fn tick(&mut self, now: Instant) -> Option<RollCall> {
        if now < self.due_at {
            return None;
        }
        if !self.asked.is_answered() {
            // The rest of the patience is for whoever is merely late.
            self.due_at = now + self.half / 4;
            return None;
        }
        self.due_at = now + self.half;
        self.asked = RollCall::default();
        Some(self.asked.clone())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)] // an instant to count from
mod tests {
    use mio::Poll;

    use super::*;
    use crate::reactor::mailbox;

    const PATIENCE: Duration = Duration::from_secs(8);
    const HALF: Duration = Duration::from_secs(4);

    #[test]
    fn it_is_told_at_once_and_then_at_each_half_of_the_patience() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(PATIENCE, start);
        assert!(watchdog.tick(start).is_some());
        assert!(
            watchdog
                .tick(start + HALF - Duration::from_millis(1))
                .is_none()
        );
        assert!(watchdog.tick(start + HALF).is_some());
        assert_eq!(watchdog.due_at(), start + 2 * HALF);
    }

    #[test]
    fn a_thread_that_takes_no_message_keeps_it_from_being_told_until_it_does() {
        let poll = Poll::new().unwrap();
        let (thread, hangs) = mailbox(&poll).unwrap();
        let start = Instant::now();
        let mut watchdog = Watchdog::new(PATIENCE, start);
        thread.post(watchdog.tick(start).unwrap());
        for quarters in 4..100 {
            assert!(watchdog.tick(start + quarters * HALF / 4).is_none());
        }
        drop(hangs.take());
        assert!(watchdog.tick(start + 100 * HALF / 4).is_some());
        assert!(hangs.take().is_none(), "it was asked once");
    }

    #[test]
    fn a_thread_that_has_ended_is_not_waited_for() {
        let poll = Poll::new().unwrap();
        let (thread, ends) = mailbox(&poll).unwrap();
        let start = Instant::now();
        let mut watchdog = Watchdog::new(PATIENCE, start);
        thread.post(watchdog.tick(start).unwrap());
        drop(ends);
        thread.post(watchdog.tick(start + HALF).unwrap());
        assert!(watchdog.tick(start + 2 * HALF).is_some());
    }
}
