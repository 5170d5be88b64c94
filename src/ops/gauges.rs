//! What other threads may know of reloads.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// Figures of a running program; one writer, any number of readers.
#[derive(Debug, Default)]
pub struct Gauges {
    generation: AtomicU64,
    is_reload_failing: AtomicBool,
    failed_reloads: AtomicU64,
    serves_since: AtomicI64,
}

impl Gauges {
    /// The load that serves new connections, counted from 1.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether the files are such that they cannot be served, and older ones are.
    pub fn is_reload_failing(&self) -> bool {
        self.is_reload_failing.load(Ordering::Acquire)
    }

    /// Reloads that came to nothing because something was wrong.
    pub fn failed_reloads(&self) -> u64 {
        self.failed_reloads.load(Ordering::Acquire)
    }

    /// When that load was published, in seconds since 1970.
    pub fn serves_since(&self) -> i64 {
        self.serves_since.load(Ordering::Acquire)
    }

    pub(super) fn serves(&self, generation: u64, now: i64) {
        self.serves_since.store(now, Ordering::Release);
        self.generation.store(generation, Ordering::Release);
    }

    pub(super) fn set_failing(&self, is_failing: bool) {
        self.is_reload_failing.store(is_failing, Ordering::Release);
    }

    pub(super) fn failed(&self) {
        self.failed_reloads.fetch_add(1, Ordering::AcqRel);
    }
}
