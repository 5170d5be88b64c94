//! How a connection ends: its outcome, and what is owed to its legs.

use std::time::Instant;

use super::closing::{Closing, Duty};
use super::connection::{Connection, End, Phase};
use super::leg::Leg;
use super::step::Step;
use crate::base::deadline::DeadlineKind;
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::config::Address;
use crate::relay::{FlowState, Relay};
use crate::tls::TlsError;

impl Connection {
    /// The relay's outcome, with what the leg's session or the course of things has to say to it.
    pub(super) fn relay_end(&mut self, reason: CloseReason) -> End {
        let Phase::Relaying(relay) = &self.phase else {
            return End(reason, None, String::new());
        };
        let culprit = relay.culprit();
        if is_bare_answer(relay, reason) {
            self.summary.is_expected = true;
            return End(reason, culprit, BARE_ANSWER.to_owned());
        }
        let refused = self.insertion.as_ref().and_then(|i| i.refused());
        if let Some(refusal) = refused.filter(|refusal| refusal.reason() == reason) {
            return End(reason, culprit, refusal.what.to_owned());
        }
        let remark = match &self.outbound {
            Some(outbound) if outbound.session().is_some() => remark(relay),
            _ => "",
        };
        let leg = culprit.and_then(|side| self.leg(side));
        let error = leg.and_then(Leg::take_error);
        let detail = error.map_or_else(|| remark.to_owned(), |error| error.detail);
        End(reason, culprit, detail)
    }

    pub(super) fn tls_end(&mut self, side: Side, error: TlsError) -> End {
        if error.certificate.is_some() {
            self.summary.refused(side, error.certificate);
        }
        End(error.reason, Some(side), error.detail)
    }

    pub(super) fn end(&mut self, End(reason, side, detail): End) {
        self.summary.ended(reason, side, detail);
    }

    /// A deadline has come: the connection ends, or asks for something, or goes on.
    pub(super) fn expired(
        &mut self,
        kind: DeadlineKind,
        now: Instant,
        unix_now: i64,
    ) -> Option<Step> {
        use CloseReason::*;
        let outbound = Some(Side::Outbound);
        let is_missed = match (kind, &self.phase) {
            (DeadlineKind::Lookup, Phase::Resolving(until)) => now >= *until,
            (DeadlineKind::Connect, Phase::Connecting(_)) => true,
            _ => false,
        };
        if is_missed && self.next_route() {
            return None;
        }
        let end = match (kind, &self.phase) {
            // Only the next address of a dial is due.
            (DeadlineKind::Attempt, _) => {
                self.deadlines.clear(kind);
                return None;
            }
            (DeadlineKind::Handshake, Phase::InboundHeader) => {
                End(ProxyHeaderTimeout, Some(Side::Inbound), String::new())
            }
            (DeadlineKind::Handshake, Phase::InboundHandshake) => {
                End(HandshakeTimeout, Some(Side::Inbound), String::new())
            }
            (DeadlineKind::Handshake, Phase::Preamble(_)) => {
                End(PreambleTimeout, Some(Side::Inbound), String::new())
            }
            (DeadlineKind::Handshake, Phase::Asking(_)) => Connection::no_connector(),
            (DeadlineKind::Handshake, _) => End(HandshakeTimeout, outbound, String::new()),
            (DeadlineKind::Lookup, Phase::Resolving(until)) if now < *until => {
                self.deadlines.set(kind, *until);
                return self.destination().host_name().map(Step::LastGood);
            }
            (DeadlineKind::Lookup, Phase::Deciding) => {
                let detail = "the database has not answered in time".to_owned();
                End(DatabaseError, None, detail)
            }
            (DeadlineKind::Lookup, _) => End(DnsError, outbound, no_answer(self.destination())),
            (DeadlineKind::Grant, _) => self.grant_due()?,
            (DeadlineKind::Connect, Phase::Connecting(dial)) => {
                End(ConnectTimeout, outbound, dial.failure().detail)
            }
            (DeadlineKind::Idle | DeadlineKind::HalfCloseIdle, Phase::Relaying(relay)) => {
                End(relay.expired(), None, String::new())
            }
            (DeadlineKind::Lifetime, _) => End(Lifetime, None, String::new()),
            (DeadlineKind::PeerExpiry, _) => {
                self.peer_expiry(now, unix_now);
                return None;
            }
            (DeadlineKind::Reload, _) => self.renewal.end(),
            (DeadlineKind::Drain, _) => End(Drained, None, String::new()),
            _ => {
                self.deadlines.clear(kind);
                return None;
            }
        };
        self.end(end);
        None
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
            given = [Some(inward.state()), Some(outward.state())];
        }
        // First, so that who has read the line finds it counted.
        self.count_end(now);
        self.summary.tell(now);
        let [to_inbound, to_outbound] = given;
        let inbound = match self.is_turned_away {
            true => Duty::Linger,
            false => duty(&self.inbound, reason, to_inbound, is_handshake),
        };
        let outbound = self.outbound.map(|leg| {
            let duty = duty(&leg, reason, to_outbound, is_handshake);
            (Side::Outbound, leg, duty)
        });
        let legs = std::iter::once((Side::Inbound, self.inbound, inbound)).chain(outbound);
        Closing::begin(legs, self.served.pair.timeouts.half_close, now)
    }
}

