//! What two directions mean together: the end of the connection and its deadlines.

use crate::fake_leg::{Arrival, Call};
use crate::rig::{Rig, STATES, both_ways, bytes, last, other};
use mtls_persona::base::id::Side;
use mtls_persona::base::reason::CloseReason::{self, HalfCloseIdle, Idle};
use mtls_persona::relay::FlowState::{self, Draining, Ended, Ending, Open, SinkLost};
use mtls_persona::relay::RelayStep::{self, Close, Wait};
use mtls_persona::relay::{Failure, Flush, Truncation, Waiting};

const LOST: CloseReason = CloseReason::SinkLost;

/// What a deadline closes with in each pair of states; final pairs close at once and have the
/// reason of that. Rows are the flow from the inbound leg; both in the order of [`STATES`].
const EXPIRED: [[CloseReason; 5]; 5] = [
    [Idle, Idle, HalfCloseIdle, HalfCloseIdle, LOST],
    [Idle, HalfCloseIdle, HalfCloseIdle, HalfCloseIdle, LOST],
    [
        HalfCloseIdle,
        HalfCloseIdle,
        HalfCloseIdle,
        HalfCloseIdle,
        LOST,
    ],
    [
        HalfCloseIdle,
        HalfCloseIdle,
        HalfCloseIdle,
        HalfCloseIdle,
        LOST,
    ],
    [LOST, LOST, LOST, LOST, LOST],
];

/// A relay whose flows got into these states in one turn, and how that turn went.
fn joined(outward: FlowState, inward: FlowState) -> (Rig, RelayStep) {
    let mut rig = Rig::new(Side::Inbound);
    rig.prepare(Side::Inbound, outward);
    rig.prepare(Side::Outbound, inward);
    let step = rig.turn();
    assert_eq!((rig.state(), rig.other_state()), (outward, inward));
    (rig, step)
}

fn for_all_pairs(test: impl Fn(usize, usize)) {
    for row in 0..STATES.len() {
        (0..STATES.len()).for_each(|column| test(row, column));
    }
}

#[test]
fn ended_and_ended_completes() {
    assert_eq!(joined(Ended, Ended).1, Close(CloseReason::Completed));
}

#[test]
fn a_lost_sink_and_an_ended_flow_close_as_sink_lost() {
    assert_eq!(joined(SinkLost, Ended).1, Close(LOST));
    assert_eq!(joined(Ended, SinkLost).1, Close(LOST));
}

#[test]
fn two_lost_sinks_close_as_sink_lost() {
    assert_eq!(joined(SinkLost, SinkLost).1, Close(LOST));
}

#[test]
fn every_other_pair_of_states_goes_on() {
    let is_final = |state| matches!(state, Ended | SinkLost);
    for_all_pairs(|row, column| {
        let (outward, inward) = (STATES[row], STATES[column]);
        if !is_final(outward) || !is_final(inward) {
            assert_eq!(joined(outward, inward).1, Wait, "{outward:?} {inward:?}");
        }
    });
}

#[test]
fn the_half_close_deadline_runs_unless_both_directions_are_unfinished_and_one_is_open() {
    for_all_pairs(|row, column| {
        let expected = match (row, column) {
            (0, 0) | (0, 1) | (1, 0) => Waiting::Idle,
            _ => Waiting::HalfClosed,
        };
        let (rig, _) = joined(STATES[row], STATES[column]);
        let pair = (STATES[row], STATES[column]);
        assert_eq!(rig.relay.waiting(), expected, "{pair:?}");
    });
}

#[test]
fn an_expired_deadline_closes_each_pair_of_states_with_its_reason() {
    for_all_pairs(|row, column| {
        let (rig, _) = joined(STATES[row], STATES[column]);
        let pair = (STATES[row], STATES[column]);
        assert_eq!(rig.relay.expired(), EXPIRED[row][column], "{pair:?}");
    });
}

#[test]
fn a_new_relay_waits_for_both_directions() {
    let mut rig = Rig::new(Side::Inbound);
    assert_eq!(rig.relay.waiting(), Waiting::Idle);
    assert_eq!(rig.turn(), Wait);
    assert_eq!(rig.relay.expired(), Idle);
}

