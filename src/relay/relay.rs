//! Two flows and the rule that joins them.
//!
//! | condition | outcome |
//! |---|---|
//! | a flow aborts | both legs are closed now, plain ones with a reset |
//! | Ended + Ended | `completed` |
//! | SinkLost + Ended, SinkLost + SinkLost | `sink_lost` |
//! | both flows unfinished, one at least Open | the idle deadline runs |
//! | otherwise | half-closed: the half-close deadline runs, renewed by every byte that moves |
//! | idle expired | abort `idle` |
//! | half-close expired | abort `half_close_idle`; `sink_lost` if a sink was lost |
//!
//! Half-closed holds also when both sources have ended and only our sinks are slow: two peers that
//! have nothing more to say and do not read must not hold a connection for ever.

use super::flow::{Flow, FlowEvent, FlowState, Progress, Truncation};
use super::leg::{Failure, Leg};
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::base::scratch::Scratch;

/// How many bytes a connection moves before others get their turn.
pub const TURN_BYTES: usize = crate::base::scratch::PIECE_BYTES;

/// How many steps a connection takes before others get their turn.
pub const TURN_ROUNDS: usize = 16;

/// What the relay wants after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayStep {
    /// Nothing moves without an event.
    Wait,
    /// The turn's budget is spent; more can move at once.
    Yield,
    /// It is over.
    Close(CloseReason),
}

/// Which deadline runs while nothing moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Both directions are open.
    Idle,
    /// A direction has ended, the connection has not.
    HalfClosed,
}

/// Joins the two directions of a connection.
#[derive(Debug)]
pub struct Relay {
    /// From the inbound leg to the outbound leg.
    outward: Flow,
    /// From the outbound leg to the inbound leg.
    inward: Flow,
    /// Whose stream came to its clean end first.
    ended_first: Option<Side>,
    /// How many bytes the other side had sent by then.
    bytes_at_end: u64,
    /// Whose failure ended it.
    culprit: Option<Side>,
}

impl Relay {
    /// A relay with both directions open.
    pub fn new(truncation: Truncation) -> Relay {
        Relay {
            outward: Flow::new(truncation),
            inward: Flow::new(truncation),
            ended_first: None,
            bytes_at_end: 0,
            culprit: None,
        }
    }

    /// The flow that the leg on `side` feeds.
    pub fn flow_from(&self, side: Side) -> &Flow {
        match side {
            Side::Inbound => &self.outward,
            Side::Outbound => &self.inward,
        }
    }

    /// The leg whose failure aborted the relay, if one did.
    pub fn culprit(&self) -> Option<Side> {
        self.culprit
    }

    /// The leg whose stream was the first to come to its clean end, if one did.
    pub fn ended_first(&self) -> Option<Side> {
        self.ended_first
    }

    /// Whether the side that did not end first has sent nothing since.
    pub fn was_mute_since(&self) -> bool {
        let first = self.ended_first;
        first.is_some_and(|side| self.flow_from(side.other()).bytes() == self.bytes_at_end)
    }

    /// Moves what can be moved, within the budget of a turn.
    pub fn turn(
        &mut self,
        inbound: &mut impl Leg,
        outbound: &mut impl Leg,
        scratch: &mut Scratch,
    ) -> RelayStep {
        let mut bytes = 0;
        for _ in 0..TURN_ROUNDS {
            match self.round(inbound, outbound, scratch) {
                Err(reason) => return RelayStep::Close(reason),
                Ok(Progress::None) => return RelayStep::Wait,
                Ok(Progress::Moved(count)) => bytes += count,
            }
            if let Some(reason) = self.joined() {
                return RelayStep::Close(reason);
            }
            if bytes >= TURN_BYTES {
                break;
            }
        }
        RelayStep::Yield
    }

    fn round(
        &mut self,
        inbound: &mut impl Leg,
        outbound: &mut impl Leg,
        scratch: &mut Scratch,
    ) -> Result<Progress, CloseReason> {
        let outward = self.outward.step(inbound, outbound, scratch);
        let outward = outward.inspect_err(|_| self.culprit = Some(Side::Inbound))?;
        self.look_for_end(Side::Inbound);
        let inward = self.inward.step(outbound, inbound, scratch);
        let inward = inward.inspect_err(|_| self.culprit = Some(Side::Outbound))?;
        self.look_for_end(Side::Outbound);
        match (outward, inward) {
            (Progress::None, Progress::None) => self.failures(inbound, outbound),
            (a, b) => Ok(Progress::Moved(a.bytes() + b.bytes())),
        }
    }

    fn look_for_end(&mut self, side: Side) {
        if self.ended_first.is_none() && self.flow_from(side).has_source_ended() {
            self.ended_first = Some(side);
            self.bytes_at_end = self.flow_from(side.other()).bytes();
        }
    }

    /// Looks for failed legs once nothing moves any more, so that bytes which came before a failure
    /// are passed on first. A leg's failure concerns the flow that it feeds and the one that feeds it.
    fn failures(
        &mut self,
        inbound: &mut impl Leg,
        outbound: &mut impl Leg,
    ) -> Result<Progress, CloseReason> {
        let mut progress = Progress::None;
        for (side, failure) in [
            (Side::Inbound, inbound.failure()),
            (Side::Outbound, outbound.failure()),
        ] {
            let Some(failure) = failure else { continue };
            progress = Progress::Moved(0);
            let (fed, feeding) = match side {
                Side::Inbound => (&mut self.outward, &mut self.inward),
                Side::Outbound => (&mut self.inward, &mut self.outward),
            };
            feeding.on(FlowEvent::SinkLost)?;
            if failure == Failure::Reset {
                let fed = fed.on(FlowEvent::SourceReset);
                fed.inspect_err(|_| self.culprit = Some(side))?;
            }
        }
        Ok(progress)
    }

    fn joined(&self) -> Option<CloseReason> {
        use FlowState::{Ended, SinkLost};
        match (self.outward.state(), self.inward.state()) {
            (Ended, Ended) => Some(CloseReason::Completed),
            (SinkLost, Ended | SinkLost) | (Ended, SinkLost) => Some(CloseReason::SinkLost),
            _ => None,
        }
    }

    /// Which deadline runs.
    pub fn waiting(&self) -> Waiting {
        let is_open = |flow: &Flow| flow.state() == FlowState::Open;
        let both_unfinished = self.outward.is_unfinished() && self.inward.is_unfinished();
        if both_unfinished && (is_open(&self.outward) || is_open(&self.inward)) {
            Waiting::Idle
        } else {
            Waiting::HalfClosed
        }
    }

    /// What to close with when the deadline of [`Relay::waiting`] has expired.
    pub fn expired(&self) -> CloseReason {
        let lost = |flow: &Flow| flow.state() == FlowState::SinkLost;
        match self.waiting() {
            Waiting::Idle => CloseReason::Idle,
            Waiting::HalfClosed if lost(&self.outward) || lost(&self.inward) => {
                CloseReason::SinkLost
            }
            Waiting::HalfClosed => CloseReason::HalfCloseIdle,
        }
    }
}

impl Progress {
    fn bytes(self) -> usize {
        match self {
            Progress::None => 0,
            Progress::Moved(count) => count,
        }
    }
}
