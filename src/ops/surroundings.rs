//! What the process was started in.

use super::service::{Manager, Passed};
use super::supervisor::clock;
use crate::config::Config;

/// The service manager of the process, and what it has passed. By default there is none.
#[derive(Debug, Default)]
pub struct Surroundings {
    pub(super) manager: Manager,
    pub(super) passed: Passed,
}

impl Surroundings {
    /// Those of this process, which is to serve that configuration. Call it before there is another
    /// thread.
    ///
    /// # Errors
    /// Why what was passed does not fit the configuration, a line each.
    pub fn of_process(config: &Config) -> Result<Surroundings, Vec<String>> {
        let passed = Passed::take()?;
        let problems = passed.problems(&config.pairs);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Surroundings {
            manager: Manager::of_environment(clock().steady),
            passed,
        })
    }
}
