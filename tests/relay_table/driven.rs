//! The cells of the table as a relay meets them.

use crate::fake_leg::{Arrival, Call};
use crate::rig::{Rig, both_ways, bytes, last};
use mtls_persona::base::reason::CloseReason;
use mtls_persona::relay::FlowState::{self, Draining, Ended, Ending, Open, SinkLost};
use mtls_persona::relay::RelayStep::{Close, Wait};
use mtls_persona::relay::{Failure, Flush};

/// In `state` the source is left alone, whatever has arrived from it.
fn is_not_read(state: FlowState, arrival: Arrival) {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, state);
        rig.source().arrives(arrival.clone());
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), state);
        assert_eq!(rig.source().count(Call::Fill), 0);
        assert_eq!(rig.source().arriving.len(), 1);
    });
}

#[test]
fn open_source_bytes_queues_them() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Blocked;
        rig.source().arrives(bytes(b"some"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Open);
        assert_eq!(rig.sink().waiting, b"some");
        assert_eq!(rig.flow().bytes(), 4);
    });
}

#[test]
fn open_source_bytes_are_delivered_at_once_to_a_sink_that_takes_them() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().arrives(bytes(b"some "));
        rig.source().arrives(bytes(b"more"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Open);
        assert_eq!(rig.sink().delivered, b"some more");
        assert_eq!(rig.flow().bytes(), 9);
    });
}

#[test]
fn open_source_end_behind_queued_bytes_is_draining() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Blocked;
        rig.source().arrives(last(b"some"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Draining);
        assert_eq!(rig.sink().waiting, b"some");
        assert!(rig.no_end_was_given());
    });
}

#[test]
fn open_source_end_with_nothing_queued_is_ending() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes_end = Flush::Blocked;
        rig.source().arrives(Arrival::End);
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ending);
        assert_eq!(rig.sink().count(Call::End), 1);
    });
}

#[test]
fn open_source_end_behind_delivered_bytes_is_ending() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes_end = Flush::Blocked;
        rig.source().arrives(last(b"some"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ending);
        assert_eq!(rig.sink().delivered, b"some");
        assert_eq!(rig.sink().count(Call::End), 1);
    });
}

#[test]
fn open_source_end_has_ended_at_once_with_a_sink_that_takes_it() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().arrives(Arrival::End);
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ended);
        assert!(rig.sink().ended);
    });
}

#[test]
fn open_source_end_that_the_sink_does_not_take_has_ended_too() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes_end = Flush::Lost;
        rig.source().arrives(last(b"some"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ended);
        assert_eq!(rig.sink().delivered, b"some");
        assert_eq!(rig.sink().count(Call::Flush), 1, "flushed a lost sink");
    });
}

#[test]
fn open_source_truncated_aborts() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().arrives(Arrival::Truncated);
        assert_eq!(rig.turn(), Close(CloseReason::TlsTruncated));
        assert!(rig.no_end_was_given());
    });
}

#[test]
fn open_source_failed_aborts_with_its_reason() {
    both_ways(|source| {
        for reason in [CloseReason::TlsBadRecord, CloseReason::CertificateRefused] {
            let mut rig = Rig::new(source);
            rig.source().arrives(Arrival::Failed(reason));
            assert_eq!(rig.turn(), Close(reason));
            assert!(rig.no_end_was_given());
        }
    });
}

#[test]
fn open_source_reset_on_reading_aborts() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().arrives(Arrival::Reset);
        assert_eq!(rig.turn(), Close(CloseReason::SourceReset));
        assert!(rig.no_end_was_given());
    });
}

#[test]
fn open_source_reset_by_a_hint_aborts() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.source().failing = Some(Failure::Reset);
        assert_eq!(rig.turn(), Close(CloseReason::SourceReset));
        assert!(rig.no_end_was_given());
    });
}

#[test]
fn open_flushed_stays_and_reads_on() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Blocked;
        rig.source().arrives(bytes(b"some "));
        rig.source().arrives(bytes(b"more"));
        assert_eq!(rig.turn(), Wait);
        rig.sink().takes = Flush::Done;
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Open);
        assert_eq!(rig.sink().delivered, b"some more");
        assert!(rig.no_end_was_given());
    });
}

