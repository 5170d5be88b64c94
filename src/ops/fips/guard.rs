//! The proof, again and again: a module may fail while the program runs, and must not go on then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::evidence::ConfigFile;
use super::standing::{Effect, Standing};
use crate::tls::{FipsFacts, Profile};

/// The target of the log's lines on FIPS, which are told at every level of the log: they are evidence. It
/// is shown as the program.
pub(in crate::ops) const TARGET: &str = "mtls_persona::fips";

/// How often the proof is repeated without an occasion.
const INTERVAL: Duration = Duration::from_secs(3600);

/// The last proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What the library told; none where FIPS is not asked for.
    pub facts: Option<FipsFacts>,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// What other threads may know of FIPS; one writer, any number of readers.
#[derive(Debug)]
pub struct ProofBoard {
    standing: Standing,
    last: Mutex<Proof>,
    files: Mutex<Vec<ConfigFile>>,
}

impl ProofBoard {
    /// What is in effect, since the start.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The last proof, which has held.
    pub fn last(&self) -> Proof {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    /// The files of the configuration in use, as they were read.
    pub fn files(&self) -> Vec<ConfigFile> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.clone()
    }

    pub(in crate::ops) fn set_files(&self, files: Vec<ConfigFile>) {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }
}

/// Repeats the proof where FIPS is in effect.
pub(in crate::ops) struct Guard {
    board: Arc<ProofBoard>,
    gather: fn() -> FipsFacts,
    due_at: Instant,
}

impl Guard {
    /// Of a program that starts with that proof, at a time of both clocks.
    pub(in crate::ops) fn new(standing: Standing, proof: Proof, now: Instant) -> Guard {
        Guard {
            board: Arc::new(ProofBoard {
                standing,
                last: Mutex::new(proof),
                files: Mutex::default(),
            }),
            gather: FipsFacts::gather,
            due_at: now + INTERVAL,
        }
    }

    pub(in crate::ops) fn board(&self) -> &Arc<ProofBoard> {
        &self.board
    }

    pub(in crate::ops) fn profile(&self) -> Profile {
        self.board.standing.profile()
    }

    /// The line for the log.
    pub(in crate::ops) fn announce(&self) {
        let (standing, last) = (self.board.standing(), self.board.last());
        let line = standing.line(last.facts.as_ref());
        match standing.effect {
            Effect::WithoutModule(_) => log::warn!(target: TARGET, "{line}"),
            Effect::Off | Effect::Proven => log::info!(target: TARGET, "{line}"),
        }
    }

    /// How long until it is time.
    pub(in crate::ops) fn patience(&self, now: Instant) -> Duration {
        match self.board.standing.effect {
            Effect::Proven => self.due_at.saturating_duration_since(now),
            Effect::Off | Effect::WithoutModule(_) => Duration::MAX,
        }
    }

    /// Repeats the proof if it is time. `unix_now` is in seconds since 1970.
    ///
    /// # Errors
    /// Why the program may not go on.
    pub(in crate::ops) fn tick(&mut self, now: Instant, unix_now: i64) -> Result<(), String> {
        match now >= self.due_at {
            true => self.prove(now, unix_now),
            false => Ok(()),
        }
    }

    /// Repeats the proof.
    ///
    /// # Errors
    /// Why the program may not go on.
    pub(in crate::ops) fn prove(&mut self, now: Instant, unix_now: i64) -> Result<(), String> {
        if self.board.standing.effect != Effect::Proven {
            return Ok(());
        }
        self.due_at = now + INTERVAL;
        let facts = (self.gather)();
        if let Some(fault) = facts.fault() {
            return Err(format!(
                "FIPS is no longer in effect: {}; ending, as nothing may go on without it",
                fault.words()
            ));
        }
        log::info!(target: TARGET, "FIPS: the module has proven itself again");
        let mut last = self
            .board
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = Proof {
            facts: Some(facts),
            at: unix_now,
        };
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // an instant to count from
mod tests {
    use super::*;
    use crate::config::Fips;
    use crate::ops::fips::HostFlag;

    fn facts(is_passed: bool) -> FipsFacts {
        FipsFacts::sample(is_passed, "it is broken")
    }

    fn guard(effect: Effect, gather: fn() -> FipsFacts, now: Instant) -> Guard {
        let standing = Standing {
            wanted: Fips::Require,
            wants_pq: false,
            host: HostFlag::Absent,
            effect,
        };
        let proof = Proof {
            facts: Some(facts(true)),
            at: 0,
        };
        Guard {
            gather,
            ..Guard::new(standing, proof, now)
        }
    }

    #[test]
    fn a_module_that_fails_later_ends_the_program_within_the_hour_and_not_before_it_is_asked() {
        let now = Instant::now();
        let mut guard = guard(Effect::Proven, || facts(false), now);
        let nearly = now + INTERVAL - Duration::from_secs(1);
        assert_eq!(guard.tick(nearly, 7), Ok(()));
        let told = guard.tick(now + INTERVAL, 7);
        assert!(told.is_err_and(|told| told.contains("it is broken")));
        assert!(guard.prove(now, 7).is_err());
    }

    #[test]
    fn a_proof_that_holds_is_shown_with_its_time_and_repeated_an_hour_later() {
        let now = Instant::now();
        let mut guard = guard(Effect::Proven, || facts(true), now);
        assert_eq!(guard.prove(now + Duration::from_secs(60), 60), Ok(()));
        assert_eq!(guard.board().last().at, 60);
        assert_eq!(guard.tick(now + INTERVAL, 3600), Ok(()));
        assert_eq!(guard.board().last().at, 60);
        let later = now + INTERVAL + Duration::from_secs(60);
        assert_eq!(guard.tick(later, 3660), Ok(()));
        assert_eq!(guard.board().last().at, 3660);
    }

    #[test]
    fn nothing_is_asked_of_a_library_that_is_no_module() {
        let now = Instant::now();
        for effect in [Effect::Off, Effect::WithoutModule("none")] {
            let mut guard = guard(effect, || facts(false), now);
            assert_eq!(guard.prove(now, 1), Ok(()));
            assert_eq!(guard.tick(now + INTERVAL, 1), Ok(()));
        }
    }
}
