//! What is counted of connectors' directories.

#[cfg(feature = "postgres")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::counters::SharedCounter;
use crate::conn::{Decision, Denial};

/// Figures over all directories. Each connection through a connector adds to them a few times in its life.
#[derive(Debug, Default)]
pub struct Figures {
    /// Decisions by what they came to: see [`Figures::decisions`].
    decided: [SharedCounter; RESULTS.len()],
    /// Grants that were known without a look at the database.
    pub known: SharedCounter,
    /// Changes of the database that were heard of.
    pub changes: SharedCounter,
    /// Rows that the table of connections is missing.
    pub rows_lost: SharedCounter,
    lookups: SharedCounter,
    lookup_micros: AtomicU64,
    waiting: AtomicU64,
    deaf: AtomicU64,
}

/// The words for what decisions come to.
const RESULTS: [&str; 5] = ["granted", "refused", "unavailable", "overloaded", "limited"];

impl Figures {
    /// A client was told that.
    pub(super) fn decided(&self, decision: &Decision) {
        let place = match decision {
            Ok(_) => 0,
            Err(Denial::Refused) => 1,
            Err(Denial::Unavailable(_)) => 2,
            Err(Denial::Overloaded) => 3,
            Err(Denial::Limited(_)) => 4,
        };
        self.decided[place].add_one();
    }

    /// Decisions by result, repeated ones of live connections included.
    pub fn decisions(&self) -> impl Iterator<Item = (&'static str, u64)> {
        RESULTS
            .into_iter()
            .zip(self.decided.iter().map(SharedCounter::get))
    }

    /// The database was asked, and took so long.
    #[cfg(feature = "postgres")]
    pub(super) fn asked(&self, took: Duration) {
        self.lookups.add_one();
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.lookup_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How often the database was asked, and how long that took in all.
    pub fn lookups(&self) -> (u64, Duration) {
        let micros = self.lookup_micros.load(Ordering::Relaxed);
        (self.lookups.get(), Duration::from_micros(micros))
    }

    /// Questions that wait for a connection to the database.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Databases of whose changes nothing is heard.
    pub fn deaf(&self) -> u64 {
        self.deaf.load(Ordering::Relaxed)
    }
}

/// One more in a gauge, for as long as this lives.
#[cfg(feature = "postgres")]
pub(super) struct Held {
    figures: Arc<Figures>,
    gauge: fn(&Figures) -> &AtomicU64,
}

#[cfg(feature = "postgres")]
impl Held {
    /// A question that waits.
    pub(super) fn waiting(figures: &Arc<Figures>) -> Held {
        Held::of(figures, |figures| &figures.waiting)
    }

    /// A database of whose changes nothing is heard.
    pub(super) fn deaf(figures: &Arc<Figures>) -> Held {
        Held::of(figures, |figures| &figures.deaf)
    }

    fn of(figures: &Arc<Figures>, gauge: fn(&Figures) -> &AtomicU64) -> Held {
        gauge(figures).fetch_add(1, Ordering::Relaxed);
        let figures = Arc::clone(figures);
        Held { figures, gauge }
    }
}

#[cfg(feature = "postgres")]
impl Drop for Held {
    fn drop(&mut self) {
        (self.gauge)(&self.figures).fetch_sub(1, Ordering::Relaxed);
    }
}
