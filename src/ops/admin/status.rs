//! How the program is, as one object: for a page, for a terminal, and for whoever asks by a script.

mod pair;

use std::sync::Mutex;

use serde::Serialize;

use self::pair::{Pair, pair};
use super::legs::{Leg, leg};
use super::pages::{Page, time, uptime};
use super::rates::Rates;
use super::site;
use super::survey::Survey;
use crate::ops::board::{Board, Stage};
use crate::ops::fips::Effect;
use crate::ops::history::{Came, Load};
use crate::ops::metrics::Process;
use crate::ops::reload::Crew;
use crate::ops::supervisor::unix_now;
use crate::reactor::Failed;
use crate::tls;

/// Pairs that are told of, and failures of connections.
pub(super) const PAIRS_MAX: usize = 1000;
const FAILURES_MAX: usize = 64;

#[derive(Serialize)]
struct Status<'a> {
    time: String,
    /// Since the start, by a clock that nobody sets: what rates are reckoned by.
    uptime_ms: u64,
    stage: &'a str,
    program: Program,
    process: Process,
    generation: Generation,
    reloads: Reloads<'a>,
    fips: Fips,
    /// Whether the kernel holds the program to its files and ports.
    landlock: &'static str,
    connections: Option<Connections>,
    workers: Vec<Worker>,
    dns: Option<Dns>,
    pairs: Vec<Pair<'a>>,
    pairs_total: usize,
    failures: Vec<Failure<'a>>,
    silent_workers: usize,
}

#[derive(Serialize)]
struct Program {
    version: &'static str,
    tls_library: String,
    pid: u32,
}

#[derive(Serialize)]
struct Generation {
    number: u64,
    since: String,
}

#[derive(Serialize)]
struct Reloads<'a> {
    failing: bool,
    served: u64,
    refused: u64,
    last: Vec<Reload<'a>>,
}

#[derive(Serialize)]
struct Reload<'a> {
    at: String,
    occasion: &'a str,
    result: &'a str,
    /// What it serves as.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    /// What was wrong: what it is, and what to do.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    problems: &'a [String],
    times: u64,
}

#[derive(Serialize)]
struct Fips {
    wanted: String,
    in_effect: bool,
    verdict: String,
    proven_at: Option<String>,
}

#[derive(Serialize)]
struct Connections {
    open: usize,
    limit: usize,
    handshakes: usize,
    accept_errors: u64,
}

#[derive(Serialize)]
struct Worker {
    connections: usize,
    turns: u64,
    cpu_seconds: Option<f64>,
}

#[derive(Serialize)]
struct Dns {
    lookups: u64,
    failures: u64,
}

#[derive(Serialize)]
struct Failure<'a> {
    at: String,
    times: u64,
    pair: &'a str,
    reason: &'a str,
    remedy: &'a str,
    leg: Option<&'a str>,
    detail: &'a str,
    inbound: Leg<'a>,
    outbound: Leg<'a>,
}

/// The page as JSON.
pub(super) async fn page(board: &Board, rates: &Mutex<Rates>) -> String {
    // None of those that live: only what failed.
    let survey = Survey::of(board, 0).await;
    let now = unix_now();
    let (generation, loads, stage) = (board.generation(), board.loads(), board.stage());
    let (gauges, crew) = (board.gauges(), board.crew());
    let posts = generation.posts();
    let shown = posts.iter().take(PAIRS_MAX);
    let failed = survey.answers.iter().flat_map(|(_, answer)| &answer.failed);
    let rates = site::rates(rates);
    let status = Status {
        time: time(now),
        uptime_ms: uptime(board),
        stage: stage.label(),
        program: Program {
            version: env!("CARGO_PKG_VERSION"),
            tls_library: tls::library_version(),
            pid: std::process::id(),
        },
        process: Process::now(),
        generation: Generation {
            number: generation.number,
            since: time(gauges.serves_since()),
        },
        reloads: Reloads {
            failing: gauges.is_reload_failing(),
            // The start was the first generation, and no reload.
            served: generation.number.saturating_sub(1),
            refused: gauges.failed_reloads(),
            last: loads.iter().rev().map(reload).collect(),
        },
        fips: fips(board),
        landlock: board.origin.landlock.label(),
        connections: crew.map(connections),
        workers: crew.map_or(Vec::new(), workers),
        dns: crew.map(|crew| Dns {
            lookups: crew.lookups.asked.get(),
            failures: crew.lookups.failed.get(),
        }),
        pairs: shown
            .map(|post| {
                let rates = rates.of(&post.served.pair.name);
                pair(post, rates, stage == Stage::Draining, now)
            })
            .collect(),
        pairs_total: posts.len(),
        failures: failures(failed),
        silent_workers: survey.silent,
    };
    Page::new(true, &status).json
}

fn reload(load: &Load) -> Reload<'_> {
    let (result, generation, problems) = match &load.came {
        Came::Served(number) => ("served", Some(*number), &[][..]),
        Came::Refused(problems) => ("refused", None, &problems[..]),
    };
    Reload {
        at: time(load.at),
        occasion: load.occasion.map_or("start", |occasion| occasion.label()),
        result,
        generation,
        problems,
        times: load.times,
    }
}

fn fips(board: &Board) -> Fips {
    let proofs = &board.origin.fips;
    let (standing, proof) = (proofs.standing(), proofs.last());
    let in_effect = standing.effect == Effect::Proven;
    Fips {
        wanted: standing.wanted.to_string(),
        in_effect,
        verdict: standing.line(proof.facts.as_ref()),
        proven_at: in_effect.then(|| time(proof.at)),
    }
}

fn connections(crew: &Crew) -> Connections {
    let admission = &crew.admission;
    Connections {
        open: admission.connections(),
        limit: admission.limit(),
        handshakes: admission.handshakes(),
        accept_errors: admission.errors(),
    }
}

fn workers(crew: &Crew) -> Vec<Worker> {
    let loads = crew.admission.loads().zip(&crew.counters);
    let workers = loads.map(|(connections, counters)| Worker {
        connections,
        turns: counters.turns(),
        cpu_seconds: Process::thread_cpu_seconds(counters.thread()),
    });
    workers.collect()
}

/// The newest first.
fn failures<'a>(failed: impl Iterator<Item = &'a Failed>) -> Vec<Failure<'a>> {
    let mut failed: Vec<_> = failed.collect();
    failed.sort_by_key(|failed| std::cmp::Reverse(failed.at));
    failed.truncate(FAILURES_MAX);
    failed.into_iter().map(failure).collect()
}

fn failure(failed: &Failed) -> Failure<'_> {
    let failure = &failed.failure;
    Failure {
        at: time(failed.at),
        times: failed.times,
        pair: &failure.pair.name,
        reason: failure.reason.label(),
        remedy: failure.reason.remedy(),
        leg: failure.side.map(|side| side.label()),
        detail: &failure.detail,
        inbound: leg(&failure.inbound),
        outbound: leg(&failure.outbound),
    }
}
