//! One direction of a connection.
//!
//! ```text
//!          source end, something queued          flushed            flushed
//!  Open ────────────────────────────────▶ Draining ──────▶ Ending ──────▶ Ended
//!   │  └─ source end, nothing queued ──────────────────────▶ │  └─ sink lost ─▲
//!   └───────── sink lost ──▶ SinkLost ◀── sink lost ── Draining
//! ```
//!
//! | event / state | Open | Draining | Ending | Ended | SinkLost |
//! |---|---|---|---|---|---|
//! | source bytes | queue | – | – | – | – |
//! | source end | Draining, or Ending if nothing is queued | – | – | – | – |
//! | source truncated, failed | abort | – | – | – | – |
//! | source reset | abort | stay | stay | stay | stay |
//! | flushed | stay | Ending | Ended | – | stay |
//! | sink lost | SinkLost | SinkLost | Ended | stay | stay |
//!
//! "–" cannot happen, because the source is read in Open only. After its end everything that the
//! source sent is here and stays valid, whatever becomes of the source: clients that send and close
//! at once are served.

use super::leg::{Fill, Flush, Leg};
use crate::base::reason::CloseReason;
use crate::base::scratch::Scratch;

/// How far a direction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowState {
    /// The source may send.
    Open,
    /// The source ended cleanly; bytes of it still wait for the sink.
    Draining,
    /// The end of stream was handed to the sink and is not flushed yet.
    Ending,
    /// The sink has everything, the end included.
    Ended,
    /// The sink takes no more; the source is not read.
    SinkLost,
}

/// What may happen to a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowEvent {
    /// Bytes came from the source.
    SourceBytes,
    /// The source ended cleanly; `queued` tells whether bytes still wait for the sink.
    SourceEnd {
        /// Bytes of the source wait in the sink.
        queued: bool,
    },
    /// The source went away without an authenticated end.
    SourceTruncated,
    /// The source's TLS session failed.
    SourceFailed(CloseReason),
    /// The source's connection was reset.
    SourceReset,
    /// All bytes that waited for the sink have left.
    Flushed,
    /// The sink takes no more bytes.
    SinkLost,
}

/// What a TLS source that leaves without close_notify means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncation {
    /// Its stream is incomplete: abort.
    Abort,
    /// Its stream ended: for peers that never send close_notify.
    End,
}

/// What one step of a flow did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It can go no further without an event.
    None,
    /// It moved that many bytes or changed its state; it may go further.
    Moved(usize),
}

/// One direction: from a source leg to a sink leg.
#[derive(Debug)]
pub struct Flow {
    state: FlowState,
    bytes: u64,
    truncation: Truncation,
}

impl Flow {
    /// A direction in which nothing has happened yet.
    pub fn new(truncation: Truncation) -> Flow {
        Flow {
            state: FlowState::Open,
            bytes: 0,
            truncation,
        }
    }

    /// How far this direction has come.
    pub fn state(&self) -> FlowState {
        self.state
    }

    /// How many bytes of the source were handed to the sink's leg.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the source is still to be read or its bytes are still to be delivered.
    pub fn is_unfinished(&self) -> bool {
        matches!(self.state, FlowState::Open | FlowState::Draining)
    }

    /// Whether the source came to its clean end before the sink was lost, if it ever is.
    pub(super) fn has_source_ended(&self) -> bool {
        use FlowState::{Draining, Ended, Ending};
        matches!(self.state, Draining | Ending | Ended)
    }

    /// Applies one event: the table of this module. `Err` aborts the whole connection.
    pub fn on(&mut self, event: FlowEvent) -> Result<(), CloseReason> {
        use FlowEvent as E;
        use FlowState::*;
        self.state = match (self.state, event) {
            (Open, E::SourceBytes | E::Flushed) => Open,
            (Open, E::SourceEnd { queued: true }) => Draining,
            (Open, E::SourceEnd { queued: false }) => Ending,
            (Open, E::SourceTruncated) => return Err(CloseReason::TlsTruncated),
            (Open, E::SourceFailed(reason)) => return Err(reason),
            (Open, E::SourceReset) => return Err(CloseReason::SourceReset),
            (state, E::SourceReset) => state,
            (Draining, E::Flushed) => Ending,
            (Ending, E::Flushed) => Ended,
            (Open | Draining, E::SinkLost) => SinkLost,
            (Ending | Ended, E::SinkLost) => Ended,
            (SinkLost, E::SinkLost | E::Flushed) => SinkLost,
            (state, event) => {
                debug_assert!(false, "{event:?} in {state:?}");
                state
            }
        };
        Ok(())
    }

    /// Moves at most one piece, or one state further.
    pub(super) fn step(
        &mut self,
        source: &mut impl Leg,
        sink: &mut impl Leg,
        scratch: &mut Scratch,
    ) -> Result<Progress, CloseReason> {
        if matches!(self.state, FlowState::Ended | FlowState::SinkLost) {
            return Ok(Progress::None);
        }
        // Backpressure is not reading: while anything waits for the sink, the source is left alone.
        match sink.flush(scratch) {
            Flush::Blocked => return Ok(Progress::None),
            Flush::Lost => return self.note(FlowEvent::SinkLost),
            Flush::Done => {}
        }
        match self.state {
            FlowState::Open => self.pass_on(source, sink, scratch),
            FlowState::Draining => {
                self.on(FlowEvent::Flushed)?;
                self.end(sink, scratch)?;
                Ok(Progress::Moved(0))
            }
            _ => {
                self.on(FlowEvent::Flushed)?;
                Ok(Progress::Moved(0))
            }
        }
    }

    fn pass_on(
        &mut self,
        source: &mut impl Leg,
        sink: &mut impl Leg,
        scratch: &mut Scratch,
    ) -> Result<Progress, CloseReason> {
        let (count, ended) = match source.fill(scratch) {
            Fill::Blocked => return Ok(Progress::None),
            Fill::Bytes(count) => (count, false),
            Fill::Last(count) => (count, true),
            Fill::End => (0, true),
            Fill::Truncated if self.truncation == Truncation::End => (0, true),
            Fill::Truncated => return self.note(FlowEvent::SourceTruncated),
            Fill::Failed(reason) => return self.note(FlowEvent::SourceFailed(reason)),
            Fill::Reset => return self.note(FlowEvent::SourceReset),
        };
        let mut queued = false;
        if count > 0 {
            self.on(FlowEvent::SourceBytes)?;
            self.bytes += count as u64;
            match sink.send(scratch) {
                Flush::Lost => self.on(FlowEvent::SinkLost)?,
                Flush::Blocked => queued = true,
                Flush::Done => {}
            }
        }
        if ended && self.state == FlowState::Open {
            self.on(FlowEvent::SourceEnd { queued })?;
            if !queued {
                self.end(sink, scratch)?;
            }
        }
        Ok(Progress::Moved(count))
    }

    fn note(&mut self, event: FlowEvent) -> Result<Progress, CloseReason> {
        self.on(event)?;
        Ok(Progress::Moved(0))
    }

    fn end(&mut self, sink: &mut impl Leg, scratch: &mut Scratch) -> Result<(), CloseReason> {
        match sink.end(scratch) {
            Flush::Done => self.on(FlowEvent::Flushed),
            Flush::Lost => self.on(FlowEvent::SinkLost),
            Flush::Blocked => Ok(()),
        }
    }
}
