//! The figures of a run as Markdown.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use super::Outcome;
use super::course::Sample;
use super::gauges::Standing;
use super::ledger::{Ledger, Sum};
use super::pairs::Pair;
use crate::stats::{self, median};

/// The whole text.
pub(super) fn markdown(outcome: &Outcome, ledger: &Ledger) -> String {
    let mut text = format!(
        "# A run of {} minutes\n\nSeed {}.\n\n| | after the warm-up | in the middle | at the end | at most |\n\
         |---|---:|---:|---:|---:|\n",
        outcome.minutes, outcome.seed
    );
    let samples = &outcome.course.samples;
    type Figure = fn(&Standing) -> u64;
    let figures: [(&str, Figure); 5] = [
        ("memory of its own (anonymous), KiB", |standing| {
            standing.anonymous_kib
        }),
        ("memory (PSS), KiB", |standing| standing.pss_kib),
        ("memory (RSS), KiB", |standing| standing.rss_kib),
        ("descriptors", |standing| standing.descriptors as u64),
        ("threads", |standing| standing.threads as u64),
    ];
    for (name, figure) in figures {
        let most = samples.iter().map(|sample| figure(&sample.standing)).max();
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} |",
            figure(&outcome.standings.before),
            figure(&outcome.standings.middle),
            figure(&outcome.standings.after),
            most.unwrap_or(0)
        );
    }
    text += &flow(outcome, ledger);
    text += &counts(
        "done with connections",
        ledger
            .kinds()
            .into_iter()
            .map(|(kind, count)| (format!("{kind:?}"), count)),
    );
    text += &reasons(&ledger.sums());
    let events = outcome.course.events.iter();
    text += &counts(
        "meanwhile",
        events.map(|(event, count)| (format!("{event:?}"), *count)),
    );
    if !outcome.warnings.is_empty() {
        text += &counts("warning", outcome.warnings.clone());
    }
    match &outcome.violations {
        (0, _) => text += "\nAll bounds hold.\n",
        (count, told) => {
            let _ = writeln!(text, "\n{count} bounds are broken:\n");
            for what in told {
                let _ = writeln!(text, "* {what}");
            }
        }
    }
    text
}

/// Why connections have ended, by pair.
fn reasons(sums: &BTreeMap<Pair, Sum>) -> String {
    let mut all = BTreeMap::<&str, Vec<u64>>::new();
    for (at, sum) in sums.values().enumerate() {
        for (reason, count) in &sum.reasons {
            all.entry(reason).or_insert_with(|| vec![0; sums.len()])[at] = *count;
        }
    }
    let mut text = String::from("\n| reason of the end |");
    for pair in sums.keys() {
        let _ = write!(text, " {} |", pair.name());
    }
    let _ = write!(text, "\n|---|{}\n", "---:|".repeat(sums.len()));
    for (reason, counts) in all {
        let _ = write!(text, "| `{reason}` |");
        for count in counts {
            let _ = write!(text, " {count} |");
        }
        text += "\n";
    }
    text
}

fn flow(outcome: &Outcome, ledger: &Ledger) -> String {
    let samples = &outcome.course.samples;
    let middle = |figure: fn(&Sample) -> f64| {
        let figures: Vec<f64> = samples.iter().map(figure).collect();
        (median(&figures), figures.into_iter().fold(0.0, f64::max))
    };
    let mut text = String::from("\n| | median of a second | at most |\n|---|---:|---:|\n");
    for (name, (median, most)) in [
        ("live connections", middle(|sample| sample.live)),
        (
            "new connections a second",
            middle(|sample| sample.opened_a_second),
        ),
        (
            "MiB a second, both directions",
            middle(|sample| sample.mib_a_second),
        ),
    ] {
        let _ = writeln!(text, "| {name} | {median:.0} | {most:.0} |");
    }
    if let Some([half, most, _]) = stats::percentiles(outcome.course.latencies.clone()) {
        let _ = writeln!(
            text,
            "\nA message of 64 bytes there and back: {:.2} ms (p50), {:.2} ms (p99), load and program on the \
             same machine.",
            half * 1e3,
            most * 1e3
        );
    }
    let sums: Vec<Sum> = ledger.sums().into_values().collect();
    let bytes: u64 = sums.iter().map(|sum| sum.outward + sum.inward).sum();
    let connections: u64 = sums.iter().flat_map(|sum| sum.reasons.values()).sum();
    let _ = writeln!(
        text,
        "\n{connections} connections and {:.1} GiB in all, warm-up included.",
        bytes as f64 / f64::from(1 << 30)
    );
    text
}

fn counts<T: Display>(what: &str, counts: impl IntoIterator<Item = (T, u64)>) -> String {
    let mut text = format!("\n| {what} | count |\n|---|---:|\n");
    for (name, count) in counts {
        let _ = writeln!(text, "| {name} | {count} |");
    }
    text
}
