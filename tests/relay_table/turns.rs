//! Turns: what is asked of the legs, backpressure, and the budget that others wait for.

use crate::fake_leg::{Arrival, Call, FakeLeg};
use crate::rig::{Rig, both_ways, bytes, last, other};
use mtls_persona::base::reason::CloseReason;
use mtls_persona::relay::FlowState::{Draining, Open};
use mtls_persona::relay::RelayStep::{Close, Wait, Yield};
use mtls_persona::relay::{Flush, TURN_BYTES, TURN_ROUNDS};

fn arrives_often(leg: &mut FakeLeg, count: usize, piece: &[u8]) {
    (0..count).for_each(|_| leg.arrives(bytes(piece)));
}

#[test]
fn a_source_is_not_read_while_its_sink_holds_bytes() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Blocked;
        arrives_often(rig.source(), 3, b"piece");
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.source().count(Call::Fill), 1);
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.source().count(Call::Fill), 1);
        assert_eq!(rig.sink().waiting, b"piece");
        rig.sink().takes = Flush::Done;
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.sink().delivered, b"piecepiecepiece");
    });
}

#[test]
fn a_source_is_not_read_while_its_sink_holds_bytes_of_its_own() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Blocked;
        rig.sink().waiting = b"a record of the session".to_vec();
        rig.source().arrives(bytes(b"piece"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.source().count(Call::Fill), 0);
    });
}

#[test]
fn a_blocked_direction_does_not_hold_back_the_other() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Blocked;
        arrives_often(rig.source(), 2, b"to");
        arrives_often(rig.sink(), 2, b"fro");
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.source().delivered, b"frofro");
        assert_eq!(rig.source().arriving.len(), 1);
    });
}

#[test]
fn waiting_bytes_are_offered_again_in_every_turn() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Draining);
        for turn in 1..4 {
            assert_eq!(rig.turn(), Wait);
            assert_eq!(rig.sink().count(Call::Flush), turn);
        }
    });
}

#[test]
fn a_turn_yields_when_its_bytes_are_spent() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        arrives_often(rig.source(), 3, &vec![1; TURN_BYTES]);
        for turn in 1..4 {
            assert_eq!(rig.turn(), Yield);
            assert_eq!(rig.sink().delivered.len(), turn * TURN_BYTES);
        }
        assert_eq!(rig.turn(), Wait);
    });
}

#[test]
fn a_turn_does_not_yield_one_byte_too_early() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().arrives(bytes(&vec![1; TURN_BYTES - 1]));
        assert_eq!(rig.turn(), Wait);
        rig.source().arrives(bytes(&vec![1; TURN_BYTES - 1]));
        rig.source().arrives(bytes(b"1"));
        rig.source().arrives(bytes(b"left for the next turn"));
        assert_eq!(rig.turn(), Yield);
        assert_eq!(rig.source().arriving.len(), 1);
    });
}

#[test]
fn both_directions_draw_on_the_same_bytes() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        arrives_often(rig.source(), 2, &vec![1; TURN_BYTES / 2]);
        arrives_often(rig.sink(), 2, &vec![2; TURN_BYTES / 2]);
        assert_eq!(rig.turn(), Yield);
        assert_eq!(rig.sink().delivered.len(), TURN_BYTES / 2);
        assert_eq!(rig.source().delivered.len(), TURN_BYTES / 2);
    });
}

#[test]
fn a_turn_yields_when_its_rounds_are_spent() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        arrives_often(rig.source(), 2 * TURN_ROUNDS + 1, b"1");
        for turn in 1..3 {
            assert_eq!(rig.turn(), Yield);
            assert_eq!(rig.sink().delivered.len(), turn * TURN_ROUNDS);
        }
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.sink().delivered.len(), 2 * TURN_ROUNDS + 1);
    });
}

#[test]
fn neither_direction_starves_the_other() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        arrives_often(rig.source(), 4, &vec![1; TURN_BYTES]);
        arrives_often(rig.sink(), 4, b"2");
        for turn in 1..5 {
            assert_eq!(rig.turn(), Yield);
            assert_eq!(rig.sink().delivered.len(), turn * TURN_BYTES);
            assert_eq!(rig.source().delivered.len(), turn);
        }
        assert_eq!(rig.turn(), Wait);
    });
}

#[test]
fn both_directions_take_the_same_number_of_rounds() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        arrives_often(rig.source(), 3 * TURN_ROUNDS, b"1");
        arrives_often(rig.sink(), 3 * TURN_ROUNDS, b"2");
        for turn in 1..4 {
            assert_eq!(rig.turn(), Yield);
            assert_eq!(rig.sink().delivered.len(), turn * TURN_ROUNDS);
            assert_eq!(rig.source().delivered.len(), turn * TURN_ROUNDS);
        }
    });
}

#[test]
fn a_turn_whose_budget_is_just_spent_still_tells_that_it_is_over() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().arrives(Arrival::End);
        rig.source().arrives(last(&vec![1; TURN_BYTES]));
        assert_eq!(rig.turn(), Close(CloseReason::Completed));
    });
}

#[test]
fn a_turn_that_cannot_move_touches_no_byte() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        assert_eq!(rig.turn(), Wait);
        assert_eq!((rig.state(), rig.other_state()), (Open, Open));
        for leg in [&rig.inbound, &rig.outbound] {
            assert_eq!(leg.count(Call::Fill), 1);
            assert_eq!(leg.count(Call::Send) + leg.count(Call::End), 0);
        }
    });
}

#[test]
fn bytes_are_counted_in_each_direction_on_its_own() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Blocked;
        rig.source().arrives(bytes(b"seven b"));
        rig.sink().arrives(bytes(b"to"));
        rig.sink().arrives(last(b"fro"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.flow().bytes(), 7);
        let back = rig.relay.flow_from(other(source));
        assert_eq!(back.bytes(), 5);
    });
}
