//! Failures that were seen without reading or writing, and whom they concern.

use crate::fake_leg::{Arrival, Call};
use crate::rig::{Rig, STATES, both_ways, bytes, last, other};
use mtls_persona::base::reason::CloseReason;
use mtls_persona::relay::FlowState::{Draining, Ended, Ending, Open, SinkLost};
use mtls_persona::relay::RelayStep::{Close, Wait};
use mtls_persona::relay::{Failure, Flush};

#[test]
fn a_reset_leg_loses_the_sink_of_one_flow_and_the_source_of_the_other() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().failing = Some(Failure::Reset);
        assert_eq!(rig.turn(), Close(CloseReason::SourceReset));
        assert_eq!(rig.other_state(), SinkLost);
    });
}

#[test]
fn a_reset_leg_whose_own_flow_is_past_reading_costs_the_other_flow_its_sink_only() {
    both_ways(|source| {
        for state in [Draining, Ending] {
            let mut rig = Rig::in_state(source, state);
            rig.source().failing = Some(Failure::Reset);
            assert_eq!(rig.turn(), Wait);
            assert_eq!((rig.state(), rig.other_state()), (state, SinkLost));
        }
    });
}

#[test]
fn a_leg_that_takes_no_more_costs_only_the_flow_that_feeds_it() {
    both_ways(|source| {
        for state in STATES {
            let lost = match state {
                Open | Draining | SinkLost => SinkLost,
                Ending | Ended => Ended,
            };
            let mut rig = Rig::in_state(source, state);
            rig.sink().failing = Some(Failure::SinkLost);
            assert_eq!(rig.turn(), Wait);
            assert_eq!((rig.state(), rig.other_state()), (lost, Open));
        }
    });
}

#[test]
fn a_leg_that_takes_no_more_is_still_read_to_its_end() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().failing = Some(Failure::SinkLost);
        rig.source().arrives(bytes(b"sent before "));
        assert_eq!(rig.turn(), Wait);
        assert_eq!((rig.state(), rig.other_state()), (Open, SinkLost));
        rig.source().arrives(last(b"it closed"));
        assert_eq!(rig.turn(), Close(CloseReason::SinkLost));
        assert_eq!(rig.sink().delivered, b"sent before it closed");
        assert!(rig.sink().ended);
    });
}

#[test]
fn a_peer_that_sends_and_closes_at_once_is_served() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().arrives(bytes(b"fire "));
        rig.source().arrives(last(b"and forget"));
        rig.source().failing = Some(Failure::SinkLost);
        assert_eq!(rig.turn(), Close(CloseReason::SinkLost));
        assert_eq!(rig.sink().delivered, b"fire and forget");
        assert!(rig.sink().ended);
    });
}

#[test]
fn bytes_that_came_before_a_hinted_reset_are_passed_on_first() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().failing = Some(Failure::Reset);
        rig.source().arrives(bytes(b"before "));
        rig.source().arrives(bytes(b"the reset"));
        assert_eq!(rig.turn(), Close(CloseReason::SourceReset));
        assert_eq!(rig.sink().delivered, b"before the reset");
        assert!(rig.no_end_was_given());
    });
}

#[test]
fn bytes_that_came_before_a_failed_read_are_passed_on_first() {
    both_ways(|source| {
        let ends = [
            Arrival::Reset,
            Arrival::Truncated,
            Arrival::Failed(CloseReason::TlsBadRecord),
        ];
        for end in ends {
            let mut rig = Rig::new(source);
            rig.source().arrives(bytes(b"before"));
            rig.source().arrives(end);
            assert!(matches!(rig.turn(), Close(_)));
            assert_eq!(rig.sink().delivered, b"before");
            assert!(rig.no_end_was_given());
        }
    });
}

#[test]
fn a_truncation_behind_waiting_bytes_is_seen_when_they_have_left() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Blocked;
        rig.source().arrives(bytes(b"before"));
        rig.source().arrives(Arrival::Truncated);
        assert_eq!(rig.turn(), Wait);
        rig.sink().takes = Flush::Done;
        assert_eq!(rig.turn(), Close(CloseReason::TlsTruncated));
        assert_eq!(rig.sink().delivered, b"before");
    });
}

#[test]
fn both_legs_are_asked_for_failures_before_the_relay_waits() {
    both_ways(|source| {
        for state in [Open, Draining, Ending, Ended, SinkLost] {
            let mut rig = Rig::in_state(source, state);
            assert_eq!(rig.turn(), Wait);
            let counts = (
                rig.inbound.count(Call::Failure),
                rig.outbound.count(Call::Failure),
            );
            assert_eq!(counts, (1, 1), "{state:?}");
        }
    });
}

#[test]
fn failures_of_both_legs_in_one_turn_count_both() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().failing = Some(Failure::SinkLost);
        rig.sink().failing = Some(Failure::SinkLost);
        assert_eq!(rig.turn(), Close(CloseReason::SinkLost));
        assert_eq!((rig.state(), rig.other_state()), (SinkLost, SinkLost));
    });
}

#[test]
fn a_reset_after_the_other_sink_was_lost_aborts_nothing_that_is_past_reading() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ended);
        rig.prepare(other(source), Draining);
        assert_eq!(rig.turn(), Wait);
        rig.sink().failing = Some(Failure::Reset);
        assert_eq!(rig.turn(), Wait);
        assert_eq!((rig.state(), rig.other_state()), (Ended, Draining));
        rig.source().takes = Flush::Done;
        rig.source().takes_end = Flush::Done;
        assert_eq!(rig.turn(), Close(CloseReason::Completed));
        assert_eq!(rig.source().delivered, b"last");
    });
}

#[test]
fn a_failure_is_followed_by_what_it_makes_possible_in_the_same_turn() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ended);
        rig.prepare(other(source), Ending);
        assert_eq!(rig.turn(), Wait);
        rig.source().failing = Some(Failure::SinkLost);
        assert_eq!(rig.turn(), Close(CloseReason::Completed));
        assert_eq!((rig.state(), rig.other_state()), (Ended, Ended));
    });
}