#[test]
fn open_sink_lost_on_sending_loses_the_sink() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Lost;
        rig.source().arrives(bytes(b"some"));
        rig.source().arrives(bytes(b"more"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), SinkLost);
        assert_eq!(rig.source().arriving.len(), 1);
    });
}

#[test]
fn open_sink_lost_on_sending_the_last_bytes_loses_the_sink_without_an_end() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Lost;
        rig.source().arrives(last(b"some"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), SinkLost);
        assert!(rig.no_end_was_given());
    });
}

#[test]
fn open_sink_lost_on_flushing_loses_the_sink() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().takes = Flush::Blocked;
        rig.source().arrives(bytes(b"some"));
        rig.source().arrives(bytes(b"more"));
        assert_eq!(rig.turn(), Wait);
        rig.sink().takes = Flush::Lost;
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), SinkLost);
        assert_eq!(rig.source().arriving.len(), 1);
    });
}

#[test]
fn open_sink_lost_by_a_hint_loses_the_sink() {
    both_ways(|source| {
        let mut rig = Rig::new(source);
        rig.sink().failing = Some(Failure::SinkLost);
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), SinkLost);
    });
}

#[test]
fn draining_source_bytes_are_not_read() {
    is_not_read(Draining, bytes(b"late"));
}

#[test]
fn draining_source_end_is_not_read() {
    is_not_read(Draining, Arrival::End);
}

#[test]
fn draining_source_truncated_is_not_read() {
    is_not_read(Draining, Arrival::Truncated);
}

#[test]
fn draining_source_failed_is_not_read() {
    is_not_read(Draining, Arrival::Failed(CloseReason::TlsBadRecord));
}

#[test]
fn draining_source_reset_is_not_read() {
    is_not_read(Draining, Arrival::Reset);
}

#[test]
fn draining_source_reset_by_a_hint_stays_and_everything_is_delivered() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Draining);
        rig.source().failing = Some(Failure::Reset);
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Draining);
        rig.sink().takes = Flush::Done;
        rig.sink().takes_end = Flush::Done;
        assert_eq!(rig.turn(), Close(CloseReason::SinkLost));
        assert_eq!(rig.state(), Ended);
        assert_eq!(rig.sink().delivered, b"last");
        assert!(rig.sink().ended);
    });
}

#[test]
fn draining_flushed_hands_on_the_end() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Draining);
        rig.sink().takes = Flush::Done;
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ending);
        assert_eq!(rig.sink().delivered, b"last");
        assert_eq!(rig.sink().count(Call::End), 1);
    });
}

#[test]
fn draining_flushed_has_ended_with_a_sink_that_takes_the_end() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Draining);
        rig.sink().takes = Flush::Done;
        rig.sink().takes_end = Flush::Done;
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ended);
        assert_eq!(rig.sink().delivered, b"last");
        assert!(rig.sink().ended);
    });
}

#[test]
fn draining_sink_lost_on_flushing_loses_the_sink() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Draining);
        rig.sink().takes = Flush::Lost;
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), SinkLost);
        assert!(rig.no_end_was_given());
    });
}

#[test]
fn draining_sink_lost_by_a_hint_loses_the_sink() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Draining);
        rig.sink().failing = Some(Failure::SinkLost);
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), SinkLost);
        assert!(rig.no_end_was_given());
    });
}

#[test]
fn ending_source_bytes_are_not_read() {
    is_not_read(Ending, bytes(b"late"));
}

#[test]
fn ending_source_end_is_not_read() {
    is_not_read(Ending, Arrival::End);
}

#[test]
fn ending_source_truncated_is_not_read() {
    is_not_read(Ending, Arrival::Truncated);
}

#[test]
fn ending_source_failed_is_not_read() {
    is_not_read(Ending, Arrival::Failed(CloseReason::TlsBadRecord));
}

#[test]
fn ending_source_reset_is_not_read() {
    is_not_read(Ending, Arrival::Reset);
}

