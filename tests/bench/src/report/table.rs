//! Markdown tables.

use std::fmt::Write;

use super::Report;
use crate::measure::Sample;
use crate::peers::{Kind, Mode};
use crate::run::FLOOR;
use crate::scenario::Scenario;

/// The whole text.
pub(super) fn all(report: &Report) -> String {
    let mut text = String::from("# Figures of one run\n\n");
    text += &circumstances(report);
    for mode in Mode::ALL {
        if !report.outcomes.keys().any(|(_, m, _)| *m == Some(mode)) {
            continue;
        }
        let _ = writeln!(text, "\n## {} mode\n", capital(mode.label()));
        text += &costs(report, mode);
        text += "\n";
        text += &speeds(report, mode);
        text += &memory(report, mode);
        text += &tail(report, mode);
    }
    text += &failures(report);
    text
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn circumstances(report: &Report) -> String {
    let mut text = format!(
        "Medians of {} round{} of {} s each; TLS 1.3, TLS_AES_128_GCM_SHA256, X25519, certificates on \
         P-256 on both sides; memory of one round. With BoringSSL's FIPS module the group is P-256. CPU time is that of the subject's processes, user and \
         system. The wide buffers of nginx and HAProxy serve them in bulk, and cost them memory.\n\n\
         | subject | TLS library |\n|---|---|\n",
        report.rounds,
        if report.rounds == 1 { "" } else { "s" },
        report.seconds
    );
    for peer in &report.peers {
        let _ = writeln!(text, "| {} | {} |", peer.version, peer.library);
    }
    let crypto = &report.crypto;
    let micros = |seconds: f64| seconds * 1e6;
    let _ = writeln!(
        text,
        "\nBare work of BoringSSL here: AES-128-GCM {:.3} s/GiB sealing and {:.3} opening records of \
         16 KiB; {:.2} and {:.2} µs for one of 64 bytes; a mutual handshake in memory {:.0} µs as \
         client and {:.0} as server, resumed {:.0} and {:.0}. The floor is the plain relay of the same \
         scenario, with buffers of 256 KiB, and that work; of a full handshake the verification of the \
         peer's chain is a part.",
        crypto.seal_large * 65_536.0,
        crypto.open_large * 65_536.0,
        micros(crypto.seal_small),
        micros(crypto.open_small),
        micros(crypto.client_full),
        micros(crypto.server_full),
        micros(crypto.client_resumed),
        micros(crypto.server_resumed),
    );
    text
}

fn peers(report: &Report, mode: Mode) -> Vec<&'static str> {
    let names = Kind::ALL.map(Kind::name).into_iter();
    let is_there = |name: &&'static str| {
        let mut keys = report.outcomes.keys();
        keys.any(|(_, m, n)| *m == Some(mode) && n == name)
    };
    names.filter(is_there).collect()
}

/// Costs, with the ratios that the goals are about.
fn costs(report: &Report, mode: Mode) -> String {
    let names = peers(report, mode);
    let mut text = String::from("| scenario | unit |");
    for name in &names {
        let _ = write!(text, " {name} |");
    }
    text += " floor | ours / best peer | goal | ours / floor | goal |\n|---|---|";
    text += &"---:|".repeat(names.len() + 5);
    text += "\n";
    for scenario in report.scenarios() {
        if scenario == Scenario::Tail {
            continue;
        }
        let (unit, scale) = scenario.unit();
        let _ = write!(text, "| {scenario} | {unit} |");
        for name in &names {
            let cost = report.cost(scenario, mode, name);
            let _ = write!(text, " {} |", number(cost.map(|cost| cost * scale)));
        }
        let ours = report.cost(scenario, mode, Kind::Ours.name());
        let floor = report.floor(scenario, mode);
        let best = report.best_peer(scenario, mode).map(|(_, cost)| cost);
        let (peer_goal, floor_goal) = scenario.goals();
        let _ = writeln!(
            text,
            " {} | {} | {} | {} | {} |",
            number(floor.map(|cost| cost * scale)),
            ratio(ours, best, peer_goal),
            goal(peer_goal),
            ratio(ours, floor, floor_goal),
            goal(floor_goal),
        );
    }
    text
}

/// What a user's clock shows.
fn speeds(report: &Report, mode: Mode) -> String {
    let mut names = peers(report, mode);
    names.push(FLOOR);
    let mut text = String::from("| scenario | figure |");
    for name in &names {
        let _ = write!(text, " {name} |");
    }
    text += "\n|---|---|";
    text += &"---:|".repeat(names.len());
    text += "\n";
    for scenario in report.scenarios() {
        for (figure, of) in speed_figures(scenario) {
            let _ = write!(text, "| {scenario} | {figure} |");
            for name in &names {
                let mode = (*name != FLOOR).then_some(mode);
                let found = report.figure(scenario, mode, name, &of);
                let _ = write!(text, " {} |", number(found));
            }
            text += "\n";
        }
    }
    text
}

