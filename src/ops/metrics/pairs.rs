//! What is told of pairs and their connections.

use std::fmt;

use super::family::{Families, Family};
use crate::base::counters::Distribution;
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::base::tally::{Decision, HANDSHAKE_BOUNDS, Limit, PairSum};
use crate::config::Pair;
use crate::reactor::Post;

/// A pair, and what was counted of it.
pub(super) struct Counted<'a> {
    pub(super) pair: &'a Pair,
    pub(super) sum: PairSum,
}

impl<'a> Counted<'a> {
    pub(super) fn new(post: &'a Post) -> Counted<'a> {
        let mut sum = PairSum::default();
        post.counters.add_to(&mut sum);
        Counted {
            pair: &post.served.pair,
            sum,
        }
    }
}

/// Writes what older programs have no name for, with the pair's name on each sample.
pub(super) fn write(families: &mut Families<'_>, pairs: &[Counted<'_>]) -> fmt::Result {
    let mut infos = families.infos("pair", "What a pair joins")?;
    for Counted { pair, .. } in pairs {
        let (mode, inbound, outbound) = (
            pair.mode.to_string(),
            pair.inbound.to_string(),
            pair.outbound.to_string(),
        );
        infos.info(&[
            ("pair", &pair.name),
            ("mode", &mode),
            ("inbound", &inbound),
            ("outbound", &outbound),
        ])?;
    }
    let mut closes = families.counters(
        "connection_closes",
        "Connections that have ended, by reason",
    )?;
    for Counted { pair, sum } in pairs {
        for (reason, count) in CloseReason::ALL.iter().zip(sum.closed) {
            closes.counter(&[("pair", &pair.name), ("reason", reason.label())], count)?;
        }
    }
    failed_handshakes(families, pairs)?;
    let mut reached = families.counters(
        "limit_reached",
        "How often a limit made new connections wait",
    )?;
    for Counted { pair, sum } in pairs {
        for (limit, count) in Limit::ALL.iter().zip(sum.reached) {
            reached.counter(&[("pair", &pair.name), ("limit", limit.label())], count)?;
        }
    }
    Ok(())
}

fn failed_handshakes(families: &mut Families<'_>, pairs: &[Counted<'_>]) -> fmt::Result {
    let mut failures = families.counters(
        "tls_handshake_failures",
        "TLS handshakes that came to nothing, by our role and by reason",
    )?;
    for Counted { pair, sum } in pairs {
        for (side, role) in roles(pair) {
            for reason in CloseReason::ALL.iter().filter(|r| r.is_about_handshake()) {
                let labels = [
                    ("pair", pair.name.as_str()),
                    ("role", role),
                    ("reason", reason.label()),
                ];
                let count = sum.failed_handshakes[side as usize][*reason as usize];
                failures.counter(&labels, count)?;
            }
        }
    }
    Ok(())
}

/// Writes the families that mtlsd has too, with the pair's name and more on each sample.
pub(super) fn write_labelled(families: &mut Families<'_>, pairs: &[Counted<'_>]) -> fmt::Result {
    let mut active = active(families)?;
    for Counted { pair, sum } in pairs {
        active.gauge(&[("pair", &pair.name)], sum.active())?;
    }
    let mut total = total(families)?;
    for Counted { pair, sum } in pairs {
        total.counter(&[("pair", &pair.name)], sum.opened)?;
    }
    let mut bytes = bytes(families)?;
    for Counted { pair, sum } in pairs {
        for (direction, count) in [("outward", sum.outward), ("inward", sum.inward)] {
            bytes.counter(&[("pair", &pair.name), ("direction", direction)], count)?;
        }
    }
    let mut durations = durations(families)?;
    for Counted { pair, sum } in pairs {
        durations.histogram(&[("pair", &pair.name)], &sum.durations)?;
    }
    write_decisions(decisions(families)?, pairs)?;
    write_handshakes(handshakes(families)?, pairs)?;
    let mut errors = dial_errors(families)?;
    for Counted { pair, sum } in pairs {
        for reason in CloseReason::ALL.iter().filter(|r| r.is_about_dial()) {
            let labels = [("pair", pair.name.as_str()), ("reason", reason.label())];
            errors.counter(&labels, sum.closed[*reason as usize])?;
        }
    }
    Ok(())
}

