//! The table itself: what one event does to one state.

use mtls_persona::base::reason::CloseReason;
use mtls_persona::relay::FlowEvent::{self, *};
use mtls_persona::relay::FlowState::{self, *};
use mtls_persona::relay::{Flow, Truncation};

const ABORTED: Result<FlowState, CloseReason> = Err(CloseReason::SourceReset);
const TRUNCATED: Result<FlowState, CloseReason> = Err(CloseReason::TlsTruncated);
const FAILED: Result<FlowState, CloseReason> = Err(CloseReason::TlsBadRecord);
const END_QUEUED: FlowEvent = SourceEnd { queued: true };
const END_ALONE: FlowEvent = SourceEnd { queued: false };
const FAILURE: FlowEvent = SourceFailed(CloseReason::TlsBadRecord);

/// A flow that was led to `state` by events.
fn flow_in(state: FlowState) -> Flow {
    let path: &[FlowEvent] = match state {
        Open => &[],
        Draining => &[SourceBytes, END_QUEUED],
        Ending => &[END_ALONE],
        Ended => &[END_ALONE, Flushed],
        FlowState::SinkLost => &[FlowEvent::SinkLost],
    };
    let mut flow = Flow::new(Truncation::Abort);
    for &event in path {
        flow.on(event).unwrap();
    }
    assert_eq!(flow.state(), state);
    flow
}

/// The state that the event leads to, or the reason of the abort.
fn after(event: FlowEvent, state: FlowState) -> Result<FlowState, CloseReason> {
    let mut flow = flow_in(state);
    flow.on(event).map(|()| flow.state())
}

/// One test for each cell; a cell with a text cannot happen, and a debug build says so with it.
macro_rules! cells {
    ($($name:ident: ($event:path, $state:path) => $outcome:tt;)*) => {
        /// The cells that have a test.
        const CELLS: &[(FlowEvent, FlowState)] = &[$(($event, $state)),*];
        $(cell!($name, $event, $state, $outcome);)*
    };
}

macro_rules! cell {
    ($name:ident, $event:path, $state:path, (cannot happen: $message:literal)) => {
        #[test]
        #[cfg_attr(debug_assertions, should_panic(expected = $message))]
        fn $name() {
            assert_eq!(after($event, $state), Ok($state));
        }
    };
    ($name:ident, $event:path, $state:path, ($outcome:expr)) => {
        #[test]
        fn $name() {
            assert_eq!(after($event, $state), $outcome);
        }
    };
}

