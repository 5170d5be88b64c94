//! The FIPS module of the TLS library, and the proof that it is at work.
//!
//! A policy for what is negotiated is no proof: it works without a module as well. The proof asks the
//! library for its module, and lets that test itself once more.

use super::backend;
use super::profile::Profile;

/// A module in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FipsModule {
    /// Its name.
    pub name: String,
    /// Its version; none of BoringSSL's between two that have one, which is its update stream.
    pub version: Option<String>,
    /// The hash of its code by which it knows itself, where it tells one; hexadecimal.
    pub hash: Option<String>,
    /// How it was built, where it tells that.
    pub build: Option<String>,
    /// The algorithms that it calls its own, where it tells them.
    pub algorithms: Vec<String>,
}

impl FipsModule {
    /// Its name and version.
    pub fn title(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => format!("{} update stream", self.name),
        }
    }
}

/// One step of the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FipsCheck {
    /// What is so if it is passed.
    pub what: &'static str,
    /// What is so if not, and what to do.
    pub otherwise: &'static str,
    /// Whether it is passed.
    pub is_passed: bool,
    /// It is about whether there is a module in use at all, not about whether that is sound.
    pub is_presence: bool,
}

/// What keeps a proof from holding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FipsFault {
    /// No module is in use.
    Absent(&'static str),
    /// There is one, and it cannot be relied on.
    Unsound(&'static str),
}

impl FipsFault {
    /// What is so, and what to do.
    pub fn words(&self) -> &'static str {
        match self {
            FipsFault::Absent(words) | FipsFault::Unsound(words) => words,
        }
    }
}

/// What the TLS library proves of its module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FipsFacts {
    /// The module, if there is one.
    pub module: Option<FipsModule>,
    /// The steps of the proof, as far as they could be gone.
    pub checks: Vec<FipsCheck>,
}

impl FipsFacts {
    /// Asks the library now. The module tests itself, which takes it some milliseconds.
    pub fn gather() -> FipsFacts {
        FipsFacts {
            module: backend::module(),
            checks: backend::checks(),
        }
    }

    /// What keeps the proof from holding, the first if several do. It holds if every step of it was gone,
    /// and each is passed: what was not asked proves nothing.
    pub fn fault(&self) -> Option<FipsFault> {
        if let Some(failed) = self.checks.iter().find(|check| !check.is_passed) {
            return Some(match failed.is_presence {
                true => FipsFault::Absent(failed.otherwise),
                false => FipsFault::Unsound(failed.otherwise),
            });
        }
        let is_whole = self.module.is_some() && self.checks.len() >= backend::STEPS;
        (!is_whole).then_some(FipsFault::Unsound(
            "the TLS library did not go through all steps of its FIPS module's proof",
        ))
    }

    /// A proof of every step, for tests of what becomes of one: `otherwise` is what is so if it fails.
    #[cfg(test)]
    pub(crate) fn sample(is_passed: bool, otherwise: &'static str) -> FipsFacts {
        let check = FipsCheck {
            what: "what",
            otherwise,
            is_passed,
            is_presence: false,
        };
        FipsFacts {
            module: Some(FipsModule {
                name: "module".to_owned(),
                version: None,
                hash: None,
                build: None,
                algorithms: Vec::new(),
            }),
            checks: vec![check; backend::STEPS],
        }
    }
}

/// Why [`Profile::FipsPq`] cannot be spoken by the library's module, if it cannot.
pub fn hybrid_fault() -> Option<&'static str> {
    backend::hybrid_fault(Profile::FipsPq.groups())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole proof, but for what comes of these steps: whether it is passed, and about presence.
    fn facts(steps: &[(bool, bool)]) -> FipsFacts {
        let mut facts = FipsFacts::sample(true, "otherwise");
        for (check, (is_passed, is_presence)) in facts.checks.iter_mut().zip(steps) {
            (check.is_passed, check.is_presence) = (*is_passed, *is_presence);
        }
        facts
    }

    #[test]
    fn the_first_step_that_fails_says_whether_there_is_no_module_or_a_bad_one() {
        assert_eq!(facts(&[(true, true), (true, false)]).fault(), None);
        let absent = Some(FipsFault::Absent("otherwise"));
        assert_eq!(facts(&[(false, true), (false, false)]).fault(), absent);
        let unsound = Some(FipsFault::Unsound("otherwise"));
        assert_eq!(facts(&[(true, true), (false, false)]).fault(), unsound);
    }

    #[test]
    fn a_proof_that_lacks_a_step_or_the_module_does_not_hold_though_nothing_in_it_fails() {
        let is_unsound = |facts: &FipsFacts| matches!(facts.fault(), Some(FipsFault::Unsound(_)));
        for count in 0..backend::STEPS {
            let mut short = facts(&[]);
            short.checks.truncate(count);
            assert!(is_unsound(&short), "{count} steps");
        }
        let mut without_module = facts(&[]);
        without_module.module = None;
        assert!(is_unsound(&without_module));
        // A step that fails still says more.
        let absent = FipsFacts {
            module: None,
            checks: facts(&[(false, true)]).checks[..1].to_vec(),
        };
        assert_eq!(absent.fault(), Some(FipsFault::Absent("otherwise")));
    }

    #[test]
    fn a_module_between_versions_is_told_as_the_update_stream() {
        let mut module = FipsModule {
            name: "BoringCrypto".to_owned(),
            version: None,
            hash: None,
            build: None,
            algorithms: Vec::new(),
        };
        assert_eq!(module.title(), "BoringCrypto update stream");
        module.version = Some("20260604".to_owned());
        assert_eq!(module.title(), "BoringCrypto 20260604");
    }

    #[test]
    fn the_proof_holds_exactly_where_the_library_says_that_it_is_a_module() {
        let facts = FipsFacts::gather();
        assert_eq!(facts.fault().is_none(), crate::tls::is_fips());
        assert_eq!(facts.module.is_some(), facts.checks.len() > 1);
        // A library without its module goes one step.
        let is_whole = facts.checks.len() == backend::STEPS;
        assert_eq!(is_whole, facts.module.is_some());
    }
}
