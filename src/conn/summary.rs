//! What happened on a connection: its line in the access log.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use log::Record;
use log::kv::{self, Key, Value, VisitSource};

use super::authorize::Judgement;
use crate::base::id::Side;
use crate::base::reason::{CloseReason, Severity};
use crate::config::Pair;
use crate::identity::PeerCert;
use crate::net::Endpoint;
use crate::net::proxy::Ends;
use crate::route::Row;
use crate::tls::Negotiated;

/// The target of the access log's lines.
pub const ACCESS_TARGET: &str = "access";

/// Facts about one connection, filled as they become known and told exactly once, at its end.
pub(super) struct Summary {
    pair: Arc<Pair>,
    pub(super) started: Instant,
    pub(super) inbound: LegFacts,
    pub(super) outbound: LegFacts,
    /// The host that a client of a connector wants.
    host: Option<Arc<str>>,
    /// For whom a PROXY header has told that the connection is made.
    pub(super) told: Option<Box<Ends>>,
    /// Bytes from the inbound to the outbound leg.
    pub(super) bytes_outward: u64,
    /// Bytes from the outbound to the inbound leg.
    pub(super) bytes_inward: u64,
    /// The outcome is no news, though its reason would be.
    pub(super) is_expected: bool,
    outcome: Option<Outcome>,
    is_told: bool,
}

/// What is known of one leg.
#[derive(Clone, Debug, Default)]
pub struct LegFacts {
    /// Who connected, or which address was reached.
    pub endpoint: Option<Endpoint>,
    /// What its handshake agreed on.
    pub negotiated: Option<Arc<Negotiated>>,
    /// The certificate that its peer showed.
    pub peer: Option<Arc<PeerCert>>,
    /// What the pair's access list says of the peer.
    pub judgement: Option<Judgement>,
}

/// A connection that ended as none should.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its pair, as it was served when it came.
    pub pair: Arc<Pair>,
    /// Why it ended.
    pub reason: CloseReason,
    /// The leg that this is about, if it is about one.
    pub side: Option<Side>,
    /// What more is known, in one line.
    pub detail: String,
    /// The leg that was accepted.
    pub inbound: LegFacts,
    /// The leg to the destination.
    pub outbound: LegFacts,
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
            host: None,
            told: None,
            bytes_outward: 0,
            bytes_inward: 0,
            is_expected: false,
            outcome: None,
            is_told: false,
        }
    }

    /// A client of a connector wants that host.
    pub(super) fn asked_for(&mut self, host: Arc<str>) {
        self.host = Some(host);
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
        self.inbound.negotiated.as_deref()
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
        facts.negotiated = Some(Arc::new(negotiated));
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

    /// The leg that its end is about, if it is about one.
    pub(super) fn culprit(&self) -> Option<Side> {
        self.outcome.as_ref()?.side
    }

    /// Why it ended, if it did.
    pub(super) fn reason(&self) -> Option<CloseReason> {
        self.outcome.as_ref().map(|outcome| outcome.reason)
    }

    /// Which leg its end is about, if it is about one.
    pub(super) fn side(&self) -> Option<Side> {
        self.outcome.as_ref()?.side
    }

    /// What is kept of it, but for its user and its bytes.
    pub(super) fn record(&self, now: Instant, unix_now: i64) -> Row {
        let endpoint = |facts: &LegFacts| facts.endpoint.as_ref().map(ToString::to_string);
        Row {
            ended_at: unix_now,
            user: None,
            host: self.host.clone(),
            inbound: endpoint(&self.inbound).unwrap_or_default(),
            outbound: endpoint(&self.outbound),
            bytes_outward: 0,
            bytes_inward: 0,
            duration: now.saturating_duration_since(self.started),
            reason: self.reason().unwrap_or(CloseReason::Internal).label(),
        }
    }

    /// What is to be remembered of it: it has ended, and not as an ordinary connection does.
    pub(super) fn failure(&self) -> Option<Failure> {
        let outcome = self.outcome.as_ref()?;
        let is_notable = outcome.reason.severity() == Severity::Notable && !self.is_expected;
        is_notable.then(|| Failure {
            pair: Arc::clone(&self.pair),
            reason: outcome.reason,
            side: outcome.side,
            detail: outcome.detail.clone(),
            inbound: self.inbound.clone(),
            outbound: self.outbound.clone(),
        })
    }

    /// Writes the line.
    pub(super) fn tell(&mut self, now: Instant) {
        self.is_told = true;
        let level = match self.reason().map(CloseReason::severity) {
            Some(Severity::Ordinary) => log::Level::Info,
            _ if self.is_expected => log::Level::Info,
            _ => log::Level::Warn,
        };
        if log::log_enabled!(target: ACCESS_TARGET, level) {
            log::logger().log(
                &Record::builder()
                    .target(ACCESS_TARGET)
                    .level(level)
                    .args(format_args!(""))
                    .key_values(&Line::of(self, now))
                    .build(),
            );
        }
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

/// What a line says, in its order.
struct Line<'a> {
    fields: Vec<(&'static str, Told<'a>)>,
}

/// One thing that is told.
enum Told<'a> {
    /// What comes from outside, which is quoted and escaped.
    Text(Cow<'a, str>),
    /// A word that cannot hold what would have to be.
    Word(Cow<'a, str>),
    Number(u64),
    True,
}

impl kv::Source for Line<'_> {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        for (key, told) in &self.fields {
            let value = match told {
                Told::Text(text) => Value::from(text.as_ref()),
                Told::Word(word) => Value::from_display(word),
                Told::Number(number) => Value::from(*number),
                Told::True => Value::from(true),
            };
            visitor.visit_pair(Key::from_str(key), value)?;
        }
        Ok(())
    }
}

