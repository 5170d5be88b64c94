//! The live connections, which the workers are asked for.

use std::net::SocketAddr;

use serde::Serialize;

use super::legs::{Leg, leg};
use super::pages::{Page, millis, uptime};
use super::survey::Survey;
use crate::conn::Report;
use crate::ops::board::Board;

/// Connections that one worker tells of: some tenths of a millisecond of its time.
const MOST: usize = 1000;

#[derive(Serialize)]
struct Shown<'a> {
    /// When it was so, since the start.
    uptime_ms: u64,
    connections: Vec<Connection<'a>>,
    /// How many there are, with those that are gone but for their last bytes.
    open: usize,
    /// Not all of them are told of.
    truncated: bool,
    /// Workers that did not answer in time.
    silent_workers: usize,
}

#[derive(Serialize)]
struct Connection<'a> {
    /// Names it for as long as the program runs.
    id: String,
    pair: &'a str,
    phase: &'a str,
    /// For whom it is made, by a PROXY header.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SocketAddr>,
    age_ms: u64,
    idle_ms: u64,
    bytes_outward: u64,
    bytes_inward: u64,
    inbound: Leg<'a>,
    outbound: Leg<'a>,
}

/// The page as JSON.
pub(super) async fn page(board: &Board) -> String {
    let survey = Survey::of(board, MOST).await;
    let answers = survey.answers.iter();
    let connections = answers.flat_map(|(worker, answer)| {
        let reports = answer.reports.iter();
        reports.map(|report| connection(*worker, report))
    });
    let is_cut = survey.answers.iter().any(|(_, answer)| answer.is_cut);
    let shown = Shown {
        uptime_ms: uptime(board),
        connections: connections.collect(),
        open: board.crew().map_or(0, |crew| crew.admission.connections()),
        truncated: survey.silent > 0 || is_cut,
        silent_workers: survey.silent,
    };
    Page::new(true, &shown).json
}

fn connection(worker: usize, report: &Report) -> Connection<'_> {
    Connection {
        id: format!("{worker}-{}", report.id.generation),
        pair: &report.pair.name,
        phase: report.phase,
        source: report.source,
        age_ms: millis(report.age),
        idle_ms: millis(report.idle),
        bytes_outward: report.bytes_outward,
        bytes_inward: report.bytes_inward,
        inbound: leg(&report.inbound),
        outbound: leg(&report.outbound),
    }
}
