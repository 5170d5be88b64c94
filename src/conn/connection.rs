//! One connection: its legs, its phase, its deadlines.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::event::Event;

use super::dial::Dial;
use super::header;
use super::insertion::Insertion;
use super::leg::{Leg, Readiness};
use super::renewal::Renewal;
use super::served::Served;
use super::step::{Step, Turn};
use super::summary::Summary;
use super::visit::Visit;
use crate::base::deadline::{DeadlineKind, Deadlines};
use crate::base::id::{ConnId, Side};
use crate::base::reason::CloseReason;
use crate::base::tally::{Reach, Tally};
use crate::config::{Address, OnTruncation, Route, ServerName};
use crate::net::{Endpoint, Socket};
use crate::relay::{Relay, RelayStep, Truncation, Waiting};
use crate::route::{AnswerReader, Preamble};
use crate::tls::Role;

/// Where a connection is in its life; the table is in [`super`].
pub(super) enum Phase {
    /// A PROXY header is to come before everything else.
    InboundHeader,
    InboundHandshake,
    /// A client of a connector says which host it wants.
    Preamble(Preamble),
    /// The database is asked.
    Deciding,
    /// It has said where.
    Decided,
    /// With the instant at which the name is given up.
    Resolving(Instant),
    Connecting(Dial),
    OutboundHandshake,
    /// A connector is asked for a host.
    Asking(AnswerReader),
    Relaying(Relay),
}

/// A connection that was just accepted.
pub struct Accepted {
    /// Its name in its worker.
    pub id: ConnId,
    /// The pair that it came in by, as it was served then.
    pub served: Arc<Served>,
    /// Its inbound socket, registered.
    pub socket: Socket,
    /// Who opened it.
    pub peer: Endpoint,
    /// Where its worker counts what is of its pair.
    pub tally: Arc<Tally>,
}

/// One connection.
pub struct Connection {
    pub(super) id: ConnId,
    /// The pair as it was served when it came, for all its life.
    pub(super) served: Arc<Served>,
    pub(super) renewal: Renewal,
    pub(super) inbound: Leg,
    pub(super) outbound: Option<Leg>,
    /// What was told of the outbound sockets while there was no leg.
    pub(super) dialled: Readiness,
    pub(super) phase: Phase,
    pub(super) deadlines: Deadlines,
    pub(super) summary: Summary,
    pub(super) activity: Activity,
    /// Of a connector: who came, and for what.
    pub(super) visit: Option<Box<Visit>>,
    /// Of a connector: where the database says that the host is, and how it is reached.
    pub(super) route: Option<Route>,
    /// What is put into its requests, once it relays, if its pair wants that.
    pub(super) insertion: Option<Box<Insertion>>,
    /// Its client was told why it ends, and gets a moment to read that.
    pub(super) is_turned_away: bool,
    pub(super) tally: Arc<Tally>,
    /// When the handshake that is under way began, or the last one.
    pub(super) handshake_from: Instant,
}

/// When something last moved: what the idle deadlines count from.
pub(super) struct Activity {
    moved: u64,
    waiting: Waiting,
    pub(super) at: Instant,
}

/// What a phase's handler found.
pub(super) enum Next {
    /// The phase has changed: go on with it.
    Phase(Phase),
    /// The turn is over.
    Step(Step),
}

/// An outcome, with the leg that it is about and one line of detail.
pub(super) struct End(
    pub(super) CloseReason,
    pub(super) Option<Side>,
    pub(super) String,
);

