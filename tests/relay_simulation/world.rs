//! Both legs and the shadow of their relay: every question of the relay is answered and judged here.

use crate::plan::{Finish, Plan};
use crate::random::Random;
use crate::shadow::Shadow;
use crate::socket::Socket;
use mtls_persona::base::id::Side;
use mtls_persona::base::reason::CloseReason;
use mtls_persona::base::scratch::Scratch;
use mtls_persona::relay::FlowState::{Draining, Ended, Ending, Open, SinkLost};
use mtls_persona::relay::{
    Failure, Fill, Flush, Leg, Relay, RelayStep, TURN_BYTES, TURN_ROUNDS, Truncation, Waiting,
};
use std::cell::RefCell;
use std::rc::Rc;

pub(crate) struct World {
    sockets: [Socket; 2],
    pub(crate) shadow: Shadow,
    random: Random,
    truncation: Truncation,
    patience: usize,
    step: usize,
    /// Counts what the relay was told or got rid of.
    activity: u64,
}

/// A leg: one side of the world.
pub(crate) struct Handle {
    side: usize,
    pub(crate) world: Rc<RefCell<World>>,
}

impl Handle {
    pub(crate) fn new(side: Side, world: &Rc<RefCell<World>>) -> Handle {
        let world = Rc::clone(world);
        let side = index(side);
        Handle { side, world }
    }
}

fn index(side: Side) -> usize {
    match side {
        Side::Inbound => 0,
        Side::Outbound => 1,
    }
}

impl Leg for Handle {
    fn fill(&mut self, scratch: &mut Scratch) -> Fill {
        assert!(scratch.plain.is_empty(), "read into bytes of another leg");
        let world = &mut *self.world.borrow_mut();
        let sink_holds = world.sockets[1 - self.side].holds();
        world.shadow.may_fill(self.side, sink_holds);
        let fill = world.sockets[self.side].fill(&mut world.random, &mut scratch.plain);
        world.activity += u64::from(fill != Fill::Blocked);
        world.shadow.filled(self.side, fill);
        fill
    }

    fn send(&mut self, scratch: &mut Scratch) -> Flush {
        let world = &mut *self.world.borrow_mut();
        let flow = 1 - self.side;
        let sent = world.sockets[flow].stream();
        let bytes = scratch.plain.data();
        world.shadow.may_send(flow, bytes, sent);
        assert!(!world.sockets[self.side].holds(), "sent behind what waits");
        let flush = world.sockets[self.side].send(bytes.len());
        scratch.plain.clear();
        world.shadow.sent(flow, flush);
        flush
    }

    fn flush(&mut self, _: &mut Scratch) -> Flush {
        let world = &mut *self.world.borrow_mut();
        let held = world.sockets[self.side].holds();
        let flush = world.sockets[self.side].push();
        world.shadow.flushed(1 - self.side, flush, held);
        flush
    }

    fn end(&mut self, _: &mut Scratch) -> Flush {
        let world = &mut *self.world.borrow_mut();
        let flow = 1 - self.side;
        let holds = world.sockets[self.side].holds();
        let all = world.sockets[flow].stream().len();
        world.shadow.may_end(flow, holds, all);
        let flush = world.sockets[self.side].end();
        world.activity += 1;
        world.shadow.ended(flow, flush);
        flush
    }

    fn failure(&mut self) -> Option<Failure> {
        let world = &mut *self.world.borrow_mut();
        let can_move = world.can_move(0) || world.can_move(1);
        let aborted = world.shadow.aborted.is_some();
        assert!(
            aborted || !can_move,
            "a failure overtakes bytes that can move"
        );
        let failure = world.sockets[self.side].failure();
        if let Some(failure) = failure {
            world.activity += 1;
            world.shadow.failed(self.side, failure);
        }
        failure
    }
}

impl World {
    pub(crate) fn shared(plan: Plan, streams: &[Vec<u8>; 2], random: Random) -> Rc<RefCell<World>> {
        let Plan {
            truncation,
            peers: [inbound, outbound],
            patience,
        } = plan;
        Rc::new(RefCell::new(World {
            sockets: [
                Socket::new(inbound, &streams[0]),
                Socket::new(outbound, &streams[1]),
            ],
            shadow: Shadow::new(truncation),
            random,
            truncation,
            patience,
            step: 0,
            activity: 0,
        }))
    }

    /// Lets the peers do something, or all that they still will do.
    pub(crate) fn peers_act(&mut self, hurry: bool) {
        self.step += 1;
        for socket in &mut self.sockets {
            socket.peer_acts(self.step, hurry, &mut self.random);
        }
    }

