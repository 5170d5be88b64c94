//! What is told of the program as a whole and of its workers.

use std::fmt;

use super::dates;
use super::family::Families;
use super::process::Process;
use crate::ops::board::Board;
use crate::ops::fips::Effect;
use crate::ops::landlock::Landlock;
use crate::ops::logging;
use crate::ops::reload::Crew;
use crate::ops::supervisor::unix_now;
use crate::reactor::Generation;
use crate::tls;

/// Writes all of it. `generation` is the one of whose pairs is told: by the time it comes to that, there may
/// be another.
pub(super) fn write(
    families: &mut Families<'_>,
    board: &Board,
    generation: &Generation,
) -> fmt::Result {
    build(families)?;
    fips(families, board)?;
    landlock(families, board)?;
    families.counter(
        "log_lines_dropped",
        "Lines of the log that standard error was too slow for, or took no more of",
        logging::dropped(),
    )?;
    negotiated(families)?;
    reloads(families, board, generation.number)?;
    dates::write(families, generation, unix_now())?;
    match board.crew() {
        Some(crew) => {
            connections(families, crew)?;
            workers(families, crew)?;
            lookups(families, crew)?;
            connectors(families, crew)
        }
        None => Ok(()),
    }
}

fn build(families: &mut Families<'_>) -> fmt::Result {
    let library = tls::library_version();
    let unknown = "unknown";
    families.infos("build", "What is running")?.info(&[
        ("version", env!("CARGO_PKG_VERSION")),
        ("tls_library", &library),
        ("target", option_env!("PERSONA_TARGET").unwrap_or(unknown)),
        ("rustc", option_env!("PERSONA_RUSTC").unwrap_or(unknown)),
    ])
}

fn fips(families: &mut Families<'_>, board: &Board) -> fmt::Result {
    let proofs = &board.origin.fips;
    let (standing, proof) = (proofs.standing(), proofs.last());
    families.gauge(
        "fips_enabled",
        "1 if the TLS library runs as a FIPS module",
        u64::from(tls::is_fips()),
    )?;
    let is_proven = standing.effect == Effect::Proven;
    families.gauge(
        "fips_in_effect",
        "1 if FIPS is asked for, the module has proven itself, and nothing else is negotiated",
        u64::from(is_proven),
    )?;
    families.gauge(
        "fips_last_proof_timestamp_seconds",
        "When the module has proven itself last, in seconds since 1970; 0 where FIPS is not in effect",
        if is_proven { proof.at } else { 0 },
    )
}

fn landlock(families: &mut Families<'_>, board: &Board) -> fmt::Result {
    let mut states = families.gauges(
        "landlock",
        "Whether the kernel holds the program to its files and ports (Landlock): 1 for what is so",
    )?;
    for state in Landlock::ALL {
        let is_so = state == board.origin.landlock;
        states.gauge(&[("state", state.label())], u64::from(is_so))?;
    }
    Ok(())
}

fn negotiated(families: &mut Families<'_>) -> fmt::Result {
    let mut negotiated = families.counters(
        "tls_negotiated",
        "Finished handshakes by what they agreed on, each once for each kind of parameter",
    )?;
    for (parameter, value, count) in tls::seen() {
        negotiated.counter(&[("parameter", parameter), ("value", value)], count)?;
    }
    Ok(())
}

fn reloads(families: &mut Families<'_>, board: &Board, generation: u64) -> fmt::Result {
    let gauges = board.gauges();
    let mut reloads = families.counters("reloads", "Reloads, by what they came to")?;
    // The start was the first generation, and no reload.
    let done = generation.saturating_sub(1);
    reloads.counter(&[("result", "success")], done)?;
    reloads.counter(&[("result", "failure")], gauges.failed_reloads())?;
    families.gauge(
        "generation",
        "The load that serves new connections, counted from 1",
        generation,
    )?;
    families.gauge(
        "last_reload_success_timestamp_seconds",
        "When that load was published, in seconds since 1970",
        gauges.serves_since(),
    )?;
    families.gauge(
        "reload_failing",
        "1 while the files cannot be served as they are, and older ones are",
        u64::from(gauges.is_reload_failing()),
    )
}

fn connections(families: &mut Families<'_>, crew: &Crew) -> fmt::Result {
    let admission = &crew.admission;
    families.gauge(
        "open_connections",
        "Connections over all pairs, with those that are gone but for their last bytes",
        admission.connections() as u64,
    )?;
    families.gauge(
        "connections_limit",
        "Connections that there may be over all pairs",
        admission.limit() as u64,
    )?;
    families.gauge(
        "handshakes_under_way",
        "TLS handshakes under way over all pairs",
        admission.handshakes() as u64,
    )?;
    families.counter(
        "accept_errors",
        "Times at which the system had no descriptor or memory for a new connection",
        admission.errors(),
    )
}

fn workers(families: &mut Families<'_>, crew: &Crew) -> fmt::Result {
    let numbers: Vec<String> = (0..crew.workers.len()).map(|n| n.to_string()).collect();
    let mut connections = families.gauges("worker_connections", "Connections of a worker")?;
    for (number, load) in numbers.iter().zip(crew.admission.loads()) {
        connections.gauge(&[("worker", number)], load as u64)?;
    }
    let mut turns = families.counters("worker_turns", "Times that a worker has looked for work")?;
    for (number, counters) in numbers.iter().zip(&crew.counters) {
        turns.counter(&[("worker", number)], counters.turns())?;
    }
    let mut busy = families.counters(
        "worker_cpu_seconds",
        "Processor time of a worker; one that uses a second each second is as busy as can be",
    )?;
    for (number, counters) in numbers.iter().zip(&crew.counters) {
        if let Some(seconds) = Process::thread_cpu_seconds(counters.thread()) {
            busy.counter(&[("worker", number)], seconds)?;
        }
    }
    Ok(())
}

fn lookups(families: &mut Families<'_>, crew: &Crew) -> fmt::Result {
    families.counter(
        "dns_lookups",
        "Names that the system's resolver was asked for",
        crew.lookups.asked.get(),
    )?;
    families.counter(
        "dns_failures",
        "Names that it had no address for",
        crew.lookups.failed.get(),
    )
}

fn connectors(families: &mut Families<'_>, crew: &Crew) -> fmt::Result {
    let figures = crew.directories.figures();
    let mut decisions = families.counters(
        "connector_decisions",
        "Clients of connectors by what was decided, those that were looked at again included",
    )?;
    for (result, count) in figures.decisions() {
        decisions.counter(&[("result", result)], count)?;
    }
    let (lookups, took) = figures.lookups();
    families.counter(
        "connector_known_grants",
        "Grants that were known without asking the database",
        figures.known.get(),
    )?;
    families.counter(
        "connector_lookups",
        "Questions that were put to the database of a connector",
        lookups,
    )?;
    families.counter(
        "connector_lookup_seconds",
        "How long the database took over them in all",
        took.as_secs_f64(),
    )?;
    families.gauge(
        "connector_questions_waiting",
        "Questions that wait for a connection to the database, or for its answer",
        figures.waiting(),
    )?;
    families.counter(
        "connector_changes",
        "Changes of the database that were heard of, many at once as one",
        figures.changes.get(),
    )?;
    families.gauge(
        "connector_databases_unheard",
        "Databases of connectors of whose changes nothing is heard now",
        figures.deaf(),
    )?;
    families.counter(
        "connector_rows_lost",
        "Connections that are missing from the table of connections",
        figures.rows_lost.get(),
    )
}
