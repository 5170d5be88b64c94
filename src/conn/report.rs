//! What others may see of a connection: its part in the figures, and itself while it lives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Connection, Phase};
use super::summary::{Failure, LegFacts};
use crate::base::id::{ConnId, Side};
use crate::base::reason::CloseReason;
use crate::base::tally::Reach;
use crate::config::Pair;

/// A live connection as it was at one moment.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its name in its worker.
    pub id: ConnId,
    /// Its pair, as it was served when it came.
    pub pair: Arc<Pair>,
    /// Where it is in its life: `inbound_header`, `inbound_handshake`, `preamble`, `deciding`, `resolving`,
    /// `connecting`, `outbound_handshake`, `asking` or `relaying`.
    pub phase: &'static str,
    /// For whom it is made, by a PROXY header.
    pub source: Option<SocketAddr>,
    /// How long it has lived.
    pub age: Duration,
    /// How long nothing has moved; as long as it has lived while it does not relay.
    pub idle: Duration,
    /// The leg that was accepted.
    pub inbound: LegFacts,
    /// The leg to the destination.
    pub outbound: LegFacts,
    /// Bytes from the inbound to the outbound leg.
    pub bytes_outward: u64,
    /// Bytes from the outbound to the inbound leg.
    pub bytes_inward: u64,
}

impl Connection {
    /// How it is now.
    pub fn report(&self, now: Instant) -> Report {
        let summary = &self.summary;
        Report {
            id: self.id,
            pair: Arc::clone(&self.served.pair),
            phase: match self.phase {
                Phase::InboundHeader => "inbound_header",
                Phase::InboundHandshake => "inbound_handshake",
                Phase::Preamble(_) => "preamble",
                Phase::Deciding | Phase::Decided => "deciding",
                Phase::Resolving(_) => "resolving",
                Phase::Connecting(_) => "connecting",
                Phase::OutboundHandshake => "outbound_handshake",
                Phase::Asking(_) => "asking",
                Phase::Relaying(_) => "relaying",
            },
            source: summary.told.as_ref().map(|told| told.source),
            age: now.saturating_duration_since(summary.started),
            idle: now.saturating_duration_since(self.activity.at),
            inbound: summary.inbound.clone(),
            outbound: summary.outbound.clone(),
            bytes_outward: summary.bytes_outward,
            bytes_inward: summary.bytes_inward,
        }
    }

    /// What is to be remembered of its end, if it is one that somebody should look at.
    pub fn failure(&self) -> Option<Failure> {
        self.summary.failure()
    }

    /// Counts its end.
    pub(super) fn count_end(&self, now: Instant) {
        let Some(reason) = self.summary.reason() else {
            return;
        };
        let duration = now.saturating_duration_since(self.summary.started);
        self.tally.closed(reason, duration);
        if let Some(side) = self.summary.culprit()
            && is_failed_handshake(reason, self.is_handshaking())
        {
            self.tally.handshake_failed(side, reason);
        }
        if self.is_unreached(reason) {
            self.tally.went(Reach::Failed(reason));
        }
    }

    /// Whether an outcome is that its destination could not be reached, or refuses us.
    fn is_unreached(&self, reason: CloseReason) -> bool {
        let is_outbound = self.summary.culprit() == Some(Side::Outbound);
        let is_on_its_way = !matches!(
            self.phase,
            Phase::InboundHeader | Phase::InboundHandshake | Phase::Relaying(_)
        );
        is_outbound && (is_on_its_way || reason == CloseReason::CertificateRefused)
    }
}

/// Whether an outcome is that of a handshake: one that is under way, or one that a client took for done
/// when the server had yet to judge its certificate (RFC 8446, 4.4.2).
fn is_failed_handshake(reason: CloseReason, is_handshaking: bool) -> bool {
    reason == CloseReason::CertificateRefused || is_handshaking && reason.is_about_handshake()
}
