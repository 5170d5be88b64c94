//! The load: everything at once for a while, and what it looks like from outside meanwhile.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::acts;
use super::gauges::{Metrics, Standing};
use super::ground::Ground;
use super::lanes::{self, Lane};
use super::pairs::Pair;
use super::random::Random;
use super::trouble::{self, Events};
use crate::stats;

/// Samples of a load, at most one a second.
const SAMPLES_MAX: u32 = 450;

/// A moment of the load.
pub(super) struct Sample {
    /// Seconds since it began.
    pub(super) at: f64,
    pub(super) standing: Standing,
    pub(super) live: f64,
    /// Of the probes' messages since the last sample, seconds: of half, of 99 and of 999 in 1000.
    pub(super) latency: Option<[f64; 3]>,
    pub(super) mib_a_second: f64,
    pub(super) opened_a_second: f64,
}

/// What a load has come to.
#[derive(Default)]
pub(super) struct Course {
    pub(super) samples: Vec<Sample>,
    /// Of all of the probes' messages, nanoseconds.
    pub(super) latencies: Vec<u32>,
    pub(super) events: Events,
}

impl Course {
    /// Puts another behind it; the rest between them takes no time.
    pub(super) fn append(&mut self, mut more: Course) {
        let end = self.samples.last().map_or(0.0, |sample| sample.at);
        more.samples.iter_mut().for_each(|sample| sample.at += end);
        self.samples.append(&mut more.samples);
        self.latencies.append(&mut more.latencies);
        for (event, count) in more.events {
            *self.events.entry(event).or_default() += count;
        }
    }
}

/// Lets everything happen at once for so long.
pub(super) fn load(ground: &Ground, length: Duration, random: &Random) -> io::Result<Course> {
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
                let _ = acts::probe(&mut lane, pair, |took| {
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
            live: now.1.get("open_connections")?,
            latency: stats::percentiles(taken),
            mib_a_second: rate(now.1.bytes(), last.1.bytes()) / 1_048_576.0,
            opened_a_second: rate(opened(&now.1), opened(&last.1)),
        });
        last = now;
    }
    Ok(())
}