impl Connection {
    /// Begins the life of a connection.
    pub fn new(accepted: Accepted, now: Instant) -> Connection {
        let Accepted {
            id,
            served,
            socket,
            peer,
            tally,
        } = accepted;
        tally.opened();
        let Served {
            pair, credentials, ..
        } = &*served;
        let has_header = header::is_due(&pair.proxy_protocol, &peer);
        let mut summary = Summary::new(Arc::clone(pair), peer, now);
        let mut deadlines = Deadlines::default();
        if has_header || pair.mode.inbound_tls() {
            deadlines.set(DeadlineKind::Handshake, now + pair.timeouts.handshake);
        }
        if let Some(lifetime) = pair.timeouts.lifetime {
            deadlines.set(DeadlineKind::Lifetime, now + lifetime);
        }
        let (inbound, phase) = if pair.mode.inbound_tls() {
            let context = credentials.context(Role::Server);
            let session = context.map(|context| context.server_session());
            let leg = match session {
                Some(Ok(session)) => Leg::tls(socket, session, Readiness::assumed()),
                failed => {
                    let detail = failed.and_then(Result::err);
                    let detail = detail.map(|e| e.to_string()).unwrap_or_default();
                    summary.ended(CloseReason::Internal, Some(Side::Inbound), detail);
                    Leg::plain(socket, Readiness::assumed())
                }
            };
            (leg, Phase::InboundHandshake)
        } else {
            let leg = Leg::plain(socket, Readiness::assumed());
            (leg, Phase::Resolving(now))
        };
        let phase = match has_header {
            true => Phase::InboundHeader,
            false => phase,
        };
        Connection {
            id,
            served,
            renewal: Renewal::default(),
            inbound,
            outbound: None,
            dialled: Readiness::default(),
            phase,
            deadlines,
            summary,
            activity: Activity {
                moved: 0,
                waiting: Waiting::Idle,
                at: now,
            },
            visit: None,
            route: None,
            insertion: None,
            is_turned_away: false,
            tally,
            handshake_from: now,
        }
    }

    /// Where it goes.
    pub(super) fn destination(&self) -> &Address {
        let routed = self.route.as_ref().map(|route| &route.address);
        routed.unwrap_or(&self.served.pair.outbound)
    }

    /// Whether the outbound leg is TLS.
    pub(super) fn dials_tls(&self) -> bool {
        match &self.route {
            Some(route) => route.is_mtls,
            None => self.served.pair.mode.outbound_tls(),
        }
    }

    /// The name that a destination by TLS must prove; none where its key is what counts.
    pub(super) fn name_to_prove(&self) -> Option<ServerName> {
        match &self.route {
            Some(route) => route.address.server_name(),
            None => self.served.pair.server_name.clone(),
        }
    }

    /// What to do before the first turn.
    pub fn begin(&mut self, now: Instant) -> Step {
        match self.phase {
            // It was over before it began.
            _ if self.summary.reason().is_some() => Step::Yield,
            Phase::Resolving(_) => match self.dial(now) {
                Next::Phase(phase) => {
                    self.phase = phase;
                    Step::Yield
                }
                Next::Step(step) => step,
            },
            _ => Step::Yield,
        }
    }

    /// Whether a TLS handshake is under way, or is what comes next.
    pub fn is_handshaking(&self) -> bool {
        match self.phase {
            Phase::InboundHeader => self.served.pair.mode.inbound_tls(),
            Phase::InboundHandshake | Phase::OutboundHandshake => true,
            _ => false,
        }
    }

    /// Whether its next turn costs as much as hundreds of messages.
    pub fn is_costly(&self) -> bool {
        self.is_handshaking() || self.renewal.is_to_be_judged
    }

    /// The leg on a side; none while the destination is not reached.
    pub(super) fn leg(&mut self, side: Side) -> Option<&mut Leg> {
        match side {
            Side::Inbound => Some(&mut self.inbound),
            Side::Outbound => self.outbound.as_mut(),
        }
    }

    /// Notes what the poller told of a leg.
    pub fn note(&mut self, side: Side, event: &Event) {
        match self.leg(side) {
            Some(leg) => leg.note(event),
            // A socket of the dial: every attempt is looked at in the turn.
            None => self.dialled.note(event),
        }
    }

    /// The state of its pair that it was accepted with.
    pub fn served(&self) -> &Served {
        &self.served
    }

    /// The earliest deadline.
    pub fn wake_at(&self) -> Option<Instant> {
        self.deadlines.next().map(|(at, _)| at)
    }

    /// The program is stopping: the connection may live until then.
    pub fn drain(&mut self, until: Instant) {
        self.deadlines.set(DeadlineKind::Drain, until);
    }

    /// Ends the connection now.
    pub fn kill(&mut self, reason: CloseReason) {
        self.end(End(reason, None, String::new()));
    }

    /// The answer to [`Step::Resolve`] for that name. It may come so late that the next one is asked for.
    pub fn resolved(
        &mut self,
        name: &str,
        answer: Result<Arc<[IpAddr]>, (CloseReason, String)>,
        now: Instant,
    ) {
        let is_due = matches!(self.phase, Phase::Resolving(_));
        if !is_due || self.destination().host_name().as_deref() != Some(name) {
            return;
        }
        self.deadlines.clear(DeadlineKind::Lookup);
        if answer.is_err() && self.next_route() {
            return;
        }
        match (answer, self.destination()) {
            (Ok(addresses), Address::Tcp { port, .. }) => {
                self.phase = Phase::Connecting(Dial::to_host(&addresses, *port));
                let at = now + self.served.pair.timeouts.connect;
                self.deadlines.set(DeadlineKind::Connect, at);
            }
            (Ok(_), Address::Unix(_)) => {}
            (Err((reason, detail)), _) => self.end(End(reason, Some(Side::Outbound), detail)),
        }
    }