cells! {
    open_source_bytes_stays: (SourceBytes, Open) => (Ok(Open));
    draining_source_bytes_cannot_happen:
        (SourceBytes, Draining) => (cannot happen: "SourceBytes in Draining");
    ending_source_bytes_cannot_happen:
        (SourceBytes, Ending) => (cannot happen: "SourceBytes in Ending");
    ended_source_bytes_cannot_happen:
        (SourceBytes, Ended) => (cannot happen: "SourceBytes in Ended");
    sink_lost_source_bytes_cannot_happen:
        (SourceBytes, FlowState::SinkLost) => (cannot happen: "SourceBytes in SinkLost");

    open_source_end_behind_queued_bytes_drains: (END_QUEUED, Open) => (Ok(Draining));
    draining_source_end_behind_queued_bytes_cannot_happen:
        (END_QUEUED, Draining) => (cannot happen: "SourceEnd { queued: true } in Draining");
    ending_source_end_behind_queued_bytes_cannot_happen:
        (END_QUEUED, Ending) => (cannot happen: "SourceEnd { queued: true } in Ending");
    ended_source_end_behind_queued_bytes_cannot_happen:
        (END_QUEUED, Ended) => (cannot happen: "SourceEnd { queued: true } in Ended");
    sink_lost_source_end_behind_queued_bytes_cannot_happen:
        (END_QUEUED, FlowState::SinkLost)
        => (cannot happen: "SourceEnd { queued: true } in SinkLost");

    open_source_end_with_nothing_queued_is_ending: (END_ALONE, Open) => (Ok(Ending));
    draining_source_end_with_nothing_queued_cannot_happen:
        (END_ALONE, Draining) => (cannot happen: "SourceEnd { queued: false } in Draining");
    ending_source_end_with_nothing_queued_cannot_happen:
        (END_ALONE, Ending) => (cannot happen: "SourceEnd { queued: false } in Ending");
    ended_source_end_with_nothing_queued_cannot_happen:
        (END_ALONE, Ended) => (cannot happen: "SourceEnd { queued: false } in Ended");
    sink_lost_source_end_with_nothing_queued_cannot_happen:
        (END_ALONE, FlowState::SinkLost)
        => (cannot happen: "SourceEnd { queued: false } in SinkLost");

    open_source_truncated_aborts: (SourceTruncated, Open) => (TRUNCATED);
    draining_source_truncated_cannot_happen:
        (SourceTruncated, Draining) => (cannot happen: "SourceTruncated in Draining");
    ending_source_truncated_cannot_happen:
        (SourceTruncated, Ending) => (cannot happen: "SourceTruncated in Ending");
    ended_source_truncated_cannot_happen:
        (SourceTruncated, Ended) => (cannot happen: "SourceTruncated in Ended");
    sink_lost_source_truncated_cannot_happen:
        (SourceTruncated, FlowState::SinkLost)
        => (cannot happen: "SourceTruncated in SinkLost");

    open_source_failed_aborts_with_its_reason: (FAILURE, Open) => (FAILED);
    draining_source_failed_cannot_happen:
        (FAILURE, Draining) => (cannot happen: "SourceFailed(TlsBadRecord) in Draining");
    ending_source_failed_cannot_happen:
        (FAILURE, Ending) => (cannot happen: "SourceFailed(TlsBadRecord) in Ending");
    ended_source_failed_cannot_happen:
        (FAILURE, Ended) => (cannot happen: "SourceFailed(TlsBadRecord) in Ended");
    sink_lost_source_failed_cannot_happen:
        (FAILURE, FlowState::SinkLost)
        => (cannot happen: "SourceFailed(TlsBadRecord) in SinkLost");

    open_source_reset_aborts: (SourceReset, Open) => (ABORTED);
    draining_source_reset_stays: (SourceReset, Draining) => (Ok(Draining));
    ending_source_reset_stays: (SourceReset, Ending) => (Ok(Ending));
    ended_source_reset_stays: (SourceReset, Ended) => (Ok(Ended));
    sink_lost_source_reset_stays:
        (SourceReset, FlowState::SinkLost) => (Ok(FlowState::SinkLost));

    open_flushed_stays: (Flushed, Open) => (Ok(Open));
    draining_flushed_is_ending: (Flushed, Draining) => (Ok(Ending));
    ending_flushed_has_ended: (Flushed, Ending) => (Ok(Ended));
    ended_flushed_cannot_happen: (Flushed, Ended) => (cannot happen: "Flushed in Ended");
    sink_lost_flushed_stays: (Flushed, FlowState::SinkLost) => (Ok(FlowState::SinkLost));

    open_sink_lost_loses_the_sink:
        (FlowEvent::SinkLost, Open) => (Ok(FlowState::SinkLost));
    draining_sink_lost_loses_the_sink:
        (FlowEvent::SinkLost, Draining) => (Ok(FlowState::SinkLost));
    ending_sink_lost_counts_as_ended: (FlowEvent::SinkLost, Ending) => (Ok(Ended));
    ended_sink_lost_stays: (FlowEvent::SinkLost, Ended) => (Ok(Ended));
    sink_lost_sink_lost_stays:
        (FlowEvent::SinkLost, FlowState::SinkLost) => (Ok(FlowState::SinkLost));
}

#[test]
fn every_cell_has_its_test() {
    let events = [
        SourceBytes,
        END_QUEUED,
        END_ALONE,
        SourceTruncated,
        FAILURE,
        SourceReset,
        Flushed,
        FlowEvent::SinkLost,
    ];
    let states = [Open, Draining, Ending, Ended, FlowState::SinkLost];
    for cell in events.iter().flat_map(|&e| states.map(|s| (e, s))) {
        let tests = CELLS.iter().filter(|&&tested| tested == cell).count();
        assert_eq!(tests, 1, "{cell:?}");
    }
}

#[test]
fn a_new_flow_is_open_and_has_moved_nothing() {
    let flow = Flow::new(Truncation::Abort);
    assert_eq!((flow.state(), flow.bytes()), (Open, 0));
}

#[test]
fn a_flow_is_unfinished_while_its_source_sends_or_its_bytes_wait() {
    let unfinished = |state| flow_in(state).is_unfinished();
    assert!(unfinished(Open) && unfinished(Draining));
    assert!(!unfinished(Ending) && !unfinished(Ended) && !unfinished(FlowState::SinkLost));
}

#[test]
fn a_failed_session_aborts_with_whatever_reason_it_has() {
    for reason in CloseReason::ALL.iter().copied() {
        assert_eq!(after(SourceFailed(reason), Open), Err(reason));
    }
}