impl<'a> Line<'a> {
    fn of(summary: &'a Summary, now: Instant) -> Line<'a> {
        let mut line = Line { fields: Vec::new() };
        line.text("pair", summary.pair.name.as_str());
        line.endpoint(&summary.inbound, &INBOUND);
        if let Some(told) = &summary.told {
            line.word("inbound_source", told.source.to_string());
        }
        line.leg(&summary.inbound, &INBOUND);
        line.endpoint(&summary.outbound, &OUTBOUND);
        line.leg(&summary.outbound, &OUTBOUND);
        if let Some(host) = &summary.host {
            line.text("connect_id", &**host);
        }
        let duration = now.saturating_duration_since(summary.started);
        line.number("bytes_outward", summary.bytes_outward);
        line.number("bytes_inward", summary.bytes_inward);
        line.number("duration_ms", duration.as_millis() as u64);
        if let Some(outcome) = &summary.outcome {
            line.outcome(outcome, summary.is_expected);
        }
        line
    }

    fn outcome(&mut self, outcome: &'a Outcome, is_expected: bool) {
        self.word("reason", outcome.reason.label());
        if let Some(side) = outcome.side {
            self.word("leg", side.label());
        }
        if !outcome.detail.is_empty() {
            self.text("detail", outcome.detail.as_str());
        }
        let remedy = outcome.reason.remedy();
        if !remedy.is_empty() && !is_expected {
            self.text("remedy", remedy);
        }
    }

    fn endpoint(&mut self, facts: &'a LegFacts, keys: &LegKeys) {
        match &facts.endpoint {
            Some(Endpoint::Tcp(address)) => self.word(keys.endpoint, address.to_string()),
            // A stranger may have bound its end to any name.
            Some(endpoint) => self.text(keys.endpoint, endpoint.to_string()),
            None => self.word(keys.endpoint, "-"),
        }
    }

    fn leg(&mut self, facts: &'a LegFacts, keys: &LegKeys) {
        if let Some(negotiated) = &facts.negotiated {
            self.word(keys.version, negotiated.version.as_str());
            self.word(keys.suite, negotiated.suite.as_str());
            self.word(keys.group, negotiated.group.as_str());
            if negotiated.is_resumed {
                self.fields.push((keys.resumed, Told::True));
            }
        }
        if let Some(peer) = &facts.peer {
            self.text(keys.subject, peer.subject.as_str());
            self.text(keys.sans, peer.sans_text());
            self.text(keys.issuer, peer.issuer.as_str());
            self.word(keys.serial, peer.serial.as_str());
        }
        match &facts.judgement {
            Some(Judgement::Admitted(Some(rule))) => self.text(keys.allowed_by, rule.as_ref()),
            Some(Judgement::Observed) => {
                self.word(keys.observed, CloseReason::AclDenied.label());
            }
            _ => {}
        }
    }

    fn text(&mut self, key: &'static str, text: impl Into<Cow<'a, str>>) {
        self.fields.push((key, Told::Text(text.into())));
    }

    fn word(&mut self, key: &'static str, word: impl Into<Cow<'a, str>>) {
        self.fields.push((key, Told::Word(word.into())));
    }

    fn number(&mut self, key: &'static str, number: u64) {
        self.fields.push((key, Told::Number(number)));
    }
}

/// What the facts of a leg are called.
struct LegKeys {
    endpoint: &'static str,
    version: &'static str,
    suite: &'static str,
    group: &'static str,
    resumed: &'static str,
    subject: &'static str,
    sans: &'static str,
    issuer: &'static str,
    serial: &'static str,
    allowed_by: &'static str,
    observed: &'static str,
}

const INBOUND: LegKeys = LegKeys {
    endpoint: "inbound",
    version: "inbound_version",
    suite: "inbound_suite",
    group: "inbound_group",
    resumed: "inbound_resumed",
    subject: "inbound_subject",
    sans: "inbound_sans",
    issuer: "inbound_issuer",
    serial: "inbound_serial",
    allowed_by: "inbound_allowed_by",
    observed: "inbound_observed",
};

const OUTBOUND: LegKeys = LegKeys {
    endpoint: "outbound",
    version: "outbound_version",
    suite: "outbound_suite",
    group: "outbound_group",
    resumed: "outbound_resumed",
    subject: "outbound_subject",
    sans: "outbound_sans",
    issuer: "outbound_issuer",
    serial: "outbound_serial",
    allowed_by: "outbound_allowed_by",
    observed: "outbound_observed",
};
