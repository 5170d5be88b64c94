//! What is left to do for a connection that is over: the last bytes of a leg.

use std::time::{Duration, Instant};

use mio::event::Event;

use super::leg::Leg;
use super::step::{Step, Turn};
use crate::base::id::Side;
use crate::base::scratch::Scratch;
use crate::relay::Leg as _;

/// How long a peer gets to read an alert or an answer before its connection is reset.
const LINGER: Duration = Duration::from_secs(2);

/// How often a leg is asked whether its bytes have left.
const TICK: Duration = Duration::from_millis(20);

/// The last duty towards a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// None: it is closed, with FIN.
    Close,
    /// None: it is closed, with RST.
    Reset,
    /// RST, but not before everything that it was given has left this machine.
    DeliverThenReset,
    /// FIN, and then wait until the peer has read what it was sent: closing while the peer's bytes
    /// are unread would reset the connection and destroy an alert on its way.
    Linger,
}

/// The legs of a connection that is over, as far as something is still owed to them.
pub struct Closing {
    legs: Vec<Owed>,
}

/// A leg and what it gets.
struct Owed {
    side: Side,
    leg: Leg,
    duty: Duty,
    /// None if the system itself gives up a peer that takes nothing.
    deadline: Option<Instant>,
}

impl Owed {
    /// `patience` is how long a peer may take nothing of what is delivered to it.
    fn new(side: Side, leg: Leg, duty: Duty, patience: Duration, now: Instant) -> Owed {
        // Only the system sees every byte leave, so that it can tell a slow peer from a stuck one.
        let deadline = match duty {
            Duty::DeliverThenReset if leg.socket().give_up_after(patience) => None,
            Duty::DeliverThenReset => Some(now + patience),
            _ => Some(now + LINGER),
        };
        Owed {
            side,
            leg,
            duty,
            deadline,
        }
    }

    /// Whether nothing is owed any more.
    fn turn(&mut self, now: Instant, scratch: &mut Scratch) -> bool {
        let is_late = self.deadline.is_some_and(|deadline| now >= deadline);
        let is_done = match self.duty {
            Duty::Linger => self.leg.linger(scratch),
            _ => {
                self.leg.flush(scratch);
                !self.leg.has_undelivered()
            }
        };
        is_done || is_late
    }

    fn wake_at(&self, now: Instant) -> Option<Instant> {
        let tick = (self.duty == Duty::DeliverThenReset).then_some(now + TICK);
        self.deadline.into_iter().chain(tick).min()
    }
}

impl Closing {
    /// Closes the legs that nothing is owed to. `patience` is how long a peer may take nothing of what
    /// is delivered to it. None if all are closed.
    pub(super) fn begin(
        legs: impl IntoIterator<Item = (Side, Leg, Duty)>,
        patience: Duration,
        now: Instant,
    ) -> Option<Closing> {
        let mut kept = Vec::new();
        for (side, leg, duty) in legs {
            match duty {
                Duty::Close => drop(leg),
                Duty::Reset => reset(leg),
                Duty::DeliverThenReset if !leg.has_undelivered() => reset(leg),
                _ => kept.push(Owed::new(side, leg, duty, patience, now)),
            }
        }
        let legs = kept;
        (!legs.is_empty()).then_some(Closing { legs })
    }

    /// Notes what the poller told of a leg.
    pub fn note(&mut self, side: Side, event: &Event) {
        if let Some(owed) = self.legs.iter_mut().find(|owed| owed.side == side) {
            owed.leg.note(event);
        }
    }

    /// Goes on; [`Step::Close`] once nothing is owed any more.
    pub fn turn(&mut self, now: Instant, turn: &mut Turn<'_>) -> Step {
        let mut index = 0;
        while index < self.legs.len() {
            if self.legs[index].turn(now, turn.scratch) {
                let owed = self.legs.swap_remove(index);
                if owed.duty == Duty::DeliverThenReset {
                    reset(owed.leg);
                }
            } else {
                index += 1;
            }
        }
        match self.legs.is_empty() {
            true => Step::Close,
            false => Step::Wait,
        }
    }

    /// When to look again, event or not.
    pub fn wake_at(&self, now: Instant) -> Instant {
        let wakes = self.legs.iter().filter_map(|owed| owed.wake_at(now));
        wakes.min().unwrap_or(now)
    }
}

fn reset(leg: Leg) {
    leg.socket().reset_on_close();
}
