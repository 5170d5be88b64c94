//! The program under everything at once for as long as is wanted, and how it stands afterwards.
//!
//! ```text
//!  clients ──▶ the program, eight pairs ──▶ nginx, openssl s_server, a service, one with moods
//! ```
//!
//! Nothing is measured against a clock here: what is held is that every connection comes to what it must,
//! that its client, the service and the program count the same, and that the program stands at the end
//! where it stood after a warm-up of the same kind.

mod acts;
mod bounds;
mod client;
mod course;
mod gateways;
mod gauges;
mod ground;
mod judge;
mod kind;
mod lanes;
mod ledger;
mod log;
mod moody;
mod pairs;
mod plot;
mod random;
mod rest;
mod service;
mod table;
mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bounds::Standings;
use course::{Course, load};
use ground::Ground;
use random::Random;
use rest::rest;

use crate::run;

/// The load before the one that counts.
const WARM_UP: Duration = Duration::from_secs(40);

/// What is to be run.
#[derive(clap::Args)]
pub(crate) struct Soak {
    /// Minutes of load, behind a warm-up
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// What all chance comes from [default: the time]
    #[arg(long)]
    seed: Option<u64>,
    /// A folder to write the table and the plot to
    #[arg(long)]
    save: Option<PathBuf>,
}

/// A run and what it is told by.
struct Outcome {
    seed: u64,
    minutes: f64,
    standings: Standings,
    course: Course,
    /// How often the program warned of what.
    warnings: BTreeMap<String, u64>,
    violations: (u64, Vec<String>),
}

/// `mtls-persona-bench soak`.
pub(crate) fn soak(words: &Soak) -> io::Result<()> {
    run::raise_descriptors()?;
    let clock = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = words
        .seed
        .unwrap_or(clock.map_or(1, |since| since.as_nanos() as u64 & 0xffff_ffff));
    println!("seed {seed}");
    let random = Random::new(seed);
    let mut ground = Ground::new(random.fork(0).next())?;
    ground.wait_until_ready()?;
    let half = Duration::from_secs_f64(words.minutes * 30.0);
    eprintln!("warming up for {} s", WARM_UP.as_secs());
    load(&ground, WARM_UP, &random.fork(1))?;
    let before = rest(&ground, &random.fork(2), None)?;
    eprintln!("the load goes on for {} minutes", words.minutes);
    let mut course = load(&ground, half, &random.fork(3))?;
    let middle = rest(&ground, &random.fork(4), Some(before))?;
    course.append(load(&ground, half, &random.fork(5))?);
    let after = rest(&ground, &random.fork(6), Some(before))?;
    let standings = Standings {
        before,
        middle,
        after,
    };
    let metrics = ground.metrics()?;
    let disagreements = bounds::disagreements(&ground.ledger.sums(), &metrics);
    for what in standings.exceeded().into_iter().chain(disagreements) {
        ground.ledger.violation(what);
    }
    bounds::happened(&ground, &course.events, &metrics);
    if !ground.program.end()?.success() {
        let words = "the program does not end with success".to_owned();
        ground.ledger.violation(words);
    }
    let ledger = Arc::clone(&ground.ledger);
    let warnings = ground.log.join();
    let warnings = warnings.map_err(|_| io::Error::other("the log's reader has panicked"))?;
    let outcome = Outcome {
        seed,
        minutes: words.minutes,
        standings,
        course,
        warnings,
        violations: ledger.violations(),
    };
    let text = table::markdown(&outcome, &ledger);
    println!("{text}");
    if let Some(folder) = &words.save {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("SOAK.md"), text)?;
        let title = format!("mtls-persona under load for {} minutes", words.minutes);
        let picture = plot::svg(&title, &outcome.course.samples);
        fs::write(folder.join("soak.svg"), picture)?;
    }
    match outcome.violations {
        (0, _) => Ok(()),
        (count, _) => Err(io::Error::other(format!("{count} bounds are broken"))),
    }
}
