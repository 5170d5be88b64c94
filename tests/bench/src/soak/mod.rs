//! The program under everything at once for as long as is wanted, and how it stands afterwards.
//!
//! ```text
//!  clients ──▶ the program, eight pairs ──▶ nginx, openssl s_server, a service, one with moods
//! ```
//!
//! Nothing is measured against a clock here: what is held is that every connection comes to what it must,
//! that its client, the service and the program count the same, and that the program stands at the end
//! where it stood after a warm-up of the same kind.

mod client;
mod gateways;
mod gauges;
mod ground;
mod judge;
mod lanes;
mod ledger;
mod log;
mod pairs;
mod plot;
mod random;
mod service;
mod table;
mod trouble;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gauges::{Metrics, Standing};
use ground::Ground;
use lanes::Lane;
use ledger::Kind;
use pairs::Pair;
use random::Random;
use service::PATIENCE;
use trouble::Events;

use crate::{run, stats};

/// The load before the one that counts.
const WARM_UP: Duration = Duration::from_secs(40);
/// Samples of a run, at most one a second.
const SAMPLES_MAX: u32 = 900;
const TICK: Duration = Duration::from_millis(100);

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

/// A moment of the load.
pub(crate) struct Sample {
    /// Seconds since it began.
    at: f64,
    standing: Standing,
    live: f64,
    /// Of the probes' messages since the last sample, seconds: of half, of 99 and of 999 in 1000.
    latency: Option<[f64; 3]>,
    mib_a_second: f64,
    opened_a_second: f64,
}

/// What a load has come to.
#[derive(Default)]
struct Course {
    samples: Vec<Sample>,
    latencies: Vec<u32>,
    events: Events,
}

