//! One connection: its legs, its phase, its deadlines.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::Registry;
use mio::event::Event;

use super::closing::{Closing, Duty};
use super::dial::{Dial, DialStep, Dialer};
use super::leg::Leg;
use super::summary::Summary;
use crate::base::deadline::{DeadlineKind, Deadlines};
use crate::base::id::{ConnId, Side};
use crate::base::reason::CloseReason;
use crate::base::scratch::Scratch;
use crate::config::{Address, Host, OnTruncation, Pair, ServerName};
use crate::net::{Endpoint, Socket};
use crate::relay::{Failure, FlowState, Leg as _, Relay, RelayStep, Truncation, Waiting};
use crate::tls::{Credentials, ExpectedName, Handshake, Role, TlsError};

/// Where a connection is in its life; the table is in [`super`].
enum Phase {
    InboundHandshake,
    Resolving,
    Connecting(Dial),
    OutboundHandshake,
    Relaying(Relay),
}

/// What a connection asks of its worker.
#[derive(Debug)]
pub enum Step {
    /// An event, an answer or a deadline will tell when to go on.
    Wait,
    /// More can be done at once; others come first.
    Yield,
    /// Resolve this name and call [`Connection::resolved`]; then go on.
    Resolve(Arc<str>),
    /// It is over: call [`Connection::close`].
    Close,
}

/// What a turn may use.
pub struct Turn<'a> {
    /// The worker's buffers.
    pub scratch: &'a mut Scratch,
    /// The worker's poller.
    pub registry: &'a Registry,
}

/// A connection that was just accepted.
pub struct Accepted {
    /// Its name in its worker.
    pub id: ConnId,
    /// The configured pair that it came in by.
    pub pair: Arc<Pair>,
    /// The credentials of its handshakes, for all its life.
    pub credentials: Arc<Credentials>,
    /// Its inbound socket, registered.
    pub socket: Socket,
    /// Who opened it.
    pub peer: Endpoint,
}

/// One connection.
pub struct Connection {
    id: ConnId,
    pair: Arc<Pair>,
    credentials: Arc<Credentials>,
    inbound: Leg,
    outbound: Option<Leg>,
    phase: Phase,
    deadlines: Deadlines,
    summary: Summary,
    activity: Activity,
}

/// When something last moved: what the idle deadlines count from.
struct Activity {
    moved: u64,
    waiting: Waiting,
    at: Instant,
}

/// What a phase's handler found.
enum Next {
    /// The phase has changed: go on with it.
    Phase(Phase),
    /// The turn is over.
    Step(Step),
}

/// An outcome, with the leg that it is about and one line of detail.
struct End(CloseReason, Option<Side>, String);

impl Connection {
    /// Begins the life of a connection.
    pub fn new(accepted: Accepted, now: Instant) -> Connection {
        let Accepted {
            id,
            pair,
            credentials,
            socket,
            peer,
        } = accepted;
        socket.set_tcp_options(pair.tcp.nodelay, pair.tcp.keepalive);
        let mut summary = Summary::new(Arc::clone(&pair), peer, now);
        let mut deadlines = Deadlines::default();
        let (inbound, phase) = if pair.mode.inbound_tls() {
            deadlines.set(DeadlineKind::Handshake, now + pair.timeouts.handshake);
            let context = credentials.context(Role::Server);
            let session = context.map(|context| context.server_session());
            let leg = match session {
                Some(Ok(session)) => Leg::tls(socket, session),
                failed => {
                    let detail = failed.and_then(Result::err);
                    let detail = detail.map(|e| e.to_string()).unwrap_or_default();
                    summary.ended(CloseReason::Internal, Some(Side::Inbound), detail);
                    Leg::plain(socket)
                }
            };
            (leg, Phase::InboundHandshake)
        } else {
            (Leg::plain(socket), Phase::Resolving)
        };
        Connection {
            id,
            pair,
            credentials,
            inbound,
            outbound: None,
            phase,
            deadlines,
            summary,
            activity: Activity {
                moved: 0,
                waiting: Waiting::Idle,
                at: now,
            },
        }
    }

