//! What is left to do for a connection that is over: the last bytes of a leg.

use std::time::{Duration, Instant};

use mio::event::Event;

use super::leg::Leg;
use super::step::{Step, Turn};
use crate::base::id::Side;
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
    legs: Vec<(Side, Leg, Duty)>,
    deadline: Instant,
}

impl Closing {
    /// Closes the legs that nothing is owed to. `patience` bounds the delivery. None if all are closed.
    pub(super) fn begin(
        legs: impl IntoIterator<Item = (Side, Leg, Duty)>,
        patience: Duration,
        now: Instant,
    ) -> Option<Closing> {
        let mut kept = Vec::new();
        let mut deadline = now + LINGER;
        for (side, leg, duty) in legs {
            match duty {
                Duty::Close => drop(leg),
                Duty::Reset => reset(leg),
                Duty::DeliverThenReset if !leg.has_undelivered() => reset(leg),
                Duty::DeliverThenReset => {
                    deadline = deadline.max(now + patience);
                    kept.push((side, leg, duty));
                }
                Duty::Linger => kept.push((side, leg, duty)),
            }
        }
        let legs = kept;
        (!legs.is_empty()).then_some(Closing { legs, deadline })
    }

    /// Notes what the poller told of a leg.
    pub fn note(&mut self, side: Side, event: &Event) {
        let mut legs = self.legs.iter_mut();
        if let Some((_, leg, _)) = legs.find(|(s, ..)| *s == side) {
            leg.note(event);
        }
    }

    /// Goes on; [`Step::Close`] once nothing is owed any more.
    pub fn turn(&mut self, now: Instant, turn: &mut Turn<'_>) -> Step {
        let is_late = now >= self.deadline;
        let mut index = 0;
        while index < self.legs.len() {
            let (_, leg, duty) = &mut self.legs[index];
            let is_done = match duty {
                Duty::Linger => leg.linger(turn.scratch),
                _ => {
                    leg.flush(turn.scratch);
                    !leg.has_undelivered()
                }
            };
            if is_done || is_late {
                let (_, leg, duty) = self.legs.swap_remove(index);
                if duty == Duty::DeliverThenReset {
                    reset(leg);
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
        let delivers = |(_, _, duty): &(Side, Leg, Duty)| *duty == Duty::DeliverThenReset;
        match self.legs.iter().any(delivers) {
            true => self.deadline.min(now + TICK),
            false => self.deadline,
        }
    }
}

fn reset(leg: Leg) {
    leg.socket().reset_on_close();
}
