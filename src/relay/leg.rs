//! What the relay asks of a leg.

use crate::base::reason::CloseReason;
use crate::base::scratch::Scratch;

/// What a read of a leg found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// This many bytes were added to [`Scratch::plain`]. Zero is progress too: a message of the TLS
    /// protocol was read, or a part of a record.
    Bytes(usize),
    /// As `Bytes`, and the clean end stands right behind them.
    Last(usize),
    /// Nothing now; an event will tell.
    Blocked,
    /// The clean end: FIN on a plain leg, close_notify on a TLS leg.
    End,
    /// A TLS peer went away without close_notify.
    Truncated,
    /// A TLS peer sent an alert or something that could not be authenticated.
    Failed(CloseReason),
    /// The peer reset the connection, or it broke.
    Reset,
}

/// How far bytes got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// The system took everything.
    Done,
    /// Some bytes wait in the leg; an event will tell when to go on.
    Blocked,
    /// The peer takes no more bytes.
    Lost,
}

/// A failure of a leg that was seen without reading from it or writing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The connection is gone in both directions.
    Reset,
    /// The peer takes no more bytes; what it sent before, its end included, can still be read.
    SinkLost,
}

/// One side of a connection as the relay sees it. No method blocks.
///
/// The system tells of a reset once, to whichever call asks first, and reports the end of the stream
/// from then on. A leg remembers it: a reset that a write met first is still [`Fill::Reset`] to the
/// reads after it, never a clean end.
pub trait Leg {
    /// Reads what has arrived, at most one piece, into [`Scratch::plain`], which is empty.
    ///
    /// Records that the session writes meanwhile, such as the answer to a key update, are handed to
    /// the system or wait as sent bytes do: the relay may well not flush this leg afterwards.
    fn fill(&mut self, scratch: &mut Scratch) -> Fill;

    /// Takes all bytes of [`Scratch::plain`] and hands to the system what it takes; the rest waits
    /// in the leg. Called only when nothing waits.
    fn send(&mut self, scratch: &mut Scratch) -> Flush;

    /// Hands waiting bytes to the system.
    fn flush(&mut self, scratch: &mut Scratch) -> Flush;

    /// Queues the end of stream (close_notify on a TLS leg) and flushes. Called once.
    fn end(&mut self, scratch: &mut Scratch) -> Flush;

    /// Tells, once, of a failure that an event hinted at and the socket confirmed.
    fn failure(&mut self) -> Option<Failure>;
}