fn write_decisions(mut decisions: Family<'_>, pairs: &[Counted<'_>]) -> fmt::Result {
    for Counted { pair, sum } in pairs {
        for (side, role) in roles(pair) {
            let counts = sum.decisions[side as usize];
            for (decision, count) in Decision::ALL.iter().zip(counts) {
                let labels = [
                    ("pair", pair.name.as_str()),
                    ("role", role),
                    ("result", decision.label()),
                ];
                decisions.counter(&labels, count)?;
            }
        }
    }
    Ok(())
}

fn write_handshakes(mut handshakes: Family<'_>, pairs: &[Counted<'_>]) -> fmt::Result {
    for Counted { pair, sum } in pairs {
        for (side, role) in roles(pair) {
            let [full, resumed] = &sum.handshakes[side as usize];
            for (is_resumed, distribution) in [("false", full), ("true", resumed)] {
                let labels = [
                    ("pair", pair.name.as_str()),
                    ("role", role),
                    ("resumed", is_resumed),
                ];
                handshakes.histogram(&labels, distribution)?;
            }
        }
    }
    Ok(())
}

/// Writes the families of mtlsd with its labels, over all pairs.
pub(super) fn write_as_mtlsd(families: &mut Families<'_>, sum: &PairSum) -> fmt::Result {
    active(families)?.gauge(&[], sum.active())?;
    total(families)?.counter(&[], sum.opened)?;
    let mut bytes = bytes(families)?;
    bytes.counter(&[("direction", "client_to_target")], sum.outward)?;
    bytes.counter(&[("direction", "target_to_client")], sum.inward)?;
    durations(families)?.histogram(&[], &sum.durations)?;
    let mut decisions = decisions(families)?;
    let count = |decision: Decision| {
        let counts = sum.decisions.map(|counts| counts[decision as usize]);
        counts.iter().sum::<u64>()
    };
    // It knows no list that is only observed.
    let allowed = count(Decision::Allowed) + count(Decision::Observed);
    decisions.counter(&[("result", Decision::Allowed.label())], allowed)?;
    let denied = count(Decision::Denied);
    decisions.counter(&[("result", Decision::Denied.label())], denied)?;
    let mut taken = Distribution::new(HANDSHAKE_BOUNDS);
    for distribution in sum.handshakes.iter().flatten() {
        taken.merge(distribution);
    }
    handshakes(families)?.histogram(&[], &taken)?;
    let errors = CloseReason::ALL.iter().filter(|r| r.is_about_dial());
    let errors: u64 = errors.map(|reason| sum.closed[*reason as usize]).sum();
    dial_errors(families)?.counter(&[], errors)
}

fn active<'s>(families: &'s mut Families<'_>) -> Result<Family<'s>, fmt::Error> {
    families.gauges("active_connections", "Connections that live")
}

fn total<'s>(families: &'s mut Families<'_>) -> Result<Family<'s>, fmt::Error> {
    families.counters("connections", "Connections that were accepted")
}

fn bytes<'s>(families: &'s mut Families<'_>) -> Result<Family<'s>, fmt::Error> {
    families.counters(
        "bytes_proxied",
        "Bytes that were forwarded, without what TLS adds",
    )
}

fn durations<'s>(families: &'s mut Families<'_>) -> Result<Family<'s>, fmt::Error> {
    families.histograms(
        "connection_duration_seconds",
        "How long connections that have ended were, from accept on",
    )
}

fn decisions<'s>(families: &'s mut Families<'_>) -> Result<Family<'s>, fmt::Error> {
    families.counters(
        "acl_decisions",
        "Verified peers that the access list was asked about",
    )
}

fn handshakes<'s>(families: &'s mut Families<'_>) -> Result<Family<'s>, fmt::Error> {
    families.histograms(
        "tls_handshake_duration_seconds",
        "How long TLS handshakes that were done took, waits for the peer included",
    )
}

fn dial_errors<'s>(families: &'s mut Families<'_>) -> Result<Family<'s>, fmt::Error> {
    families.counters(
        "dial_errors",
        "Connections whose destination could not be reached",
    )
}

/// The legs of a pair that are, or may be, TLS, with our role in them.
fn roles(pair: &Pair) -> impl Iterator<Item = (Side, &'static str)> + use<> {
    let inbound = pair.mode.inbound_tls().then_some((Side::Inbound, "server"));
    let outbound = pair.outbound_tls().then_some((Side::Outbound, "client"));
    inbound.into_iter().chain(outbound)
}