#[test]
fn ending_source_reset_by_a_hint_stays_and_the_end_is_delivered() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ending);
        rig.source().failing = Some(Failure::Reset);
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ending);
        rig.sink().takes_end = Flush::Done;
        assert_eq!(rig.turn(), Close(CloseReason::SinkLost));
        assert_eq!(rig.state(), Ended);
        assert!(rig.sink().ended);
    });
}

#[test]
fn ending_flushed_has_ended() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ending);
        rig.sink().takes_end = Flush::Done;
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ended);
        assert!(rig.sink().ended);
        assert_eq!(
            rig.sink().count(Call::End),
            0,
            "the end was handed on twice"
        );
    });
}

#[test]
fn ending_sink_lost_on_flushing_counts_as_ended() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ending);
        rig.sink().takes_end = Flush::Lost;
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ended);
    });
}

#[test]
fn ending_sink_lost_by_a_hint_counts_as_ended() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ending);
        rig.sink().failing = Some(Failure::SinkLost);
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ended);
    });
}

#[test]
fn ended_source_bytes_are_not_read() {
    is_not_read(Ended, bytes(b"late"));
}

#[test]
fn ended_source_end_is_not_read() {
    is_not_read(Ended, Arrival::End);
}

#[test]
fn ended_source_truncated_is_not_read() {
    is_not_read(Ended, Arrival::Truncated);
}

#[test]
fn ended_source_failed_is_not_read() {
    is_not_read(Ended, Arrival::Failed(CloseReason::TlsBadRecord));
}

#[test]
fn ended_source_reset_is_not_read() {
    is_not_read(Ended, Arrival::Reset);
}

#[test]
fn ended_source_reset_by_a_hint_stays() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ended);
        rig.source().failing = Some(Failure::Reset);
        assert_eq!(rig.turn(), Close(CloseReason::SinkLost));
        assert_eq!((rig.state(), rig.other_state()), (Ended, SinkLost));
    });
}

#[test]
fn ended_is_flushed_no_more() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ended);
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), Ended);
        assert_eq!(rig.sink().count(Call::Flush), 0);
    });
}

#[test]
fn ended_sink_lost_by_a_hint_stays() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, Ended);
        rig.sink().failing = Some(Failure::SinkLost);
        assert_eq!(rig.turn(), Wait);
        assert_eq!((rig.state(), rig.other_state()), (Ended, Open));
    });
}

#[test]
fn sink_lost_source_bytes_are_not_read() {
    is_not_read(SinkLost, bytes(b"late"));
}

#[test]
fn sink_lost_source_end_is_not_read() {
    is_not_read(SinkLost, Arrival::End);
}

#[test]
fn sink_lost_source_truncated_is_not_read() {
    is_not_read(SinkLost, Arrival::Truncated);
}

#[test]
fn sink_lost_source_failed_is_not_read() {
    is_not_read(SinkLost, Arrival::Failed(CloseReason::TlsBadRecord));
}

#[test]
fn sink_lost_source_reset_is_not_read() {
    is_not_read(SinkLost, Arrival::Reset);
}

#[test]
fn sink_lost_source_reset_by_a_hint_stays() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, SinkLost);
        rig.source().failing = Some(Failure::Reset);
        assert_eq!(rig.turn(), Close(CloseReason::SinkLost));
        assert_eq!((rig.state(), rig.other_state()), (SinkLost, SinkLost));
    });
}

#[test]
fn sink_lost_stays_when_its_sink_would_take_bytes_again() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, SinkLost);
        rig.sink().takes = Flush::Done;
        rig.source().arrives(bytes(b"late"));
        assert_eq!(rig.turn(), Wait);
        assert_eq!(rig.state(), SinkLost);
        assert_eq!(
            rig.sink().count(Call::Send) + rig.sink().count(Call::End),
            0
        );
    });
}

#[test]
fn sink_lost_sink_lost_by_a_hint_stays() {
    both_ways(|source| {
        let mut rig = Rig::in_state(source, SinkLost);
        rig.sink().failing = Some(Failure::SinkLost);
        assert_eq!(rig.turn(), Wait);
        assert_eq!((rig.state(), rig.other_state()), (SinkLost, Open));
    });
}
