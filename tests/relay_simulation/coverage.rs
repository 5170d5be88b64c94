//! What all runs together have met.

use crate::shadow::{Cell, EVENTS, Event, STATES, Shadow, TABLE};
use mtls_persona::base::reason::CloseReason;
use mtls_persona::relay::FlowState::SinkLost;
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Coverage {
    cells: [[u64; 5]; 8],
    pairs: [[u64; 5]; 5],
    reasons: BTreeMap<CloseReason, u64>,
}

impl Coverage {
    pub(crate) fn add(&mut self, shadow: &Shadow, reason: CloseReason) {
        *self.reasons.entry(reason).or_default() += 1;
        let cells = self.cells.iter_mut().flatten();
        cells
            .zip(shadow.met.iter().flatten())
            .for_each(|(sum, met)| *sum += met);
        let pairs = self.pairs.iter_mut().flatten();
        pairs
            .zip(shadow.pairs.iter().flatten())
            .for_each(|(sum, met)| *sum += met);
    }

    pub(crate) fn print(&self) {
        println!("{STATES:?}");
        for (event, row) in EVENTS.iter().zip(self.cells) {
            println!("{event:?}: {row:?}");
        }
        for (state, row) in STATES.iter().zip(self.pairs) {
            println!("outward {state:?}: {row:?}");
        }
        println!("{:?}", self.reasons);
    }

    pub(crate) fn assert_everything_reachable_was_reached(&self) {
        for (row, event) in EVENTS.into_iter().enumerate() {
            for (column, state) in STATES.into_iter().enumerate() {
                // A sink that takes no more is not flushed either.
                let is_reachable = TABLE[row][column] != Cell::Never
                    && (event, state) != (Event::Flushed, SinkLost);
                let was_reached = self.cells[row][column] > 0;
                assert_eq!(was_reached, is_reachable, "{event:?} in {state:?}");
            }
        }
        for (row, outward) in STATES.into_iter().enumerate() {
            for (column, inward) in STATES.into_iter().enumerate() {
                assert!(self.pairs[row][column] > 0, "{outward:?} and {inward:?}");
            }
        }
        self.assert_reasons();
    }

    /// Every reason that a relay can give, and no other.
    fn assert_reasons(&self) {
        let expected = [
            CloseReason::Completed,
            CloseReason::SinkLost,
            CloseReason::SourceReset,
            CloseReason::TlsTruncated,
            CloseReason::TlsBadRecord,
            CloseReason::Idle,
            CloseReason::HalfCloseIdle,
            CloseReason::CertificateRefused,
        ];
        let reached: Vec<_> = self.reasons.keys().copied().collect();
        assert_eq!(reached, expected);
    }
}
