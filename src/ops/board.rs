//! What the administrative listeners may look at: written by the supervisor, read by their thread.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use super::fips::ProofBoard;
use super::gauges::Gauges;
use super::history::{Came, History, Load};
use super::landlock::Landlock;
use super::reload::{Crew, Occasion};
use crate::reactor::Generation;

/// How far the program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It does not serve yet.
    Starting,
    /// It serves.
    Serving,
    /// It accepts nothing more and lets its connections end.
    Draining,
}

impl Stage {
    /// The word for those who ask.
    pub(super) fn label(self) -> &'static str {
        match self {
            Stage::Starting => "starting",
            Stage::Serving => "serving",
            Stage::Draining => "draining",
        }
    }
}

/// What others may see. Its locks are held for an assignment.
pub(super) struct Board {
    /// What the program is from its start to its end.
    pub(super) origin: Origin,
    gauges: Arc<Gauges>,
    shown: Mutex<Shown>,
    crew: OnceLock<Arc<Crew>>,
}

/// What does not change while the program runs.
pub(super) struct Origin {
    /// When it started, by the steady clock.
    pub(super) started: Instant,
    /// What is known of FIPS.
    pub(super) fips: Arc<ProofBoard>,
    /// Whether the kernel holds it to its files and ports.
    pub(super) landlock: Landlock,
}

struct Shown {
    stage: Stage,
    generation: Arc<Generation>,
    history: History,
}

impl Board {
    pub(super) fn new(origin: Origin) -> Board {
        Board {
            origin,
            gauges: Arc::default(),
            shown: Mutex::new(Shown {
                stage: Stage::Starting,
                generation: Arc::new(Generation::new(0, Vec::new())),
                history: History::default(),
            }),
            crew: OnceLock::new(),
        }
    }

    /// The threads that serve have started.
    pub(super) fn muster(&self, crew: Arc<Crew>) {
        // Told once: see `start`.
        let _ = self.crew.set(crew);
    }

    /// What is served from now on, and why it was loaded; for no occasion at the start. `now` is in seconds
    /// since 1970.
    pub(super) fn serves(&self, generation: Arc<Generation>, occasion: Option<Occasion>, now: i64) {
        let number = generation.number;
        let mut shown = self.lock();
        shown.generation = generation;
        shown.history.note(now, occasion, Came::Served(number));
        drop(shown);
        self.gauges.serves(number, now);
    }

    /// A load was refused for these problems; what is served stays.
    pub(super) fn refuses(&self, problems: &[String], occasion: Occasion, now: i64) {
        let came = Came::Refused(problems.to_vec());
        self.lock().history.note(now, Some(occasion), came);
        self.gauges.failed();
    }

    /// The program has come so far.
    pub(super) fn set_stage(&self, stage: Stage) {
        self.lock().stage = stage;
    }

    pub(super) fn stage(&self) -> Stage {
        self.lock().stage
    }

    /// The last loads, oldest first.
    pub(super) fn loads(&self) -> Vec<Load> {
        self.lock().history.all()
    }

    /// What is served; nothing while it starts.
    pub(super) fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.lock().generation)
    }

    pub(super) fn gauges(&self) -> &Arc<Gauges> {
        &self.gauges
    }

    /// The threads that serve; none while it starts.
    pub(super) fn crew(&self) -> Option<&Crew> {
        self.crew.get().map(|crew| &**crew)
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
