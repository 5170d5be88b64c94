//! What the system knows of the process and its threads (proc(5)).
//!
//! The names are the ones by which every client library of Prometheus tells these figures.

use std::fmt;
use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use super::family::Families;

/// Fields of `/proc/PID/stat` behind the command, counted from 0.
const USER_TICKS: usize = 11;
const SYSTEM_TICKS: usize = 12;
const START_TICKS: usize = 19;
const RESIDENT_PAGES: usize = 21;

/// The process as it is now, as far as it can be read.
#[derive(Debug, Serialize)]
pub(in crate::ops) struct Process {
    open_fds: Option<u64>,
    max_fds: Option<u64>,
    resident_memory_bytes: Option<u64>,
    cpu_seconds: Option<f64>,
    /// In seconds since 1970.
    #[serde(skip)]
    started: Option<f64>,
}

impl Process {
    /// What can be read.
    pub(in crate::ops) fn now() -> Process {
        let stat = Stat::read("/proc/self/stat");
        let pages = stat.as_ref().and_then(|stat| stat.field(RESIDENT_PAGES));
        Process {
            open_fds: open_descriptors(),
            max_fds: getrlimit(Resource::Nofile).current,
            resident_memory_bytes: pages.map(|pages| pages * page_size() as u64),
            cpu_seconds: stat.as_ref().map(Stat::cpu_seconds),
            started: stat.as_ref().and_then(start_seconds),
        }
    }

    /// How much processor time a thread of it has used.
    pub(in crate::ops) fn thread_cpu_seconds(thread: u32) -> Option<f64> {
        let folder = format!("/proc/self/task/{thread}");
        // In nanoseconds, where the kernel counts them; in ticks otherwise.
        let nanos = fs::read_to_string(format!("{folder}/schedstat")).ok();
        let nanos = nanos.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        match nanos {
            Some(nanos) => Some(nanos as f64 / 1e9),
            None => Stat::read(&format!("{folder}/stat")).map(|stat| stat.cpu_seconds()),
        }
    }

    /// Writes what was read.
    pub(super) fn write(&self, families: &mut Families<'_>) -> fmt::Result {
        if let Some(open) = self.open_fds {
            families.gauge("process_open_fds", "Descriptors in use", open)?;
        }
        if let Some(limit) = self.max_fds {
            let help = "Descriptors that there may be at most";
            families.gauge("process_max_fds", help, limit)?;
        }
        if let Some(bytes) = self.resident_memory_bytes {
            let name = "process_resident_memory_bytes";
            families.gauge(name, "Memory that is in use", bytes)?;
        }
        if let Some(seconds) = self.cpu_seconds {
            let help = "Processor time of all threads";
            families.counter("process_cpu_seconds", help, seconds)?;
        }
        if let Some(started) = self.started {
            let help = "When the process started, in seconds since 1970";
            families.gauge("process_start_time_seconds", help, started)?;
        }
        Ok(())
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
        let before = Process::thread_cpu_seconds(thread).unwrap();
        let mut sum = 0_u64;
        while Process::thread_cpu_seconds(thread).unwrap() <= before {
            sum = (0..1_000_000).fold(sum, |sum: u64, n| std::hint::black_box(sum ^ n));
        }
        assert_eq!(Process::thread_cpu_seconds(0), None);
    }
}
