//! What a whole run is held to, beside each of its connections.

use std::collections::{BTreeMap, BTreeSet};

use super::gauges::{Metrics, Standing};
use super::ground::Ground;
use super::kind::Kind;
use super::ledger::Sum;
use super::pairs::Pair;
use super::trouble::{self, Events};

/// So much more than that after the warm-up may be no leak, in KiB: a tenth, and room for the allocator's
/// arenas.
///
/// Each worker has an arena, in which what is left between blocks of long life (credentials, sessions,
/// tickets, chains that were verified) depends on their order; whole pages of it go back when a crowd has
/// gone, and the rest of a page does not.
fn growth_max(before_kib: u64) -> u64 {
    before_kib / 10 + 4096
}

/// So much more than in the middle may be none at the end, in KiB. Caches have been full by then, and the
/// arenas have met everything.
const LATE_GROWTH_MAX: u64 = 2048;

/// How the program stood when nobody was there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standings {
    /// Behind the warm-up.
    pub(super) before: Standing,
    /// Behind the first half of the load.
    pub(super) middle: Standing,
    /// Behind the second.
    pub(super) after: Standing,
}

impl Standings {
    /// Which bounds are exceeded, and by what.
    pub(super) fn exceeded(&self) -> Vec<String> {
        let Standings {
            before,
            middle,
            after,
        } = self;
        let mut told = Vec::new();
        let mut hold = |what: &str, is: u64, was: u64, growth_max: u64| {
            if is > was + growth_max {
                told.push(format!(
                    "{what}: {was}, and {is} later; {growth_max} more at most are allowed"
                ));
            }
        };
        let memory = "memory of its own in KiB";
        hold(
            &format!("{memory}, from the warm-up to the end"),
            after.anonymous_kib,
            before.anonymous_kib,
            growth_max(before.anonymous_kib),
        );
        hold(
            &format!("{memory}, from the middle to the end"),
            after.anonymous_kib,
            middle.anonymous_kib,
            LATE_GROWTH_MAX,
        );
        for (then, standing) in [("the middle", middle), ("the end", after)] {
            let was = (before.descriptors as u64, before.threads as u64);
            let is = (standing.descriptors as u64, standing.threads as u64);
            hold(
                &format!("descriptors, from the warm-up to {then}"),
                is.0,
                was.0,
                0,
            );
            hold(
                &format!("threads, from the warm-up to {then}"),
                is.1,
                was.1,
                0,
            );
        }
        told
    }
}

/// How large a part of a pair's connections must be complete at the least: that some are broken is
/// what most of these pairs are for.
fn least_part(pair: Pair) -> f64 {
    match pair {
        Pair::Nginx | Pair::Server | Pair::Bridge => 0.5,
        Pair::Extra => 0.9,
        Pair::Shaky | Pair::Openssl => 0.1,
        Pair::Moody => 0.05,
        Pair::Mute => 0.0,
    }
}

/// Whether all of it was there: a bound that nothing was held to is none.
pub(super) fn happened(ground: &Ground, events: &Events, metrics: &Metrics) {
    let ledger = &ground.ledger;
    let kinds = ledger.kinds();
    for kind in Kind::ALL
        .into_iter()
        .filter(|kind| !kinds.contains_key(kind))
    {
        ledger.violation(format!("nobody has done {kind:?}"));
    }
    let sums = ledger.sums();
    for pair in Pair::ALL {
        let sum = sums.get(&pair).cloned().unwrap_or_default();
        let all: u64 = sum.reasons.values().sum();
        let completed = sum.reasons.get("completed").copied().unwrap_or(0);
        if all == 0 || (completed as f64) < all as f64 * least_part(pair) {
            ledger.violation(format!(
                "{completed} connections of {all} were completed at {pair:?}"
            ));
        }
    }
    for (pair, role) in [(Pair::Nginx, "client"), (Pair::Server, "server")] {
        let more = format!(",role=\"{role}\",resumed=\"true\"");
        if metrics.of("tls_handshake_duration_seconds_count", pair, &more) == 0 {
            ledger.violation(format!("no session was resumed at {pair:?}"));
        }
    }
    for event in trouble::ROUND
        .into_iter()
        .filter(|event| !events.contains_key(event))
    {
        ledger.violation(format!("there was no {event:?}"));
    }
}

