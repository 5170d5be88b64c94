//! The live connections, which the workers are asked for.

use std::time::{Duration, Instant};

use hyper::body::Bytes;
use serde::Serialize;
use tokio::sync::{Mutex, oneshot};
use tokio::time::timeout_at;

use super::pages::{Page, time};
use crate::conn::{Judgement, LegFacts, Report};
use crate::identity::{PeerCert, San};
use crate::ops::board::Board;
use crate::reactor::{Answer, Ask, WorkerMsg};

/// Connections that one worker tells of: some tenths of a millisecond of its time.
const MOST: usize = 1000;

/// How long a worker may take to answer. It is at most as long as its longest turn.
const PATIENCE: Duration = Duration::from_secs(1);

/// For how long an answer is good for everybody who asks.
const FRESH: Duration = Duration::from_secs(1);

/// The page of live connections, which is made once a second at most.
#[derive(Default)]
pub(super) struct Connections {
    last: Mutex<Option<(Instant, Bytes)>>,
}

impl Connections {
    /// As JSON.
    pub(super) async fn page(&self, board: &Board) -> Bytes {
        let mut last = self.last.lock().await;
        let now = tokio::time::Instant::now();
        if let Some((at, page)) = &*last
            && now.into_std() < *at + FRESH
        {
            return page.clone();
        }
        let (answers, silent) = ask(board, now + PATIENCE).await;
        let page = Bytes::from(page(board, &answers, silent).json);
        *last = Some((tokio::time::Instant::now().into_std(), page.clone()));
        page
    }
}

/// What the workers tell, and how many of them tell nothing in time.
async fn ask(board: &Board, until: tokio::time::Instant) -> (Vec<Answer>, usize) {
    let workers = board.crew().map_or(&[][..], |crew| &crew.workers);
    let asked: Vec<_> = workers
        .iter()
        .map(|worker| {
            let (sender, receiver) = oneshot::channel();
            // Nobody waits for it any more if it is late.
            let reply = Box::new(|answer| drop(sender.send(answer)));
            worker.post(WorkerMsg::Report(Ask { most: MOST, reply }));
            receiver
        })
        .collect();
    let mut answers = Vec::new();
    let mut silent = 0;
    for receiver in asked {
        match timeout_at(until, receiver).await {
            Ok(Ok(answer)) => answers.push(answer),
            Ok(Err(_)) | Err(_) => silent += 1,
        }
    }
    (answers, silent)
}

#[derive(Serialize)]
struct Shown<'a> {
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
    pair: &'a str,
    phase: &'a str,
    age_ms: u64,
    idle_ms: u64,
    bytes_outward: u64,
    bytes_inward: u64,
    inbound: Leg<'a>,
    outbound: Leg<'a>,
}

#[derive(Serialize)]
struct Leg<'a> {
    endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<Peer<'a>>,
}

#[derive(Serialize)]
struct Tls<'a> {
    version: &'a str,
    suite: &'a str,
    group: &'a str,
    resumed: bool,
}

#[derive(Serialize)]
struct Peer<'a> {
    subject: &'a str,
    sans: Vec<String>,
    issuer: &'a str,
    serial: &'a str,
    not_after: String,
    /// The rule of the access list that admits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_by: Option<&'a str>,
    /// No rule does, and the list is only observed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    observed: bool,
}

fn page(board: &Board, answers: &[Answer], silent_workers: usize) -> Page {
    let reports = answers.iter().flat_map(|answer| &answer.reports);
    let shown = Shown {
        connections: reports.map(connection).collect(),
        open: board.crew().map_or(0, |crew| crew.admission.connections()),
        truncated: silent_workers > 0 || answers.iter().any(|answer| answer.is_cut),
        silent_workers,
    };
    Page::new(true, &shown)
}

fn connection(report: &Report) -> Connection<'_> {
    Connection {
        pair: &report.pair.name,
        phase: report.phase,
        age_ms: millis(report.age),
        idle_ms: millis(report.idle),
        bytes_outward: report.bytes_outward,
        bytes_inward: report.bytes_inward,
        inbound: leg(&report.inbound),
        outbound: leg(&report.outbound),
    }
}

fn leg(facts: &LegFacts) -> Leg<'_> {
    Leg {
        endpoint: facts.endpoint.as_ref().map(ToString::to_string),
        tls: facts.negotiated.as_deref().map(|negotiated| Tls {
            version: &negotiated.version,
            suite: &negotiated.suite,
            group: &negotiated.group,
            resumed: negotiated.is_resumed,
        }),
        peer: facts.peer.as_deref().map(|peer| shown(peer, facts)),
    }
}

fn shown<'a>(peer: &'a PeerCert, facts: &'a LegFacts) -> Peer<'a> {
    Peer {
        subject: &peer.subject,
        sans: peer.sans.iter().map(San::to_string).collect(),
        issuer: &peer.issuer,
        serial: &peer.serial,
        not_after: time(peer.not_after),
        allowed_by: match &facts.judgement {
            Some(Judgement::Admitted(Some(rule))) => Some(rule),
            _ => None,
        },
        observed: facts.judgement == Some(Judgement::Observed),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