    /// Goes on as far as it can within a turn's budget.
    pub fn turn(&mut self, now: Instant, turn: &mut Turn<'_>) -> Step {
        if let Some(kind) = self.deadlines.due(now)
            && let Some(step) = self.expired(kind, now, turn.unix_now)
        {
            return step;
        }
        self.judge_again();
        loop {
            if self.summary.reason().is_some() {
                self.turn_away(turn);
                self.answer_refused(turn);
                return Step::Close;
            }
            if let Some(question) = self.asks_again() {
                return Step::Decide(question);
            }
            let next = match self.phase {
                Phase::InboundHeader => self.inbound_header(now, turn),
                Phase::InboundHandshake => self.inbound_handshake(now, turn),
                Phase::Preamble(_) => self.preamble(now, turn),
                Phase::Decided => Ok(self.dial(now)),
                Phase::Deciding | Phase::Resolving(_) => self.watch_inbound(),
                Phase::Connecting(_) => self.connecting(now, turn),
                Phase::OutboundHandshake => self.outbound_handshake(now, turn),
                Phase::Asking(_) => self.asking(now, turn),
                Phase::Relaying(_) => self.relaying(now, turn),
            };
            match next {
                Ok(Next::Phase(phase)) => self.phase = phase,
                Ok(Next::Step(step)) => return step,
                Err(end) => self.end(end),
            }
        }
    }

    pub(super) fn relay(&mut self, now: Instant) -> Next {
        self.activity.at = now;
        self.insertion = self.insertion();
        self.tally.went(Reach::Reached);
        Next::Phase(Phase::Relaying(Relay::new(
            match self.served.pair.on_truncation {
                OnTruncation::Abort => Truncation::Abort,
                OnTruncation::End => Truncation::End,
            },
        )))
    }

    fn relaying(&mut self, now: Instant, turn: &mut Turn<'_>) -> Result<Next, End> {
        let (Phase::Relaying(relay), Some(outbound)) = (&mut self.phase, &mut self.outbound) else {
            return Ok(Next::Step(Step::Wait));
        };
        let step = match &mut self.insertion {
            None => relay.turn(&mut self.inbound, outbound, turn.scratch),
            Some(insertion) => {
                let (mut inbound, mut outbound) = insertion.between(&mut self.inbound, outbound);
                let step = relay.turn(&mut inbound, &mut outbound, turn.scratch);
                insertion.let_continue(relay, &mut self.inbound, turn.scratch);
                step
            }
        };
        outbound.let_go(turn.scratch);
        let outward = relay.flow_from(Side::Inbound).bytes();
        let inward = relay.flow_from(Side::Outbound).bytes();
        self.tally.moved(
            outward - self.summary.bytes_outward,
            inward - self.summary.bytes_inward,
        );
        (self.summary.bytes_outward, self.summary.bytes_inward) = (outward, inward);
        let moved = self.inbound.moved() + outbound.moved();
        let waiting = relay.waiting();
        if moved != self.activity.moved || waiting != self.activity.waiting {
            self.activity = Activity {
                moved,
                waiting,
                at: now,
            };
        }
        let (idle, half_close) = match waiting {
            Waiting::Idle => (self.served.pair.timeouts.idle, None),
            Waiting::HalfClosed => (None, Some(self.served.pair.timeouts.half_close)),
        };
        for (kind, limit) in [
            (DeadlineKind::Idle, idle),
            (DeadlineKind::HalfCloseIdle, half_close),
        ] {
            match limit {
                Some(limit) => self.deadlines.set(kind, self.activity.at + limit),
                None => self.deadlines.clear(kind),
            }
        }
        match step {
            RelayStep::Wait => Ok(Next::Step(Step::Wait)),
            RelayStep::Yield => Ok(Next::Step(Step::Yield)),
            RelayStep::Close(reason) => Err(self.relay_end(reason)),
        }
    }
}

#[cfg(test)]
mod tests;
