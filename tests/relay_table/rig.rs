//! A relay between two fake legs, seen from either direction.

use crate::fake_leg::{Arrival, Call, FakeLeg};
use mtls_persona::base::id::Side;
use mtls_persona::base::scratch::Scratch;
use mtls_persona::relay::{Flow, FlowState, Flush, Relay, RelayStep, Truncation};

/// Every state, in the order of the table.
pub(crate) const STATES: [FlowState; 5] = [
    FlowState::Open,
    FlowState::Draining,
    FlowState::Ending,
    FlowState::Ended,
    FlowState::SinkLost,
];

pub(crate) struct Rig {
    pub(crate) relay: Relay,
    pub(crate) inbound: FakeLeg,
    pub(crate) outbound: FakeLeg,
    scratch: Scratch,
    /// The leg that feeds the flow in question.
    source: Side,
}

impl Rig {
    pub(crate) fn new(source: Side) -> Rig {
        Rig::with_truncation(source, Truncation::Abort)
    }

    pub(crate) fn with_truncation(source: Side, truncation: Truncation) -> Rig {
        Rig {
            relay: Relay::new(truncation),
            inbound: FakeLeg::new(),
            outbound: FakeLeg::new(),
            scratch: Scratch::default(),
            source,
        }
    }

    /// A rig whose flow in question is in `state` and whose other flow is open.
    pub(crate) fn in_state(source: Side, state: FlowState) -> Rig {
        let mut rig = Rig::new(source);
        rig.prepare(source, state);
        assert_eq!(rig.turn(), RelayStep::Wait);
        assert_eq!(rig.state(), state);
        rig.forget();
        rig
    }

    /// Lets happen what leads the flow from the leg on `source` to `state` in the next turn.
    pub(crate) fn prepare(&mut self, source: Side, state: FlowState) {
        let (from, to) = match source {
            Side::Inbound => (&mut self.inbound, &mut self.outbound),
            Side::Outbound => (&mut self.outbound, &mut self.inbound),
        };
        let (arrival, takes, takes_end) = match state {
            FlowState::Open => return,
            FlowState::Draining => (last(b"last"), Flush::Blocked, Flush::Blocked),
            FlowState::Ending => (Arrival::End, Flush::Done, Flush::Blocked),
            FlowState::Ended => (Arrival::End, Flush::Done, Flush::Done),
            FlowState::SinkLost => (bytes(b"lost"), Flush::Lost, Flush::Lost),
        };
        from.arrives(arrival);
        to.takes = takes;
        to.takes_end = takes_end;
    }

    /// Forgets the calls so far.
    pub(crate) fn forget(&mut self) {
        self.inbound.calls.clear();
        self.outbound.calls.clear();
    }

    pub(crate) fn turn(&mut self) -> RelayStep {
        let Rig {
            relay,
            inbound,
            outbound,
            scratch,
            ..
        } = self;
        let step = relay.turn(inbound, outbound, scratch);
        assert!(scratch.plain.is_empty(), "bytes were left in the scratch");
        step
    }

    pub(crate) fn source(&mut self) -> &mut FakeLeg {
        match self.source {
            Side::Inbound => &mut self.inbound,
            Side::Outbound => &mut self.outbound,
        }
    }

    pub(crate) fn sink(&mut self) -> &mut FakeLeg {
        match self.source {
            Side::Inbound => &mut self.outbound,
            Side::Outbound => &mut self.inbound,
        }
    }

    /// The flow in question.
    pub(crate) fn flow(&self) -> &Flow {
        self.relay.flow_from(self.source)
    }

    pub(crate) fn state(&self) -> FlowState {
        self.flow().state()
    }

    /// The state of the flow that goes the other way.
    pub(crate) fn other_state(&self) -> FlowState {
        self.relay.flow_from(other(self.source)).state()
    }

    /// Whether the sink was never told of an end.
    pub(crate) fn no_end_was_given(&mut self) -> bool {
        !self.sink().ended && self.sink().count(Call::End) == 0
    }
}

pub(crate) fn other(side: Side) -> Side {
    match side {
        Side::Inbound => Side::Outbound,
        Side::Outbound => Side::Inbound,
    }
}

pub(crate) fn bytes(data: &[u8]) -> Arrival {
    Arrival::Bytes(data.to_vec())
}

pub(crate) fn last(data: &[u8]) -> Arrival {
    Arrival::Last(data.to_vec())
}

/// Runs a test for the flow from each leg.
pub(crate) fn both_ways(test: impl Fn(Side)) {
    test(Side::Inbound);
    test(Side::Outbound);
}
