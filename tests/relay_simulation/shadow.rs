//! The table once more, as data, and what must hold when a relay asks a leg for something.

use mtls_persona::base::reason::CloseReason;
use mtls_persona::relay::FlowState::{self, Draining, Ended, Ending, Open, SinkLost};
use mtls_persona::relay::{Failure, Fill, Flush, TURN_BYTES, Truncation};

/// What happens to a flow, in the order of the table's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    SourceBytes,
    EndBehindQueued,
    EndAlone,
    Truncated,
    Failed,
    Reset,
    Flushed,
    Lost,
}

pub(crate) const EVENTS: [Event; 8] = [
    Event::SourceBytes,
    Event::EndBehindQueued,
    Event::EndAlone,
    Event::Truncated,
    Event::Failed,
    Event::Reset,
    Event::Flushed,
    Event::Lost,
];

pub(crate) const STATES: [FlowState; 5] = [Open, Draining, Ending, Ended, SinkLost];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    To(FlowState),
    Abort,
    Never,
}

use Cell::{Abort, Never, To};

/// Rows in the order of [`EVENTS`], columns in that of [`STATES`].
#[rustfmt::skip]
pub(crate) const TABLE: [[Cell; 5]; 8] = [
    [To(Open),     Never,        Never,      Never,     Never],
    [To(Draining), Never,        Never,      Never,     Never],
    [To(Ending),   Never,        Never,      Never,     Never],
    [Abort,        Never,        Never,      Never,     Never],
    [Abort,        Never,        Never,      Never,     Never],
    [Abort,        To(Draining), To(Ending), To(Ended), To(SinkLost)],
    [To(Open),     To(Ending),   To(Ended),  Never,     To(SinkLost)],
    [To(SinkLost), To(SinkLost), To(Ended),  To(Ended), To(SinkLost)],
];

/// What one flow must be like.
pub(crate) struct ShadowFlow {
    pub(crate) state: FlowState,
    /// How many bytes of the source were handed to the sink's leg.
    pub(crate) handed: usize,
    /// Bytes that were read and must be sent next; whether the end stands right behind them.
    carried: Option<(usize, bool)>,
    /// Whether the end must be handed to the sink next.
    owes_end: bool,
    /// Whether the source ended cleanly.
    pub(crate) source_ended: bool,
    /// Steps in this turn that moved something.
    pub(crate) steps: usize,
    /// Bytes that moved in this turn, and those of them that moved last.
    pub(crate) moved: usize,
    moved_last: usize,
    /// Whether this turn has looked at the flow.
    looked_at: bool,
}

pub(crate) struct Shadow {
    /// The flow that the inbound leg feeds, then the other.
    pub(crate) flows: [ShadowFlow; 2],
    truncation: Truncation,
    pub(crate) aborted: Option<CloseReason>,
    /// How often each cell of the table was met.
    pub(crate) met: [[u64; 5]; 8],
    /// How often each pair of states was the outcome of a turn.
    pub(crate) pairs: [[u64; 5]; 5],
}

impl ShadowFlow {
    fn new() -> ShadowFlow {
        ShadowFlow {
            state: Open,
            handed: 0,
            carried: None,
            owes_end: false,
            source_ended: false,
            steps: 0,
            moved: 0,
            moved_last: 0,
            looked_at: false,
        }
    }
}

impl Shadow {
    pub(crate) fn new(truncation: Truncation) -> Shadow {
        Shadow {
            flows: [ShadowFlow::new(), ShadowFlow::new()],
            truncation,
            aborted: None,
            met: [[0; 5]; 8],
            pairs: [[0; 5]; 5],
        }
    }

    fn apply(&mut self, flow: usize, event: Event, reason: CloseReason) {
        if self.aborted.is_some() {
            return;
        }
        let row = event as usize;
        let column = self.flows[flow].state as usize;
        self.met[row][column] += 1;
        match TABLE[row][column] {
            To(state) => self.flows[flow].state = state,
            Abort => self.aborted = Some(reason),
            Never => panic!("{event:?} in {:?}", self.flows[flow].state),
        }
    }

    fn simple(&mut self, flow: usize, event: Event) {
        self.apply(flow, event, CloseReason::SourceReset);
    }

    fn assert_nothing_is_owed(&self) {
        for flow in &self.flows {
            assert_eq!(flow.carried, None, "bytes were read and not sent");
            assert!(!flow.owes_end, "the end was not handed on");
        }
    }

    /// A read of the source of `flow` is about to happen.
    pub(crate) fn may_fill(&self, flow: usize, sink_holds: bool) {
        assert_eq!(self.aborted, None, "read after an abort");
        self.assert_nothing_is_owed();
        assert_eq!(
            self.flows[flow].state, Open,
            "the source is read in Open only"
        );
        assert!(!sink_holds, "the source is read while its sink holds bytes");
        // The outward flow begins a round; the other one may finish it.
        let [outward, inward] = &self.flows;
        let in_this_round = if flow == 0 { 0 } else { outward.moved_last };
        let moved = outward.moved + inward.moved - in_this_round;
        assert!(
            moved < TURN_BYTES,
            "a round is begun when the budget is spent"
        );
    }