/// A run and what it is told by.
struct Outcome {
    seed: u64,
    minutes: f64,
    before: Standing,
    after: Standing,
    course: Course,
    /// How often the program warned of what.
    warnings: std::collections::BTreeMap<String, u64>,
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
    let length = Duration::from_secs_f64(words.minutes * 60.0);
    eprintln!("warming up for {} s", WARM_UP.as_secs());
    load(&ground, WARM_UP, &random.fork(1))?;
    let before = rest(&ground, &random.fork(2), None)?;
    eprintln!("{before:?}; the load goes on for {} minutes", words.minutes);
    let course = load(&ground, length, &random.fork(3))?;
    let after = rest(&ground, &random.fork(4), Some(before))?;
    eprintln!("{after:?}");
    bounds(&ground, before, after);
    agreement(&ground, &ground.metrics()?);
    happened(&ground, &course.events, &ground.metrics()?);
    if !ground.program.end()?.success() {
        let words = "the program does not end with success".to_owned();
        ground.ledger.violation(words);
    }
    let ledger = std::sync::Arc::clone(&ground.ledger);
    let warnings = ground.log.join();
    let warnings = warnings.map_err(|_| io::Error::other("the log's reader has panicked"))?;
    let outcome = Outcome {
        seed,
        minutes: words.minutes,
        before,
        after,
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

/// Lets everything happen at once for so long.
fn load(ground: &Ground, length: Duration, random: &Random) -> io::Result<Course> {
    let stop = AtomicBool::new(false);
    let latencies = Mutex::new(Vec::new());
    let lane = |number: u64| Lane {
        ground,
        stop: &stop,
        random: random.fork(number),
    };
    let mut course = Course::default();
    thread::scope(|scope| {
        let works = lanes::LANES.into_iter();
        let works = works.flat_map(|(work, count)| std::iter::repeat_n(work, count));
        for (number, work) in works.enumerate() {
            let mut lane = lane(number as u64);
            scope.spawn(move || work(&mut lane));
        }
        for (number, pair) in [Pair::Nginx, Pair::Server].into_iter().enumerate() {
            let mut lane = lane(1000 + number as u64);
            let latencies = &latencies;
            scope.spawn(move || {
                // What fails here is seen in what became of the connection.
                let _ = lanes::probe(&mut lane, pair, |took| {
                    let nanos = u32::try_from(took.as_nanos()).unwrap_or(u32::MAX);
                    let mut all = latencies.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push(nanos);
                });
            });
        }
        let mut trouble = lane(2000);
        let events = scope.spawn(move || trouble::happen(&mut trouble));
        let sampled = sample(ground, length, &latencies, &mut course);
        stop.store(true, Relaxed);
        course.events = events.join().unwrap_or_default();
        sampled
    })?;
    Ok(course)
}

/// Looks at the program from time to time until the load is over.
fn sample(
    ground: &Ground,
    length: Duration,
    latencies: &Mutex<Vec<u32>>,
    course: &mut Course,
) -> io::Result<()> {
    let begun = Instant::now();
    let step = (length / SAMPLES_MAX).max(Duration::from_secs(1));
    let mut last = (begun, ground.metrics()?);
    while begun.elapsed() < length {
        thread::sleep(step.min(length.saturating_sub(begun.elapsed())));
        let standing = Standing::now(&ground.program)?;
        let now = (Instant::now(), ground.metrics()?);
        let seconds = now.0.duration_since(last.0).as_secs_f64();
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let taken = std::mem::take(&mut *latencies.lock().unwrap_or_else(PoisonError::into_inner));
        course.latencies.extend_from_slice(&taken);
        let opened = |metrics: &Metrics| metrics.sum("connections_total", "");
        course.samples.push(Sample {
            at: now.0.duration_since(begun).as_secs_f64(),
            standing,
            live: now.1.get("open_connections"),
            latency: stats::percentiles(taken),
            mib_a_second: rate(now.1.bytes(), last.1.bytes()) / 1_048_576.0,
            opened_a_second: rate(opened(&now.1), opened(&last.1)),
        });
        last = now;
    }
    Ok(())
}

/// Lets a last crowd come and go, behind which the program gives memory back, and waits until nobody is
/// left; how it stands then.
fn rest(ground: &Ground, random: &Random, before: Option<Standing>) -> io::Result<Standing> {
    let stop = AtomicBool::new(false);
    lanes::crowd(&mut Lane {
        ground,
        stop: &stop,
        random: random.clone(),
    });
    let begun = Instant::now();
    loop {
        let unsettled = ground.ledger.unsettled();
        let open = ground.metrics()?.get("open_connections");
        if unsettled.is_empty() && open == 0.0 {
            break;
        }
        if begun.elapsed() > PATIENCE {
            let ledger = &ground.ledger;
            ledger.violation(format!("{open} connections are left when all have gone"));
            unsettled
                .into_iter()
                .for_each(|what| ledger.violation(what));
            break;
        }
        thread::sleep(TICK);
    }
    Standing::at_rest(&ground.program, before)
}

/// More memory than that is no matter of what the allocator keeps: a tenth, and room for its arenas.
///
/// Each worker has an arena, in which what is left between blocks of long life (credentials, sessions,
/// tickets, chains that were verified) depends on their order; whole pages of it go back when a crowd has
/// gone, and the rest of a page does not.
fn memory_bound(before_kib: u64) -> u64 {
    before_kib + before_kib / 10 + 4096
}

/// Whether the program stands where it stood.
fn bounds(ground: &Ground, before: Standing, after: Standing) {
    let hold = |what: &str, after: u64, bound: u64| {
        if after > bound {
            let words = format!("{what}: {after} at the end, and at most {bound} are allowed");
            ground.ledger.violation(words);
        }
    };
    hold("PSS in KiB", after.pss_kib, memory_bound(before.pss_kib));
    hold("RSS in KiB", after.rss_kib, memory_bound(before.rss_kib));
    hold(
        "descriptors",
        after.descriptors as u64,
        before.descriptors as u64,
    );
    hold("threads", after.threads as u64, before.threads as u64);
}

/// Whether all of it was there: a bound that nothing was held to is none.
fn happened(ground: &Ground, events: &Events, metrics: &Metrics) {
    let ledger = &ground.ledger;
    let kinds = ledger.kinds();
    for kind in Kind::ALL
        .into_iter()
        .filter(|kind| !kinds.contains_key(kind))
    {
        ledger.violation(format!("nobody has done {kind:?}"));
    }
    let sums = ledger.sums();
    for pair in Pair::ALL.into_iter().filter(|pair| *pair != Pair::Mute) {
        let sum = sums.get(&pair);
        if !sum.is_some_and(|sum| sum.reasons.contains_key("completed")) {
            ledger.violation(format!("nothing was completed at {pair:?}"));
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

/// Whether the program's metrics say what its access log says. Those of a pair go with it.
fn agreement(ground: &Ground, metrics: &Metrics) {
    let ledger = &ground.ledger;
    let hold = |what: &str, pair: Pair, metric: u64, log: u64| {
        if metric != log {
            ledger.violation(format!(
                "{what} of {pair:?}: {metric} by the metrics, {log} by the log"
            ));
        }
    };
    let sums = ledger.sums();
    for (pair, sum) in sums.iter().filter(|(pair, _)| **pair != Pair::Extra) {
        let pair = *pair;
        let opened = metrics.of("connections_total", pair, "");
        hold("connections", pair, opened, sum.reasons.values().sum());
        for (reason, count) in &sum.reasons {
            let more = format!(",reason=\"{reason}\"");
            let closed = metrics.of("connection_closes_total", pair, &more);
            hold(reason, pair, closed, *count);
        }
        for (direction, bytes) in [("outward", sum.outward), ("inward", sum.inward)] {
            let more = format!(",direction=\"{direction}\"");
            let metric = metrics.of("bytes_proxied_total", pair, &more);
            hold(direction, pair, metric, bytes);
        }
        hold(
            "live connections",
            pair,
            metrics.of("active_connections", pair, ""),
            0,
        );
    }
    let lost = metrics.get("log_lines_dropped_total");
    if lost > 0.0 {
        ledger.violation(format!("{lost} lines of the log are lost"));
    }
}
