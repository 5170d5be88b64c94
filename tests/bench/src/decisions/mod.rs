//! What a connector's decisions cost: beside the bare statement, and beside a pair that decides nothing.
//!
//! ```text
//!  activity ──TLS──▶ subject ──plain──▶ service
//!                       │
//!                       ▼
//!      pgbench ────▶ PostgreSQL
//! ```

mod database;
mod metrics;
mod pgbench;
mod report;
mod visits;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::load::{ClientTls, Identity, Service};
use crate::peers::{GROUP, Kind, Peer, Pki, find};
use crate::{pki, run};
use database::Database;
use report::Report;
use visits::Case;

/// Hosts, and as many users.
const HOSTS: u64 = 100_000;

/// The user that every client is, and its organisation.
const USER: &str = "u";
const ORG: &str = "o";
const ISSUER: &str = "bench";

const COUNT: u64 = 50_000;
const QUICK_COUNT: u64 = 2_000;
const ROUNDS: u64 = 3;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Decisions {
    /// Statements or connections of each measurement [default: 50000, quick: 2000]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1000..))]
    count: Option<u64>,
    /// One short round: to see that all of it works, and the order of magnitude
    #[arg(long)]
    quick: bool,
    /// Rounds, of which the median counts [default: 3, quick: 1]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: Option<u64>,
    /// A folder to write the tables to
    #[arg(long)]
    save: Option<PathBuf>,
}

/// What the measurements of a run have in common. What is in front ends first.
struct Ground {
    client: Arc<ClientTls>,
    service: Service,
    pki: Pki,
    ours: Peer,
    count: u64,
    database: Database,
    folder: tempfile::TempDir,
}

impl Ground {
    fn new(count: u64) -> io::Result<Ground> {
        let ours = find(Kind::Ours).map_err(io::Error::other)?;
        let folder = run::folder()?;
        let uri = format!("spiffe://{ISSUER}/orgs/{ORG}/users/{USER}");
        let pki = pki::make_with_uri(&ours.program, &folder.path().join("pki"), &uri)?;
        let client =
            ClientTls::new(&pki, &pki, Identity::Known, GROUP).map_err(io::Error::other)?;
        let service = Service::start(None)?;
        let database = Database::start()?;
        database.fill(service.address)?;
        Ok(Ground {
            client: Arc::new(client),
            service,
            pki,
            ours,
            count,
            database,
            folder,
        })
    }
}

/// `mtls-persona-bench decisions`.
pub(crate) fn decisions(words: &Decisions) -> io::Result<()> {
    let usual = if words.quick { QUICK_COUNT } else { COUNT };
    let count = words.count.unwrap_or(usual);
    let rounds = words.rounds.unwrap_or(if words.quick { 1 } else { ROUNDS });
    run::raise_descriptors()?;
    eprintln!("filling PostgreSQL with {HOSTS} hosts");
    let ground = Ground::new(count)?;
    let mut report = Report::new(&ground, rounds)?;
    for round in 1..=rounds {
        for mode in pgbench::Mode::ALL {
            eprintln!("round {round} of {rounds}: pgbench, {mode}");
            report.asked(mode, pgbench::run(&ground.database, mode, count)?);
        }
        for case in Case::ALL {
            for resumes in [false, true] {
                let kind = if resumes { "resumed" } else { "full" };
                eprintln!("round {round} of {rounds}: {case}, {kind} handshakes");
                let visits = visits::measure(&ground, case, resumes);
                let told = |error| io::Error::other(format!("{case}, {kind}: {error}"));
                report.visited(case, resumes, visits.map_err(told)?);
            }
        }
    }
    let text = report.text();
    print!("{text}");
    words
        .save
        .as_deref()
        .map_or(Ok(()), |folder| save(folder, &text))
}

fn save(folder: &Path, text: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("DECISIONS.md"), text)
}