    pub(crate) fn filled(&mut self, flow: usize, fill: Fill) {
        let ends = |fill| match fill {
            Fill::End => true,
            Fill::Truncated => self.truncation == Truncation::End,
            _ => false,
        };
        if fill != Fill::Blocked {
            self.flows[flow].steps += 1;
        }
        match fill {
            Fill::Blocked => {}
            Fill::Bytes(count) | Fill::Last(count) => {
                self.simple(flow, Event::SourceBytes);
                self.flows[flow].carried = Some((count, matches!(fill, Fill::Last(_))));
            }
            fill if ends(fill) => {
                self.simple(flow, Event::EndAlone);
                self.flows[flow].source_ended = true;
                self.flows[flow].owes_end = true;
            }
            Fill::Failed(reason) => self.apply(flow, Event::Failed, reason),
            Fill::Reset => self.simple(flow, Event::Reset),
            _ => self.apply(flow, Event::Truncated, CloseReason::TlsTruncated),
        }
    }

    /// Bytes are about to be sent to the sink of `flow`; `sent` is what its source sends in all.
    pub(crate) fn may_send(&mut self, flow: usize, bytes: &[u8], sent: &[u8]) {
        assert_eq!(self.aborted, None, "sent after an abort");
        let flow = &mut self.flows[flow];
        let count = flow.carried.expect("something was read").0;
        let expected = &sent[flow.handed..flow.handed + count];
        assert!(bytes == expected, "other bytes were sent than were read");
        flow.handed += count;
        flow.moved += count;
        flow.moved_last = count;
    }

    pub(crate) fn sent(&mut self, flow: usize, flush: Flush) {
        let (_, is_last) = self.flows[flow].carried.take().expect("something was read");
        self.flows[flow].source_ended |= is_last;
        match flush {
            Flush::Lost => self.simple(flow, Event::Lost),
            Flush::Blocked if is_last => self.simple(flow, Event::EndBehindQueued),
            Flush::Done if is_last => {
                self.simple(flow, Event::EndAlone);
                self.flows[flow].owes_end = true;
            }
            _ => {}
        }
    }

    /// The sink of `flow` was flushed; `held` tells whether anything had waited in it.
    pub(crate) fn flushed(&mut self, flow: usize, flush: Flush, held: bool) {
        assert_eq!(self.aborted, None, "flushed after an abort");
        self.assert_nothing_is_owed();
        let state = self.flows[flow].state;
        self.flows[flow].looked_at = true;
        match flush {
            Flush::Blocked => return,
            Flush::Lost => self.simple(flow, Event::Lost),
            Flush::Done if held || state != Open => {
                self.simple(flow, Event::Flushed);
                self.flows[flow].owes_end = state == Draining;
            }
            Flush::Done => {}
        }
        if self.flows[flow].state != state {
            self.flows[flow].steps += 1;
        }
    }

    /// The end is about to be handed to the sink of `flow`.
    pub(crate) fn may_end(&mut self, flow: usize, holds: bool, all: usize) {
        assert_eq!(self.aborted, None, "ended after an abort");
        let flow = &mut self.flows[flow];
        assert!(
            std::mem::take(&mut flow.owes_end),
            "an end that nobody asked for"
        );
        assert!(
            flow.source_ended,
            "an end though the source did not end cleanly"
        );
        assert_eq!(flow.handed, all, "an end before the last byte");
        assert!(!holds, "an end while bytes wait");
    }

    pub(crate) fn ended(&mut self, flow: usize, flush: Flush) {
        match flush {
            Flush::Blocked => {}
            Flush::Done => self.simple(flow, Event::Flushed),
            Flush::Lost => self.simple(flow, Event::Lost),
        }
    }

    /// The leg that feeds `flow` told of a failure.
    pub(crate) fn failed(&mut self, flow: usize, failure: Failure) {
        self.flows[flow].steps += 1;
        self.simple(1 - flow, Event::Lost);
        if failure == Failure::Reset {
            self.simple(flow, Event::Reset);
        }
    }

    /// How the connection must end now, if it must.
    pub(crate) fn outcome(&self) -> Option<CloseReason> {
        let states = [self.flows[0].state, self.flows[1].state];
        let is_final = states.iter().all(|state| matches!(state, Ended | SinkLost));
        match self.aborted {
            Some(reason) => Some(reason),
            None if is_final && states.contains(&SinkLost) => Some(CloseReason::SinkLost),
            None if is_final => Some(CloseReason::Completed),
            None => None,
        }
    }

    pub(crate) fn begin_turn(&mut self) {
        for flow in &mut self.flows {
            (flow.steps, flow.moved, flow.moved_last) = (0, 0, 0);
            flow.looked_at = matches!(flow.state, Ended | SinkLost);
        }
    }

    pub(crate) fn end_turn(&mut self) {
        if self.aborted.is_none() {
            self.assert_nothing_is_owed();
            let all = self.flows.iter().all(|flow| flow.looked_at);
            assert!(all, "a direction got no turn");
        }
        let [outward, inward] = [0, 1].map(|flow| self.flows[flow].state as usize);
        self.pairs[outward][inward] += 1;
    }
}