#[test]
fn an_abort_closes_at_once_whatever_the_other_direction_does() {
    let aborts = [
        (Arrival::Truncated, CloseReason::TlsTruncated),
        (
            Arrival::Failed(CloseReason::TlsBadRecord),
            CloseReason::TlsBadRecord,
        ),
        (Arrival::Reset, CloseReason::SourceReset),
    ];
    both_ways(|source| {
        for (arrival, reason) in aborts.clone() {
            for state in STATES {
                let mut rig = Rig::in_state(other(source), state);
                rig.sink().arrives(arrival.clone());
                assert_eq!(rig.turn(), Close(reason), "{state:?}");
                assert_eq!(rig.source().count(Call::End), 0);
            }
        }
    });
}

#[test]
fn the_leg_that_came_to_its_end_first_is_known_once_both_have() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        assert_eq!(rig.relay.ended_first(), None);
        rig.source().arrives(last(b"all"));
        assert_eq!(rig.turn(), Wait);
        rig.sink().arrives(Arrival::End);
        assert_eq!(rig.turn(), Close(CloseReason::Completed));
        assert_eq!(rig.relay.ended_first(), Some(source));
        assert!(rig.relay.was_mute_since());
    });
}

#[test]
fn bytes_behind_the_first_end_are_known() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        assert!(!rig.relay.was_mute_since());
        rig.source().arrives(last(b"all"));
        assert_eq!(rig.turn(), Wait);
        rig.sink().arrives(last(b"an answer"));
        assert_eq!(rig.turn(), Close(CloseReason::Completed));
        assert!(!rig.relay.was_mute_since());
    });
}

#[test]
fn a_leg_that_failed_has_not_come_to_its_end() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().arrives(Arrival::Reset);
        assert_eq!(rig.turn(), Close(CloseReason::SourceReset));
        assert_eq!(rig.relay.ended_first(), None);
        assert_eq!(rig.relay.culprit(), Some(source));
    });
}

#[test]
fn an_abort_leaves_waiting_bytes_and_ends_of_the_other_direction_alone() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Draining);
        rig.sink().arrives(Arrival::Reset);
        assert_eq!(rig.turn(), Close(CloseReason::SourceReset));
        assert!(rig.no_end_was_given());
        assert_eq!(rig.sink().waiting, b"last");
    });
}

#[test]
fn a_truncated_source_ends_when_the_configuration_takes_it_for_an_end() {
    both_ways(|source| {
        let mut rig = Rig::with_truncation(source, Truncation::End);
        rig.source().arrives(bytes(b"some"));
        rig.source().arrives(Arrival::Truncated);
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ended);
        assert_eq!(rig.sink().delivered, b"some");
        assert!(rig.sink().ended);
        rig.sink().arrives(Arrival::End);
        assert_eq!(rig.turn(), Close(CloseReason::Completed));
    });
}

#[test]
fn taking_a_truncation_for_an_end_forgives_no_reset_and_no_failed_session() {
    both_ways(|source| {
        let mut rig = Rig::with_truncation(source, Truncation::End);
        rig.source().arrives(Arrival::Reset);
        assert_eq!(rig.turn(), Close(CloseReason::SourceReset));
        let mut rig = Rig::with_truncation(source, Truncation::End);
        rig.source()
            .arrives(Arrival::Failed(CloseReason::TlsBadRecord));
        assert_eq!(rig.turn(), Close(CloseReason::TlsBadRecord));
    });
}

#[test]
fn an_answer_still_passes_after_the_question_has_ended() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ended);
        rig.sink().arrives(bytes(b"ans"));
        rig.sink().arrives(last(b"wer"));
        assert_eq!(rig.turn(), Close(CloseReason::Completed));
        assert_eq!(rig.source().delivered, b"answer");
        assert!(rig.source().ended);
    });
}

#[test]
fn an_answer_still_passes_to_a_peer_whose_own_bytes_are_lost() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, SinkLost);
        rig.sink().arrives(last(b"answer"));
        assert_eq!(rig.turn(), Close(LOST));
        assert_eq!(rig.source().delivered, b"answer");
        assert!(rig.source().ended);
    });
}

#[test]
fn a_connection_whose_end_only_is_lost_completes() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ended);
        rig.source().takes_end = Flush::Blocked;
        rig.sink().arrives(last(b"answer"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.other_state(), Ending);
        rig.source().failing = Some(Failure::Reset);
        assert_eq!(rig.turn(), Close(CloseReason::Completed));
    });
}

#[test]
fn a_half_closed_relay_stays_so_while_bytes_move() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ending);
        assert_eq!(rig.relay.waiting(), Waiting::HalfClosed);
        rig.sink().arrives(bytes(b"progress"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!((rig.state(), rig.other_state()), (Ending, Open));
        assert_eq!(rig.relay.waiting(), Waiting::HalfClosed);
    });
}
