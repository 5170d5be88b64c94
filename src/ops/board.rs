//! What the administrative listeners may look at: written by the supervisor, read by their thread.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::gauges::Gauges;
use super::reload::Crew;
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

/// What others may see. Its locks are held for an assignment.
pub(super) struct Board {
    gauges: Arc<Gauges>,
    shown: Mutex<Shown>,
    crew: OnceLock<Arc<Crew>>,
}

struct Shown {
    stage: Stage,
    generation: Arc<Generation>,
}

impl Default for Board {
    fn default() -> Board {
        Board {
            gauges: Arc::default(),
            shown: Mutex::new(Shown {
                stage: Stage::Starting,
                generation: Arc::new(Generation::new(0, Vec::new())),
            }),
            crew: OnceLock::new(),
        }
    }
}

impl Board {
    /// The threads that serve have started.
    pub(super) fn muster(&self, crew: Arc<Crew>) {
        // Told once: see `start`.
        let _ = self.crew.set(crew);
    }

    /// What is served from now on. `now` is in seconds since 1970.
    pub(super) fn serves(&self, generation: Arc<Generation>, now: i64) {
        let number = generation.number;
        self.lock().generation = generation;
        self.gauges.serves(number, now);
    }

    /// The program has come so far.
    pub(super) fn set_stage(&self, stage: Stage) {
        self.lock().stage = stage;
    }

    pub(super) fn stage(&self) -> Stage {
        self.lock().stage
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
