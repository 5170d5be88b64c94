//! What a worker keeps for a connection.

use std::time::Instant;

use mio::event::Event;

use super::admission::Permit;
use crate::base::id::{ConnId, Side};
use crate::conn::{Closing, Connection, Step, Turn};
use crate::route::Seat;

/// A connection in a worker's slab.
pub(super) struct Entry {
    pub(super) id: ConnId,
    pub(super) life: Life,
    /// Its entry in the worker's deadline queue.
    pub(super) scheduled: Option<Instant>,
    /// It stands in a run queue.
    pub(super) is_queued: bool,
    pub(super) permit: Permit,
    /// What it takes of the quotas of its user.
    pub(super) seat: Option<Seat>,
}

/// Alive, or with the last bytes of its legs still to be delivered.
pub(super) enum Life {
    Open(Box<Connection>),
    Closing(Closing),
}

impl Entry {
    pub(super) fn note(&mut self, side: Side, event: &Event) {
        match &mut self.life {
            Life::Open(connection) => connection.note(side, event),
            Life::Closing(closing) => closing.note(side, event),
        }
    }

    pub(super) fn turn(&mut self, now: Instant, turn: &mut Turn<'_>) -> Step {
        match &mut self.life {
            Life::Open(connection) => {
                let step = connection.turn(now, turn);
                self.permit.set_handshaking(connection.is_handshaking());
                step
            }
            Life::Closing(closing) => closing.turn(now, turn),
        }
    }

    /// When to look again, event or not.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        match &self.life {
            Life::Open(connection) => connection.wake_at(),
            Life::Closing(closing) => closing.wake_at(),
        }
    }

    /// Whether its next turn costs as much as hundreds of messages.
    pub(super) fn is_costly(&self) -> bool {
        match &self.life {
            Life::Open(connection) => connection.is_costly(),
            Life::Closing(_) => false,
        }
    }
}
