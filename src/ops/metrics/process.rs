//! What the system knows of the process and its threads (proc(5)).
//!
//! The names are the ones by which every client library of Prometheus tells these figures.

use std::fmt;
use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::family::Families;

/// Fields of `/proc/PID/stat` behind the command, counted from 0.
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;
const START_TICKS: usize = 19;
const RESIDENT_PAGES: usize = 21;

/// Writes what can be read.
pub(super) fn write(families: &mut Families<'_>) -> fmt::Result {
    if let Some(open) = open_descriptors() {
        families.gauge("process_open_fds", "Descriptors in use", open)?;
    }
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        families.gauge(
            "process_max_fds",
            "Descriptors that there may be at most",
            limit,
        )?;
    }
    let Some(stat) = Stat::read("/proc/self/stat") else {
        return Ok(());
    };
    let pages = stat.field(RESIDENT_PAGES).unwrap_or(0);
    families.gauge(
        "process_resident_memory_bytes",
        "Memory that is in use",
        pages * page_size() as u64,
    )?;
    families.counter(
        "process_cpu_seconds",
        "Processor time of all threads",
        stat.cpu_seconds(),
    )?;
    match start_seconds(&stat) {
        Some(start) => families.gauge(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            start,
        ),
        None => Ok(()),
    }
}

/// How much processor time a thread has used.
pub(super) fn thread_cpu_seconds(thread: u32) -> Option<f64> {
    let folder = format!("/proc/self/task/{thread}");
    // In nanoseconds, where the kernel counts them; in ticks otherwise.
    let nanos = fs::read_to_string(format!("{folder}/schedstat")).ok();
    let nanos = nanos.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    match nanos {
        Some(nanos) => Some(nanos as f64 / 1e9),
        None => Stat::read(&format!("{folder}/stat")).map(|stat| stat.cpu_seconds()),
    }
}

fn open_descriptors() -> Option<u64> {
    const FOLDER: &str = "/proc/self/fd";
    // Since Linux 6.2 the folder's size is their number.
    match fs::metadata(FOLDER).ok()?.len() {
        0 => Some(fs::read_dir(FOLDER).ok()?.count() as u64),
        count => Some(count),
    }
}

fn start_seconds(stat: &Stat) -> Option<f64> {
    let system = fs::read_to_string("/proc/stat").ok()?;
    let booted = system.lines().find_map(|line| line.strip_prefix("btime "));
    let booted: f64 = booted?.trim().parse().ok()?;
    Some(booted + stat.seconds(START_TICKS))
}

/// A `stat` file of proc(5), from behind the command, which may hold anything.
struct Stat(String);

impl Stat {
    fn read(path: &str) -> Option<Stat> {
        let text = fs::read_to_string(path).ok()?;
        let (_, fields) = text.rsplit_once(") ")?;
        Some(Stat(fields.to_owned()))
    }

    fn field(&self, index: usize) -> Option<u64> {
        self.0.split(' ').nth(index)?.parse().ok()
    }

    fn seconds(&self, index: usize) -> f64 {
        self.field(index).unwrap_or(0) as f64 / clock_ticks_per_second() as f64
    }

    fn cpu_seconds(&self) -> f64 {
        self.seconds(USER_TICKS) + self.seconds(SYSTEM_TICKS)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn the_process_is_read_from_the_right_fields() {
        let stat = Stat::read("/proc/self/stat").unwrap();
        let resident = stat.field(RESIDENT_PAGES).unwrap() * page_size() as u64;
        assert!((1 << 20..1 << 40).contains(&resident), "{resident}");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let age = now.as_secs_f64() - start_seconds(&stat).unwrap();
        assert!((-2.0..86_400.0).contains(&age), "{age}");
        assert!(open_descriptors().unwrap() > 2);
    }

    #[test]
    fn a_threads_processor_time_grows_with_its_work() {
        let thread = rustix::thread::gettid().as_raw_pid().unsigned_abs();
        let before = thread_cpu_seconds(thread).unwrap();
        let mut sum = 0_u64;
        while thread_cpu_seconds(thread).unwrap() <= before {
            sum = (0..1_000_000).fold(sum, |sum: u64, n| std::hint::black_box(sum ^ n));
        }
        assert_eq!(thread_cpu_seconds(0), None);
    }
}