type Figure = Box<dyn Fn(&Sample) -> Option<f64>>;

fn speed_figures(scenario: Scenario) -> Vec<(&'static str, Figure)> {
    const GBIT: f64 = 8.0 * 1.073_741_824;
    let rate = |scale: f64| -> Figure { Box::new(move |sample| Some(sample.rate * scale)) };
    let percentile = |at: usize| -> Figure {
        Box::new(move |sample| sample.percentiles.map(|micros| micros[at] * 1e6))
    };
    let latencies = [("p50 µs", 0), ("p99 µs", 1), ("p99.9 µs", 2)];
    match scenario {
        Scenario::Bulk(..) => vec![("Gbit/s", rate(GBIT))],
        Scenario::Connect { .. } | Scenario::Messages(..) => {
            let mut all = vec![("per second", rate(1.0))];
            all.extend(latencies.map(|(name, at)| (name, percentile(at))));
            if scenario == (Scenario::Connect { resumes: true }) {
                all.push(("% resumed", Box::new(|sample| Some(sample.resumed * 100.0))));
            }
            all
        }
        Scenario::Idle | Scenario::Tail => Vec::new(),
    }
}

fn memory(report: &Report, mode: Mode) -> String {
    let mut text = String::new();
    for name in peers(report, mode) {
        let outcomes = report.outcomes.get(&(Scenario::Idle, Some(mode), name));
        let last = outcomes.and_then(|outcomes| outcomes.last());
        let Some(Ok(Sample {
            memory: Some(memory),
            ..
        })) = last
        else {
            continue;
        };
        if text.is_empty() {
            text += "\n| memory (PSS) | empty, KiB |";
            for (count, _) in &memory.held {
                let _ = write!(text, " {count} held, KiB each |");
            }
            text += " when they have ended, KiB | of empty |\n|---|";
            text += &"---:|".repeat(memory.held.len() + 3);
            text += "\n";
        }
        let _ = write!(text, "| {name} | {} |", memory.empty);
        for (count, kib) in &memory.held {
            let each = kib.saturating_sub(memory.empty) as f64 / *count as f64;
            let _ = write!(text, " {each:.1} |");
        }
        let share = memory.after as f64 / memory.empty as f64;
        let _ = writeln!(text, " {} | {share:.2} |", memory.after);
    }
    text
}

fn tail(report: &Report, mode: Mode) -> String {
    if !report.scenarios().contains(&Scenario::Tail) {
        return String::new();
    }
    let mut text = String::from(
        "\n| messages of 64 B on 16 connections, µs | alone p50 | p99 | p99.9 | beside 500 new \
         connections a second and a transfer p50 | p99 | p99.9 | new connections a second |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for name in peers(report, mode) {
        let _ = write!(text, "| {name} |");
        for loaded in [false, true] {
            for at in 0..3 {
                let found = report.figure(Scenario::Tail, Some(mode), name, |sample| {
                    let of = if loaded {
                        sample.percentiles
                    } else {
                        sample.alone
                    };
                    of.map(|of| of[at] * 1e6)
                });
                let _ = write!(text, " {} |", number(found));
            }
        }
        let rate = report.figure(Scenario::Tail, Some(mode), name, |sample| Some(sample.rate));
        let _ = writeln!(text, " {} |", number(rate));
    }
    text
}

fn failures(report: &Report) -> String {
    let mut text = String::new();
    for ((scenario, mode, name), outcomes) in &report.outcomes {
        if let Some(Err(error)) = outcomes.iter().find(|outcome| outcome.is_err()) {
            let mode = mode.map_or("plain", Mode::label);
            let _ = writeln!(text, "* {name}, {mode}, {scenario}: {error}");
        }
    }
    for why in &report.left_out {
        let _ = writeln!(text, "* left out: {why}");
    }
    match text.is_empty() {
        true => text,
        false => format!("\nNot measured, and not counted as a peer there:\n\n{text}"),
    }
}

fn goal(goal: Option<f64>) -> String {
    goal.map_or_else(|| "–".to_owned(), |goal| format!("≤ {goal:.2}"))
}

/// In bold where the goal is missed.
fn ratio(ours: Option<f64>, other: Option<f64>, goal: Option<f64>) -> String {
    let (Some(ours), Some(other)) = (ours, other) else {
        return "–".to_owned();
    };
    let ratio = ours / other;
    match goal {
        Some(goal) if ratio > goal + 0.005 => format!("**{ratio:.2}**"),
        _ => format!("{ratio:.2}"),
    }
}

/// With three digits that matter.
fn number(figure: Option<f64>) -> String {
    match figure {
        None => "–".to_owned(),
        Some(figure) if figure >= 100.0 => format!("{figure:.0}"),
        Some(figure) if figure >= 10.0 => format!("{figure:.1}"),
        Some(figure) if figure >= 1.0 => format!("{figure:.2}"),
        Some(figure) => format!("{figure:.3}"),
    }
}