/// Where the program's metrics do not say what its access log says. Those of a pair go with it.
pub(super) fn disagreements(sums: &BTreeMap<Pair, Sum>, metrics: &Metrics) -> Vec<String> {
    let mut told = Vec::new();
    let mut hold = |what: &str, pair: Pair, metric: u64, log: u64| {
        if metric != log {
            told.push(format!(
                "{what} of {pair:?}: {metric} by the metrics, {log} by the log"
            ));
        }
    };
    let mut missing = Vec::new();
    for (pair, sum) in sums.iter().filter(|(pair, _)| **pair != Pair::Extra) {
        let pair = *pair;
        let opened = metrics.of("connections_total", pair, "");
        hold("connections", pair, opened, sum.reasons.values().sum());
        let closes = metrics.reasons(pair);
        let reasons: BTreeSet<&String> = closes.keys().chain(sum.reasons.keys()).collect();
        for reason in reasons {
            let count = |of: &BTreeMap<String, u64>| of.get(reason).copied().unwrap_or(0);
            hold(reason, pair, count(&closes), count(&sum.reasons));
        }
        for (direction, bytes) in [("outward", sum.outward), ("inward", sum.inward)] {
            let more = format!(",direction=\"{direction}\"");
            let metric = metrics.of("bytes_proxied_total", pair, &more);
            hold(direction, pair, metric, bytes);
        }
        match metrics.gauge_of("active_connections", pair) {
            Ok(live) => hold("live connections", pair, live, 0),
            Err(error) => missing.push(error.to_string()),
        }
    }
    match metrics.get("log_lines_dropped_total") {
        Ok(0.0) => {}
        Ok(lost) => told.push(format!("{lost} lines of the log are lost")),
        Err(error) => missing.push(error.to_string()),
    }
    told.append(&mut missing);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some minutes of load, by the memory then.
    fn standings(before: u64, middle: u64, after: u64) -> Standings {
        let [before, middle, after] = [before, middle, after].map(|anonymous_kib| Standing {
            anonymous_kib,
            descriptors: 28,
            threads: 12,
            ..Standing::default()
        });
        Standings {
            before,
            middle,
            after,
        }
    }

    #[test]
    fn what_stands_where_it_stood_exceeds_nothing() {
        assert_eq!(standings(10_496, 12_476, 12_900).exceeded(), [""; 0]);
    }

    #[test]
    fn a_leak_shows_in_the_second_half_and_one_that_comes_early_in_the_whole() {
        let exceeded = |standings: Standings| standings.exceeded().len();
        // 50 bytes in each of 46,000 connections, in blocks of 64.
        assert_eq!(exceeded(standings(10_496, 12_476, 12_476 + 2_875)), 1);
        assert_eq!(exceeded(standings(10_496, 16_000, 16_100)), 1);
        let mut more = standings(10_496, 12_476, 12_476);
        more.middle.descriptors += 1;
        more.after.threads += 1;
        assert_eq!(exceeded(more), 2);
    }

    const METRICS: &str = "\
# TYPE mtls_persona_connections_total counter
mtls_persona_connections_total{pair=\"nginx\"} 3
mtls_persona_connection_closes_total{pair=\"nginx\",reason=\"completed\"} 2
mtls_persona_connection_closes_total{pair=\"nginx\",reason=\"idle\"} 1
mtls_persona_connection_closes_total{pair=\"nginx\",reason=\"drained\"} 0
mtls_persona_bytes_proxied_total{pair=\"nginx\",direction=\"outward\"} 7
mtls_persona_bytes_proxied_total{pair=\"nginx\",direction=\"inward\"} 0
mtls_persona_active_connections{pair=\"nginx\"} 0
mtls_persona_log_lines_dropped_total 0
";

    fn disagree(reasons: &[(&str, u64)], metrics: &str) -> usize {
        let reasons = reasons.iter();
        let sum = Sum {
            outward: 7,
            inward: 0,
            reasons: reasons
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
        };
        let sums = BTreeMap::from([(Pair::Nginx, sum)]);
        disagreements(&sums, &Metrics::parse(metrics)).len()
    }

    #[test]
    fn metrics_and_log_count_the_same_reasons() {
        let both = [("completed", 2), ("idle", 1)];
        assert_eq!(disagree(&both, METRICS), 0);
        // One that the metrics alone have, and one that the log alone has.
        assert_eq!(disagree(&[("completed", 3)], METRICS), 2);
        assert_eq!(disagree(&[("completed", 2), ("drained", 1)], METRICS), 2);
    }

    #[test]
    fn a_metric_under_another_name_is_missed() {
        let both = [("completed", 2), ("idle", 1)];
        for name in [
            "active_connections",
            "log_lines_dropped",
            "connection_closes",
            "bytes",
        ] {
            let renamed = METRICS.replace(name, "another");
            assert!(disagree(&both, &renamed) > 0, "{name}");
        }
    }
}
