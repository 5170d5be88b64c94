//! A pair: what it joins, how it fares, and what was counted of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::counters::Distribution;
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::base::tally::{Decision, Limit, PairSum, Reach};
use crate::config;
use crate::identity::PeerCert;
use crate::ops::admin::pages::{Left, left, time};
use crate::ops::admin::rates::Shown as Rates;
use crate::reactor::Post;
use crate::tls::ListDates;

/// A pair. What is counted is since it was first served.
#[derive(Serialize)]
pub(super) struct Pair<'a> {
    name: &'a str,
    mode: String,
    inbound: String,
    outbound: String,
    /// Where it listens, with the ports that the system chose.
    listening: Vec<String>,
    state: &'a str,
    /// Why the last connection that went for the destination has not reached it.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<Failing<'a>>,
    connections: Connections,
    bytes_outward: u64,
    bytes_inward: u64,
    rates: Rates,
    /// By leg; only legs that are TLS.
    handshakes: BTreeMap<&'a str, Handshakes>,
    /// How often, by decision: peers that an access list was asked about.
    acl: BTreeMap<&'a str, u64>,
    dial_errors: u64,
    /// By reason; only those that there were.
    closes: BTreeMap<&'a str, u64>,
    /// By limit; only those that there were.
    limits_reached: BTreeMap<&'a str, u64>,
    certificate: Certificate<'a>,
    /// The authorities above it, up to the anchor.
    chain: Vec<Authority<'a>>,
    crls: Vec<List<'a>>,
}

#[derive(Serialize)]
struct Failing<'a> {
    reason: &'a str,
    remedy: &'a str,
}

#[derive(Serialize)]
struct Connections {
    active: u64,
    total: u64,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Handshakes {
    full: u64,
    resumed: u64,
    failed: u64,
    /// How long those that were done took on average; none if there was none.
    mean_ms: Option<f64>,
}

#[derive(Serialize)]
struct Certificate<'a> {
    file: String,
    subject: &'a str,
    sans: Vec<String>,
    issuer: &'a str,
    serial: &'a str,
    not_before: String,
    #[serde(flatten)]
    left: Left,
}

#[derive(Serialize)]
struct Authority<'a> {
    subject: &'a str,
    #[serde(flatten)]
    left: Left,
}

#[derive(Serialize)]
struct List<'a> {
    file: &'a str,
    issuer: &'a str,
    this_update: String,
    next_update: Option<String>,
    overdue: bool,
}

/// A pair as it is at `now`, in seconds since 1970.
pub(super) fn pair(post: &Post, rates: Rates, is_draining: bool, now: i64) -> Pair<'_> {
    let mut sum = PairSum::default();
    post.counters.add_to(&mut sum);
    let pair = &post.served.pair;
    let credentials = &post.served.credentials;
    let failing = match post.counters.reach() {
        Reach::Failed(reason) => Some(Failing {
            reason: reason.label(),
            remedy: reason.remedy(),
        }),
        Reach::Untried | Reach::Reached => None,
    };
    let dial_errors = CloseReason::ALL.iter().filter(|r| r.is_about_dial());
    Pair {
        name: &pair.name,
        mode: pair.mode.to_string(),
        inbound: pair.inbound.to_string(),
        outbound: pair.outbound.to_string(),
        listening: match is_draining {
            true => Vec::new(),
            false => post.endpoints.iter().map(ToString::to_string).collect(),
        },
        state: match (is_draining, &failing) {
            (true, _) => "draining",
            (false, Some(_)) => "failing",
            (false, None) => "listening",
        },
        failing,
        connections: Connections {
            active: sum.active(),
            total: sum.opened,
            limit: pair.connections,
        },
        bytes_outward: sum.outward,
        bytes_inward: sum.inward,
        rates,
        handshakes: handshakes(&sum, pair),
        acl: Decision::ALL
            .into_iter()
            .map(|decision| {
                let counts = sum.decisions.map(|counts| counts[decision as usize]);
                (decision.label(), counts.iter().sum())
            })
            .collect(),
        dial_errors: dial_errors.map(|reason| sum.closed[*reason as usize]).sum(),
        closes: some(CloseReason::ALL.iter().map(|r| r.label()), &sum.closed),
        limits_reached: some(Limit::ALL.iter().map(|l| l.label()), &sum.reached),
        certificate: certificate(pair.tls.cert.display().to_string(), &credentials.cert, now),
        chain: authorities(&credentials.chain, now),
        crls: credentials
            .lists
            .iter()
            .map(|list| crl(list, now))
            .collect(),
    }
}

fn handshakes(sum: &PairSum, pair: &config::Pair) -> BTreeMap<&'static str, Handshakes> {
    let sides = [
        (Side::Inbound, pair.mode.inbound_tls()),
        (Side::Outbound, pair.outbound_tls()),
    ];
    let sides = sides.into_iter().filter(|(_, is_tls)| *is_tls);
    let told = sides.map(|(side, _)| {
        let [full, resumed] = &sum.handshakes[side as usize];
        let count = full.count() + resumed.count();
        let millis = |taken: &Distribution| taken.sum.as_secs_f64() * 1e3;
        let handshakes = Handshakes {
            full: full.count(),
            resumed: resumed.count(),
            failed: sum.failed_handshakes[side as usize].iter().sum(),
            mean_ms: (count > 0).then(|| (millis(full) + millis(resumed)) / count as f64),
        };
        (side.label(), handshakes)
    });
    told.collect()
}

/// Those counts that are not 0, under their words.
fn some<'a>(words: impl Iterator<Item = &'a str>, counts: &[u64]) -> BTreeMap<&'a str, u64> {
    let counts = words.zip(counts.iter().copied());
    counts.filter(|(_, count)| *count > 0).collect()
}

fn certificate(file: String, cert: &PeerCert, now: i64) -> Certificate<'_> {
    Certificate {
        file,
        subject: &cert.subject,
        sans: cert.sans.iter().map(ToString::to_string).collect(),
        issuer: &cert.issuer,
        serial: &cert.serial,
        not_before: time(cert.not_before),
        left: left(cert, now),
    }
}

/// Those of a chain whose first is the certificate itself.
fn authorities(chain: &[PeerCert], now: i64) -> Vec<Authority<'_>> {
    let authorities = chain.iter().skip(1).map(|cert| Authority {
        subject: &cert.subject,
        left: left(cert, now),
    });
    authorities.collect()
}

fn crl(list: &ListDates, now: i64) -> List<'_> {
    List {
        file: &list.file,
        issuer: &list.issuer,
        this_update: time(list.this_update),
        next_update: list.next_update.map(time),
        overdue: list.next_update.is_some_and(|next| next < now),
    }
}
