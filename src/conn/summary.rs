//! What happened on a connection: its line in the access log.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::authorize::Judgement;
use crate::base::id::Side;
use crate::base::reason::{CloseReason, Severity};
use crate::config::Pair;
use crate::identity::PeerCert;
use crate::net::Endpoint;
use crate::net::proxy::Ends;
use crate::tls::Negotiated;

/// The target of the access log's lines.
pub const ACCESS_TARGET: &str = "access";

/// Facts about one connection, filled as they become known and told exactly once, at its end.
pub(super) struct Summary {
    pair: Arc<Pair>,
    started: Instant,
    inbound: LegFacts,
    outbound: LegFacts,
    /// For whom a PROXY header has told that the connection is made.
    told: Option<Box<Ends>>,
    /// Bytes from the inbound to the outbound leg.
    pub(super) bytes_outward: u64,
    /// Bytes from the outbound to the inbound leg.
    pub(super) bytes_inward: u64,
    /// The outcome is no news, though its reason would be.
    pub(super) is_expected: bool,
    outcome: Option<Outcome>,
    is_told: bool,
}

#[derive(Default)]
struct LegFacts {
    endpoint: Option<Endpoint>,
    negotiated: Option<Negotiated>,
    peer: Option<Arc<PeerCert>>,
    judgement: Option<Judgement>,
}

struct Outcome {
    reason: CloseReason,
    side: Option<Side>,
    detail: String,
}

impl Summary {
    /// A connection that was just accepted from `peer`.
    pub(super) fn new(pair: Arc<Pair>, peer: Endpoint, now: Instant) -> Summary {
        Summary {
            pair,
            started: now,
            inbound: LegFacts {
                endpoint: Some(peer),
                ..LegFacts::default()
            },
            outbound: LegFacts::default(),
            told: None,
            bytes_outward: 0,
            bytes_inward: 0,
            is_expected: false,
            outcome: None,
            is_told: false,
        }
    }

    /// A PROXY header has told for whom the connection is made.
    pub(super) fn told(&mut self, ends: Ends) {
        self.told = Some(Box::new(ends));
    }

    /// For whom the connection is made: as it was told, or else who opened it to `own`.
    pub(super) fn ends(&self, own: Option<SocketAddr>) -> Option<Ends> {
        match (&self.told, &self.inbound.endpoint) {
            (Some(told), _) => Some(**told),
            (None, Some(Endpoint::Tcp(source))) => Some(Ends {
                source: *source,
                destination: own?,
            }),
            _ => None,
        }
    }

    /// What was negotiated on the inbound leg.
    pub(super) fn inbound_negotiated(&self) -> Option<&Negotiated> {
        self.inbound.negotiated.as_ref()
    }

    /// The destination was reached there.
    pub(super) fn connected(&mut self, endpoint: Endpoint) {
        self.outbound.endpoint = Some(endpoint);
    }

    /// A handshake was done.
    pub(super) fn secured(
        &mut self,
        side: Side,
        negotiated: Negotiated,
        peer: Option<Arc<PeerCert>>,
    ) {
        let facts = self.leg(side);
        facts.negotiated = Some(negotiated);
        facts.peer = peer;
    }

    /// The certificate of the peer of a leg, once it is known.
    pub(super) fn peer(&self, side: Side) -> Option<&PeerCert> {
        let facts = match side {
            Side::Inbound => &self.inbound,
            Side::Outbound => &self.outbound,
        };
        facts.peer.as_deref()
    }

    /// An access list admits the peer of a leg.
    pub(super) fn judged(&mut self, side: Side, judgement: Judgement) {
        self.leg(side).judgement = Some(judgement);
    }

    /// A peer's certificate was refused.
    pub(super) fn refused(&mut self, side: Side, certificate: Option<Box<PeerCert>>) {
        self.leg(side).peer = certificate.map(Arc::from);
    }