/// The resolver has not said anything about a destination in time.
pub fn no_answer(destination: &Address) -> String {
    format!("no answer for the name in {destination}")
}

const BARE_ANSWER: &str = "the peer answered our close_notify by closing without one of its own; if \
    it always does (nginx does), set on_truncation to end";

/// Whether a peer's TCP connection ended without close_notify when the other side had ended already,
/// and nothing has come from it since.
///
/// Some peers answer every close_notify so. Its stream may still be a part of the whole, and the abort
/// stands; but it is no news.
fn is_bare_answer(relay: &Relay, reason: CloseReason) -> bool {
    let is_second = relay.culprit().map(Side::other) == relay.ended_first();
    reason == CloseReason::TlsTruncated && is_second && relay.was_mute_since()
}

/// Of a destination that we showed our certificate to, and that ended the connection without a word.
///
/// Some servers judge a certificate only once the handshake is done, and refuse it by closing as if
/// all were well; nobody can tell that from a server with nothing to say.
pub const MUTE_END: &str = "the destination ended it after the handshake without sending a byte: it may have \
    refused our certificate or not have reached its own destination, see its log";

/// What an operator may want to know of a destination that we showed our certificate to.
fn remark(relay: &Relay) -> &'static str {
    let left_first = relay.ended_first().or(relay.culprit());
    let is_mute = relay.flow_from(Side::Outbound).bytes() == 0;
    match left_first {
        Some(Side::Outbound) if is_mute => MUTE_END,
        _ => "",
    }
}

/// What is owed to a leg. `given` is the state of the flow that feeds it.
fn duty(leg: &Leg, reason: CloseReason, given: Option<FlowState>, is_handshake: bool) -> Duty {
    let is_tls = leg.session().is_some();
    match reason {
        CloseReason::Completed => Duty::Close,
        // Its answer is complete, but it may still be sending.
        CloseReason::SinkLost if given == Some(FlowState::Ended) => Duty::LingerLong,
        // It was given all there is, and has sent nothing for long.
        CloseReason::HalfCloseIdle if given == Some(FlowState::Ended) => Duty::Close,
        // What it was given is a part of the whole.
        CloseReason::SinkLost if is_tls => Duty::Close,
        CloseReason::SinkLost => Duty::Abort,
        // An alert is on its way.
        _ if is_tls && (reason.delivers_first() || is_handshake && reason.sends_alert()) => {
            Duty::Linger
        }
        _ if is_tls => Duty::Close,
        _ if reason.delivers_first() => Duty::DeliverThenAbort,
        _ => Duty::Abort,
    }
}