    /// What to do before the first turn.
    pub fn begin(&mut self, now: Instant) -> Step {
        match self.phase {
            Phase::Resolving => match self.dial(now) {
                Next::Phase(phase) => {
                    self.phase = phase;
                    Step::Yield
                }
                Next::Step(step) => step,
            },
            _ => Step::Yield,
        }
    }

    /// Whether a TLS handshake is under way: such turns cost most.
    pub fn is_handshaking(&self) -> bool {
        matches!(
            self.phase,
            Phase::InboundHandshake | Phase::OutboundHandshake
        )
    }

    /// Whether the connection is before its relay.
    pub fn is_opening(&self) -> bool {
        !matches!(self.phase, Phase::Relaying(_))
    }

    /// Notes what the poller told of a leg.
    pub fn note(&mut self, side: Side, event: &Event) {
        match (side, &mut self.outbound) {
            (Side::Inbound, _) => self.inbound.note(event),
            (Side::Outbound, Some(leg)) => leg.note(event),
            // A socket of the dial: every attempt is looked at in the turn.
            (Side::Outbound, None) => {}
        }
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

    /// The answer to [`Step::Resolve`].
    pub fn resolved(&mut self, answer: Result<Arc<[IpAddr]>, (CloseReason, String)>, now: Instant) {
        if !matches!(self.phase, Phase::Resolving) {
            return;
        }
        self.deadlines.clear(DeadlineKind::Lookup);
        match (answer, &self.pair.outbound) {
            (Ok(addresses), Address::Tcp { port, .. }) => {
                self.phase = Phase::Connecting(Dial::to_host(&addresses, *port));
                let at = now + self.pair.timeouts.connect;
                self.deadlines.set(DeadlineKind::Connect, at);
            }
            (Ok(_), Address::Unix(_)) => {}
            (Err((reason, detail)), _) => self.end(End(reason, Some(Side::Outbound), detail)),
        }
    }

    /// Goes on as far as it can within a turn's budget.
    pub fn turn(&mut self, now: Instant, turn: &mut Turn<'_>) -> Step {
        if let Some(kind) = self.deadlines.due(now) {
            self.expired(kind);
        }
        loop {
            if self.summary.reason().is_some() {
                return Step::Close;
            }
            let next = match self.phase {
                Phase::InboundHandshake => self.inbound_handshake(now, turn),
                Phase::Resolving => self.watch_inbound(),
                Phase::Connecting(_) => self.connecting(now, turn),
                Phase::OutboundHandshake => self.outbound_handshake(now, turn),
                Phase::Relaying(_) => self.relaying(now, turn),
            };
            match next {
                Ok(Next::Phase(phase)) => self.phase = phase,
                Ok(Next::Step(step)) => return step,
                Err(end) => self.end(end),
            }
        }
    }

    fn inbound_handshake(&mut self, now: Instant, turn: &mut Turn<'_>) -> Result<Next, End> {
        match self.inbound.handshake(turn.scratch) {
            Ok(Handshake::NeedsInput) => return Ok(Next::Step(Step::Wait)),
            Ok(Handshake::Done) => {}
            Err(error) => return Err(self.tls_end(Side::Inbound, error)),
        }
        self.deadlines.clear(DeadlineKind::Handshake);
        if let Some(session) = self.inbound.session() {
            self.summary.secured(Side::Inbound, session);
        }
        Ok(self.dial(now))
    }

    /// Finds out where to connect to.
    fn dial(&mut self, now: Instant) -> Next {
        let connect_by = now + self.pair.timeouts.connect;
        let dial = match &self.pair.outbound {
            Address::Tcp {
                host: Host::Name(name),
                ..
            } => {
                self.deadlines.set(DeadlineKind::Lookup, connect_by);
                self.phase = Phase::Resolving;
                return Next::Step(Step::Resolve(Arc::clone(name)));
            }
            Address::Tcp {
                host: Host::Ip(ip),
                port,
            } => Dial::to_host(&[*ip], *port),
            Address::Tcp {
                host: Host::Any,
                port,
            } => Dial::to_host(&[std::net::Ipv4Addr::LOCALHOST.into()], *port),
            Address::Unix(path) => Dial::to_path(path.clone()),
        };
        self.deadlines.set(DeadlineKind::Connect, connect_by);
        Next::Phase(Phase::Connecting(dial))
    }

    /// Before the relay the inbound leg is not read, but its failure ends the connection.
    fn watch_inbound(&mut self) -> Result<Next, End> {
        match self.inbound.failure() {
            Some(Failure::Reset) => Err(End(
                CloseReason::InboundGone,
                Some(Side::Inbound),
                String::new(),
            )),
            _ => Ok(Next::Step(Step::Wait)),
        }
    }

    fn connecting(&mut self, now: Instant, turn: &mut Turn<'_>) -> Result<Next, End> {
        self.watch_inbound()?;
        let dialer = Dialer {
            registry: turn.registry,
            token: self.id.token(Side::Outbound),
            tcp: self.pair.tcp.clone(),
        };
        let Phase::Connecting(dial) = &mut self.phase else {
            return Ok(Next::Step(Step::Wait));
        };
        let (socket, endpoint) = match dial.turn(now, &dialer) {
            DialStep::Won(socket, endpoint) => (socket, endpoint),
            DialStep::Wait(until) => {
                match until {
                    Some(at) => self.deadlines.set(DeadlineKind::Attempt, at),
                    None => self.deadlines.clear(DeadlineKind::Attempt),
                }
                return Ok(Next::Step(Step::Wait));
            }
            DialStep::Lost(failure) => {
                return Err(End(failure.reason, Some(Side::Outbound), failure.detail));
            }
        };
        self.deadlines.clear(DeadlineKind::Attempt);
        self.deadlines.clear(DeadlineKind::Connect);
        self.summary.connected(endpoint);
        self.connected(socket, now)
    }

    fn connected(&mut self, socket: Socket, now: Instant) -> Result<Next, End> {
        let Some(name) = &self.pair.server_name else {
            self.outbound = Some(Leg::plain(socket));
            return Ok(self.relay(now));
        };
        let name = match name {
            ServerName::Dns(name) => ExpectedName::Dns(name),
            ServerName::Ip(ip) => ExpectedName::Ip(*ip),
        };
        let internal = |detail| End(CloseReason::Internal, Some(Side::Outbound), detail);
        let Some(context) = self.credentials.context(Role::Client) else {
            return Err(internal("no client credentials".to_owned()));
        };
        let session = context.client_session(name);
        let session = session.map_err(|error| internal(error.to_string()))?;
        self.outbound = Some(Leg::tls(socket, session));
        let at = now + self.pair.timeouts.handshake;
        self.deadlines.set(DeadlineKind::Handshake, at);
        Ok(Next::Phase(Phase::OutboundHandshake))
    }

    fn outbound_handshake(&mut self, now: Instant, turn: &mut Turn<'_>) -> Result<Next, End> {
        self.watch_inbound()?;
        let Some(outbound) = &mut self.outbound else {
            return Ok(Next::Step(Step::Wait));
        };
        match outbound.handshake(turn.scratch) {
            Ok(Handshake::NeedsInput) => return Ok(Next::Step(Step::Wait)),
            Ok(Handshake::Done) => {}
            Err(error) => return Err(self.tls_end(Side::Outbound, error)),
        }
        self.deadlines.clear(DeadlineKind::Handshake);
        if let Some(session) = outbound.session() {
            self.summary.secured(Side::Outbound, session);
        }
        Ok(self.relay(now))
    }

    fn relay(&mut self, now: Instant) -> Next {
        self.activity.at = now;
        Next::Phase(Phase::Relaying(Relay::new(match self.pair.on_truncation {
            OnTruncation::Abort => Truncation::Abort,
            OnTruncation::End => Truncation::End,
        })))
    }

    fn relaying(&mut self, now: Instant, turn: &mut Turn<'_>) -> Result<Next, End> {
        let (Phase::Relaying(relay), Some(outbound)) = (&mut self.phase, &mut self.outbound) else {
            return Ok(Next::Step(Step::Wait));
        };
        let step = relay.turn(&mut self.inbound, outbound, turn.scratch);
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
            Waiting::Idle => (self.pair.timeouts.idle, None),
            Waiting::HalfClosed => (None, Some(self.pair.timeouts.half_close)),
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

    /// The relay's outcome, with what the leg's session has to say to it.
    fn relay_end(&mut self, reason: CloseReason) -> End {
        let culprit = match &self.phase {
            Phase::Relaying(relay) => relay.culprit(),
            _ => None,
        };
        let leg = match culprit {
            Some(Side::Inbound) => Some(&mut self.inbound),
            Some(Side::Outbound) => self.outbound.as_mut(),
            None => None,
        };
        let error = leg.and_then(Leg::take_error);
        let detail = error.map(|error| error.detail).unwrap_or_default();
        End(reason, culprit, detail)
    }

    fn tls_end(&mut self, side: Side, error: TlsError) -> End {
        if error.certificate.is_some() {
            self.summary.refused(side, error.certificate);
        }
        End(error.reason, Some(side), error.detail)
    }

    fn end(&mut self, End(reason, side, detail): End) {
        self.summary.ended(reason, side, detail);
    }

    fn expired(&mut self, kind: DeadlineKind) {
        use CloseReason::*;
        let outbound = Some(Side::Outbound);
        let end = match (kind, &self.phase) {
            // Only the next address of a dial is due.
            (DeadlineKind::Attempt, _) => return self.deadlines.clear(kind),
            (DeadlineKind::Handshake, Phase::InboundHandshake) => {
                End(HandshakeTimeout, Some(Side::Inbound), String::new())
            }
            (DeadlineKind::Handshake, _) => End(HandshakeTimeout, outbound, String::new()),
            (DeadlineKind::Lookup, _) => {
                let detail = format!("no answer for the name in {}", self.pair.outbound);
                End(DnsError, outbound, detail)
            }
            (DeadlineKind::Connect, Phase::Connecting(dial)) => {
                End(ConnectTimeout, outbound, dial.failure().detail)
            }
            (DeadlineKind::Idle | DeadlineKind::HalfCloseIdle, Phase::Relaying(relay)) => {
                End(relay.expired(), None, String::new())
            }
            (DeadlineKind::Drain, _) => End(Drained, None, String::new()),
            _ => return self.deadlines.clear(kind),
        };
        self.end(end);
    }

    /// Tells the outcome and closes both legs; gives back what is still owed to them.
    pub fn close(mut self, now: Instant) -> Option<Closing> {
        let reason = self.summary.reason().unwrap_or(CloseReason::Internal);
        self.summary.ended(reason, None, String::new());
        let is_handshake = self.is_handshaking();
        let mut given = [None, None];
        if let Phase::Relaying(relay) = &self.phase {
            let (outward, inward) = (
                relay.flow_from(Side::Inbound),
                relay.flow_from(Side::Outbound),
            );
            self.summary.bytes_outward = outward.bytes();
            self.summary.bytes_inward = inward.bytes();
            given = [Some(inward.state()), Some(outward.state())];
        }
        self.summary.tell(now);
        let [to_inbound, to_outbound] = given;
        let inbound = duty(&self.inbound, reason, to_inbound, is_handshake);
        let outbound = self.outbound.map(|leg| {
            let duty = duty(&leg, reason, to_outbound, is_handshake);
            (Side::Outbound, leg, duty)
        });
        let legs = std::iter::once((Side::Inbound, self.inbound, inbound)).chain(outbound);
        Closing::begin(legs, self.pair.timeouts.half_close, now)
    }
}

/// What is owed to a leg. `given` is the state of the flow that feeds it.
fn duty(leg: &Leg, reason: CloseReason, given: Option<FlowState>, is_handshake: bool) -> Duty {
    let is_tls = leg.session().is_some();
    match reason {
        CloseReason::Completed => Duty::Close,
        // Its answer is complete, but it may still be sending.
        CloseReason::SinkLost if given == Some(FlowState::Ended) => Duty::Linger,
        // What it was given is a part of the whole.
        CloseReason::SinkLost if is_tls => Duty::Close,
        CloseReason::SinkLost => Duty::Reset,
        // An alert is on its way.
        _ if is_tls && (reason.delivers_first() || is_handshake && reason.sends_alert()) => {
            Duty::Linger
        }
        _ if is_tls => Duty::Close,
        _ if reason.delivers_first() => Duty::DeliverThenReset,
        _ => Duty::Reset,
    }
}