    /// The outcome; only the first is kept. `side` is the leg that it is about, if it is about one.
    pub(super) fn ended(&mut self, reason: CloseReason, side: Option<Side>, detail: String) {
        self.outcome.get_or_insert(Outcome {
            reason,
            side,
            detail,
        });
    }

    /// Why it ended, if it did.
    pub(super) fn reason(&self) -> Option<CloseReason> {
        self.outcome.as_ref().map(|outcome| outcome.reason)
    }

    /// Writes the line.
    pub(super) fn tell(&mut self, now: Instant) {
        self.is_told = true;
        let level = match self.reason().map(CloseReason::severity) {
            Some(Severity::Ordinary) => log::Level::Info,
            _ if self.is_expected => log::Level::Info,
            _ => log::Level::Warn,
        };
        log::log!(target: ACCESS_TARGET, level, "{}", Line { summary: self, now });
    }

    fn leg(&mut self, side: Side) -> &mut LegFacts {
        match side {
            Side::Inbound => &mut self.inbound,
            Side::Outbound => &mut self.outbound,
        }
    }
}

impl Drop for Summary {
    fn drop(&mut self) {
        debug_assert!(
            self.is_told || std::thread::panicking(),
            "a connection went away untold"
        );
    }
}

/// One line of `key=value`; what comes from outside is quoted and escaped.
struct Line<'a> {
    summary: &'a Summary,
    now: Instant,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.summary;
        write!(f, "pair={:?}", summary.pair.name)?;
        for (side, facts) in [
            (Side::Inbound, &summary.inbound),
            (Side::Outbound, &summary.outbound),
        ] {
            facts.write_endpoint(f, side.label())?;
            if let (Side::Inbound, Some(told)) = (side, &summary.told) {
                write!(f, " inbound_source={}", told.source)?;
            }
            facts.write(f, side.label())?;
        }
        let duration = self.now.saturating_duration_since(summary.started);
        write!(
            f,
            " bytes_outward={} bytes_inward={} duration_ms={}",
            summary.bytes_outward,
            summary.bytes_inward,
            duration.as_millis()
        )?;
        let Some(outcome) = &summary.outcome else {
            return Ok(());
        };
        write!(f, " reason={}", outcome.reason.label())?;
        if let Some(side) = outcome.side {
            write!(f, " leg={}", side.label())?;
        }
        if !outcome.detail.is_empty() {
            write!(f, " detail={:?}", outcome.detail)?;
        }
        match outcome.reason.remedy() {
            "" => Ok(()),
            _ if summary.is_expected => Ok(()),
            remedy => write!(f, " remedy={remedy:?}"),
        }
    }
}

impl LegFacts {
    fn write_endpoint(&self, f: &mut fmt::Formatter<'_>, leg: &str) -> fmt::Result {
        match &self.endpoint {
            Some(Endpoint::Tcp(address)) => write!(f, " {leg}={address}"),
            // A stranger may have bound its end to any name.
            Some(endpoint) => write!(f, " {leg}={:?}", endpoint.to_string()),
            None => write!(f, " {leg}=-"),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, leg: &str) -> fmt::Result {
        if let Some(negotiated) = &self.negotiated {
            write!(
                f,
                " {leg}_version={} {leg}_suite={} {leg}_group={}",
                negotiated.version, negotiated.suite, negotiated.group
            )?;
            if negotiated.is_resumed {
                write!(f, " {leg}_resumed=true")?;
            }
        }
        if let Some(peer) = &self.peer {
            write!(
                f,
                " {leg}_subject={:?} {leg}_sans={:?} {leg}_issuer={:?} {leg}_serial={}",
                peer.subject,
                peer.sans_text(),
                peer.issuer,
                peer.serial
            )?;
        }
        match &self.judgement {
            Some(Judgement::Admitted(Some(rule))) => write!(f, " {leg}_allowed_by={rule:?}"),
            Some(Judgement::Observed) => {
                write!(f, " {leg}_observed={}", CloseReason::AclDenied.label())
            }
            _ => Ok(()),
        }
    }
}
