//! What is left to do for a connection that is over: the last bytes of a leg.

use std::time::{Duration, Instant};

use mio::event::Event;

use super::leg::{Leg, Lingering};
use super::step::{Step, Turn};
use crate::base::id::Side;
use crate::relay::Leg as _;

/// How long a peer gets to read an alert or an answer before its connection is reset.
const LINGER: Duration = Duration::from_secs(2);

/// How often a leg is asked whether its bytes have left.
const TICK: Duration = Duration::from_millis(20);

/// The last duty towards a leg. A plain TCP socket resets when it is dropped without more ado, so that
/// nothing that ends this program lets half a stream look whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// None: it is closed, with FIN.
    Close,
    /// None: it is closed; a plain leg with RST.
    Abort,
    /// As `Abort`, but not before everything that it was given has left this machine.
    DeliverThenAbort,
    /// FIN, and then wait a moment until the peer has read what it was sent: closing while the peer's
    /// bytes are unread would reset the connection and destroy an alert on its way.
    Linger,
    /// As `Linger`, for a whole answer on its way: for as long as a half-closed connection may be idle.
    LingerLong,
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
    /// When to look whether its bytes have left, event or not.
    look_at: Option<Instant>,
}

impl Owed {
    /// `patience` is how long a peer may take nothing of what is delivered to it.
    fn new(side: Side, leg: Leg, duty: Duty, patience: Duration, now: Instant) -> Owed {
        let deadline = match duty {
            // Only the system sees every byte leave, so that it can tell a slow peer from a stuck one.
            Duty::DeliverThenAbort if leg.socket().give_up_after(patience) => None,
            Duty::DeliverThenAbort | Duty::LingerLong => Some(now + patience),
            _ => Some(now + LINGER),
        };
        Owed {
            side,
            leg,
            duty,
            deadline,
            look_at: None,
        }
    }

    fn turn(&mut self, now: Instant, turn: &mut Turn<'_>) -> Lingering {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            return Lingering::Over;
        }
        if self.duty != Duty::DeliverThenAbort {
            return self.leg.linger(turn.scratch);
        }
        self.leg.flush(turn.scratch);
        if !self.leg.has_undelivered() {
            return Lingering::Over;
        }
        self.look_at = Some(now + TICK);
        Lingering::Waits
    }

    fn wake_at(&self) -> Option<Instant> {
        self.deadline.into_iter().chain(self.look_at).min()
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
        let mut owed = Vec::new();
        for (side, leg, duty) in legs {
            match duty {
                Duty::Abort => {}
                Duty::DeliverThenAbort if !leg.has_undelivered() => {}
                Duty::Close => leg.end_on_close(),
                Duty::DeliverThenAbort => owed.push(Owed::new(side, leg, duty, patience, now)),
                Duty::Linger | Duty::LingerLong => {
                    leg.end_on_close();
                    owed.push(Owed::new(side, leg, duty, patience, now));
                }
            }
        }
        (!owed.is_empty()).then_some(Closing { legs: owed })
    }

    /// Notes what the poller told of a leg.
    pub fn note(&mut self, side: Side, event: &Event) {
        if let Some(owed) = self.legs.iter_mut().find(|owed| owed.side == side) {
            owed.leg.note(event);
        }
    }

    /// Goes on; [`Step::Close`] once nothing is owed any more.
    pub fn turn(&mut self, now: Instant, turn: &mut Turn<'_>) -> Step {
        let mut has_more = false;
        self.legs.retain_mut(|owed| {
            let progress = owed.turn(now, turn);
            has_more |= progress == Lingering::Goes;
            progress != Lingering::Over
        });
        match (self.legs.is_empty(), has_more) {
            (true, _) => Step::Close,
            (false, true) => Step::Yield,
            (false, false) => Step::Wait,
        }
    }

    /// When to look again, event or not.
    pub fn wake_at(&self) -> Option<Instant> {
        self.legs.iter().filter_map(Owed::wake_at).min()
    }
}