    /// Grows with everything that the relay does or learns.
    pub(crate) fn activity(&self) -> u64 {
        let taken: usize = self.sockets.iter().map(Socket::taken).sum();
        let states: usize = self.shadow.flows.iter().map(|f| f.state as usize).sum();
        self.activity + (taken + states) as u64
    }

    /// Whether an idle moment lasts longer than the deadline.
    pub(crate) fn deadline_expires(&mut self) -> bool {
        let nothing_comes = self.sockets.iter().all(Socket::is_spent);
        nothing_comes || (self.patience < usize::MAX && self.random.one_in(self.patience))
    }

    /// Whether the flow from that leg can do anything without an event.
    fn can_move(&self, flow: usize) -> bool {
        let (source, sink) = (&self.sockets[flow], &self.sockets[1 - flow]);
        match self.shadow.flows[flow].state {
            Ended | SinkLost => false,
            _ if sink.holds() => sink.is_writable(),
            Open => source.is_readable(),
            Draining | Ending => true,
        }
    }

    pub(crate) fn begin_turn(&mut self) {
        self.shadow.begin_turn();
    }

    /// What must hold after every turn.
    pub(crate) fn check_turn(&mut self, relay: &Relay, step: RelayStep) {
        self.shadow.end_turn();
        for side in [Side::Inbound, Side::Outbound] {
            let (flow, shadow) = (relay.flow_from(side), &self.shadow.flows[index(side)]);
            assert_eq!(flow.state(), shadow.state, "{side:?}");
            assert_eq!(flow.bytes(), shadow.handed as u64, "{side:?}");
        }
        match (step, self.shadow.outcome()) {
            (RelayStep::Close(reason), Some(expected)) => {
                assert_eq!(reason, expected);
                self.check_close(reason);
            }
            (RelayStep::Wait, None) => {
                let failed = self.sockets.iter().any(Socket::has_failure);
                let can_move = self.can_move(0) || self.can_move(1);
                assert!(!failed && !can_move, "it waits though it can go on");
            }
            (RelayStep::Yield, None) => {}
            (step, expected) => panic!("{step:?} though {expected:?} is due"),
        }
        self.check_budget(step);
        self.check_deadline(relay);
    }

    /// A turn ends when its budget is spent, and not before if something can move.
    fn check_budget(&self, step: RelayStep) {
        let steps = self.shadow.flows.each_ref().map(|flow| flow.steps);
        assert!(steps.iter().all(|&count| count <= TURN_ROUNDS), "{steps:?}");
        if step == RelayStep::Yield {
            let moved: usize = self.shadow.flows.iter().map(|flow| flow.moved).sum();
            let rounds_spent = steps.iter().sum::<usize>() >= TURN_ROUNDS;
            assert!(rounds_spent || moved >= TURN_BYTES, "it yielded too early");
        }
    }

    /// What a final reason says of both flows.
    fn check_close(&self, reason: CloseReason) {
        for flow in 0..2 {
            let (source, sink) = (&self.sockets[flow], &self.sockets[1 - flow]);
            let shadow = &self.shadow.flows[flow];
            let saw_end = sink.end_taken || sink.broken.is_some();
            match shadow.state {
                Ended => {
                    let ends_truncated = self.truncation == Truncation::End;
                    let ended = match source.finish() {
                        Some(Finish::Truncated) => ends_truncated,
                        finish => finish == Some(Finish::End),
                    };
                    assert!(ended && shadow.source_ended, "ended without an end");
                    assert_eq!(shadow.handed, source.stream().len(), "bytes are missing");
                    assert!(saw_end, "the end did not leave");
                }
                SinkLost => assert!(sink.broken.is_some() && !sink.end_taken),
                _ => {
                    let is_quiet =
                        [CloseReason::Completed, CloseReason::SinkLost].contains(&reason);
                    assert!(!is_quiet, "{reason:?} though a flow goes on");
                }
            }
            assert!(
                shadow.source_ended || !sink.end_taken,
                "an end out of nothing"
            );
        }
    }

    /// Which deadline must run, and what it closes with when it expires.
    fn check_deadline(&self, relay: &Relay) {
        let states = self.shadow.flows.each_ref().map(|flow| flow.state);
        let (waiting, reason) = match states {
            [Open, Open | Draining] | [Draining, Open] => (Waiting::Idle, CloseReason::Idle),
            [SinkLost, _] | [_, SinkLost] => (Waiting::HalfClosed, CloseReason::SinkLost),
            _ => (Waiting::HalfClosed, CloseReason::HalfCloseIdle),
        };
        assert_eq!((relay.waiting(), relay.expired()), (waiting, reason));
    }
}
