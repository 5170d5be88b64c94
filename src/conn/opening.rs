//! A connection before its relay: handshakes, and the way to the destination.

use std::time::{Duration, Instant};

use super::connection::{Connection, End, Next, Phase};
use super::dial::{Dial, DialStep, Dialer};
use super::leg::Leg;
use super::step::{Step, Turn};
use crate::base::deadline::DeadlineKind;
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::config::ServerName;
use crate::net::Socket;
use crate::tls::{self, ExpectedName, Handshake, Role};

/// How long a connection waits for the resolver before it asks for an older answer (RFC 8767, 5).
const LOOKUP_PATIENCE: Duration = Duration::from_millis(1800);

impl Connection {
    pub(super) fn inbound_handshake(
        &mut self,
        now: Instant,
        turn: &mut Turn<'_>,
    ) -> Result<Next, End> {
        match self.handshake(Side::Inbound, now, turn)? {
            Handshake::NeedsInput => Ok(Next::Step(Step::Wait)),
            Handshake::Done => {
                self.authorize(Side::Inbound, turn)?;
                match self.served.pair.id_source() {
                    Some(source) => self.receive(source, now),
                    None => Ok(self.dial(now)),
                }
            }
        }
    }

    /// Goes on with the handshake of a leg, and notes what was negotiated.
    fn handshake(
        &mut self,
        side: Side,
        now: Instant,
        turn: &mut Turn<'_>,
    ) -> Result<Handshake, End> {
        let Some(leg) = self.leg(side) else {
            return Ok(Handshake::NeedsInput);
        };
        match leg.handshake(turn.scratch) {
            Ok(Handshake::NeedsInput) => return Ok(Handshake::NeedsInput),
            Ok(Handshake::Done) => {}
            Err(error) => return Err(self.tls_end(side, error)),
        }
        if let Some(session) = leg.session() {
            let (negotiated, peer) = (session.negotiated(), session.peer());
            if let Some(peer) = &peer {
                self.mind_peer_expiry(side, peer.not_after, now, turn.unix_now);
            }
            let duration = now.saturating_duration_since(self.handshake_from);
            self.tally.secured(side, negotiated.is_resumed, duration);
            tls::count(&negotiated);
            self.summary.secured(side, negotiated, peer);
        }
        self.deadlines.clear(DeadlineKind::Handshake);
        Ok(Handshake::Done)
    }

    /// Finds out where to connect to.
    pub(super) fn dial(&mut self, now: Instant) -> Next {
        let connect_by = now + self.served.pair.timeouts.connect;
        let dial = match Dial::to(self.destination()) {
            Ok(dial) => dial,
            Err(name) => {
                let ask_again = connect_by.min(now + LOOKUP_PATIENCE);
                self.deadlines.set(DeadlineKind::Lookup, ask_again);
                self.phase = Phase::Resolving(connect_by);
                return Next::Step(Step::Resolve(name));
            }
        };
        self.deadlines.set(DeadlineKind::Connect, connect_by);
        Next::Phase(Phase::Connecting(dial))
    }

    /// Before the relay the inbound leg is not read, but its failure ends the connection.
    pub(super) fn watch_inbound(&mut self) -> Result<Next, End> {
        if self.inbound.was_reset() {
            let (reason, side) = (CloseReason::InboundGone, Side::Inbound);
            return Err(End(reason, Some(side), String::new()));
        }
        Ok(Next::Step(Step::Wait))
    }

    pub(super) fn connecting(&mut self, now: Instant, turn: &mut Turn<'_>) -> Result<Next, End> {
        self.watch_inbound()?;
        let dialer = Dialer {
            registry: turn.registry,
            token: self.id.token(Side::Outbound),
            tcp: self.served.pair.tcp.clone(),
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
            DialStep::Lost(_) if self.next_route() => {
                return Ok(Next::Phase(Phase::Decided));
            }
            DialStep::Lost(failure) => {
                return Err(End(failure.reason, Some(Side::Outbound), failure.detail));
            }
        };
        self.deadlines.clear(DeadlineKind::Attempt);
        self.deadlines.clear(DeadlineKind::Connect);
        self.summary.connected(endpoint);
        let next = self.connected(socket, now, turn)?;
        if let (Some(header), Some(outbound)) = (self.outbound_header(), &mut self.outbound) {
            outbound.begin_with(&header);
        }
        Ok(next)
    }

    fn connected(
        &mut self,
        socket: Socket,
        now: Instant,
        turn: &mut Turn<'_>,
    ) -> Result<Next, End> {
        // Some of it may be about another attempt; that costs no more than a system call.
        let readiness = self.dialled.connected();
        if !self.dials_tls() {
            // Whatever ends this program, half a stream must not look whole.
            socket.reset_on_close();
            self.outbound = Some(Leg::plain(socket, readiness));
            self.welcome(turn)?;
            return Ok(self.relay(now));
        }
        let internal = |detail| End(CloseReason::Internal, Some(Side::Outbound), detail);
        let Some(context) = self.served.credentials.context(Role::Client) else {
            return Err(internal("no client credentials".to_owned()));
        };
        let (name, destination) = (self.name_to_prove(), self.destination().to_string());
        let session = context.client_session(expected_name(name.as_ref()), &destination);
        let session = session.map_err(|error| internal(error.to_string()))?;
        self.outbound = Some(Leg::tls(socket, session, readiness));
        let at = now + self.served.pair.timeouts.handshake;
        self.deadlines.set(DeadlineKind::Handshake, at);
        self.handshake_from = now;
        Ok(Next::Phase(Phase::OutboundHandshake))
    }

    pub(super) fn outbound_handshake(
        &mut self,
        now: Instant,
        turn: &mut Turn<'_>,
    ) -> Result<Next, End> {
        self.watch_inbound()?;
        match self.handshake(Side::Outbound, now, turn)? {
            Handshake::NeedsInput => Ok(Next::Step(Step::Wait)),
            Handshake::Done => {
                self.authorize(Side::Outbound, turn)?;
                match self.served.pair.connect_id.clone() {
                    Some(id) => self.ask_connector(&id, now, turn),
                    None => {
                        self.welcome(turn)?;
                        Ok(self.relay(now))
                    }
                }
            }
        }
    }
}

/// The name that a server must prove, for its session; without one its key is pinned.
pub fn expected_name(name: Option<&ServerName>) -> ExpectedName<'_> {
    match name {
        Some(ServerName::Dns(name)) => ExpectedName::Dns(name),
        Some(ServerName::Ip(ip)) => ExpectedName::Ip(*ip),
        None => ExpectedName::Pinned,
    }
}
