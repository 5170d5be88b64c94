//! Whether the threads that serve still take messages.

use std::time::{Duration, Instant};

use crate::reactor::RollCall;

/// Nobody is asked more often than this, however many want to know.
const PAUSE: Duration = Duration::from_secs(1);

/// How late an answer may be. A turn takes a small part of it, so that this is for a machine that stands still.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last question to all of them. Each look tells what has become of it: nobody waits for an answer.
#[derive(Default)]
pub(super) struct Pulse {
    asked: Option<(Instant, RollCall)>,
}

impl Pulse {
    /// For how long some thread has not answered, if that is too long. Lets `ask` put the next question to every
    /// thread, if all have answered the last one: a thread that hangs must not gather questions.
    pub(super) fn feel(&mut self, now: Instant, ask: impl FnOnce(RollCall)) -> Option<Duration> {
        if let Some((at, roll)) = &self.asked {
            let since = now.saturating_duration_since(*at);
            if !roll.is_answered() {
                return (since >= PATIENCE).then_some(since);
            }
            if since < PAUSE {
                return None;
            }
        }
        let roll = RollCall::default();
        ask(roll.clone());
        self.asked = Some((now, roll));
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)] // an instant to count from
mod tests {
    use mio::Poll;

    use super::*;
    use crate::reactor::mailbox;

    #[test]
    fn a_thread_that_takes_no_message_is_told_of_until_it_does_and_is_asked_once() {
        let poll = Poll::new().unwrap();
        let (thread, hangs) = mailbox(&poll).unwrap();
        let (start, mut pulse) = (Instant::now(), Pulse::default());
        let mut feel = |at| pulse.feel(start + at, |roll| thread.post(roll));
        assert_eq!(feel(Duration::ZERO), None);
        assert_eq!(feel(PATIENCE - Duration::from_nanos(1)), None);
        assert_eq!(feel(PATIENCE), Some(PATIENCE));
        assert_eq!(feel(10 * PATIENCE), Some(10 * PATIENCE));
        drop(hangs.take().unwrap());
        assert!(hangs.take().is_none(), "it was asked once");
        assert_eq!(feel(11 * PATIENCE), None);
        assert!(hangs.take().is_some(), "and is asked again");
    }

    #[test]
    fn however_many_want_to_know_threads_are_asked_once_a_second() {
        let (start, mut pulse, mut asked) = (Instant::now(), Pulse::default(), 0);
        for tenths in 0..30 {
            let silence = pulse.feel(start + tenths * PAUSE / 10, |_| asked += 1);
            assert_eq!(silence, None);
        }
        assert_eq!(asked, 3);
    }
}
