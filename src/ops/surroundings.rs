//! What the process was started in.

use rustix::process::geteuid;

use super::landlock::{Confinement, confine};
use super::service::{Manager, Passed};
use super::supervisor::clock;
use super::upgrade::{Predecessor, Upgrader};
use crate::config::{Config, Source};

/// The service manager of the process, what it has passed, and what the kernel holds the process to. By
/// default there is nothing of all this.
#[derive(Debug, Default)]
pub struct Surroundings {
    pub(super) manager: Manager,
    pub(super) bounds: Bounds,
    pub(super) succession: Succession,
    is_root: bool,
}

/// Who served before this process, and who may after it.
#[derive(Debug, Default)]
pub(super) struct Succession {
    pub(super) predecessor: Option<Predecessor>,
    pub(super) upgrader: Upgrader,
}

/// What no reload can change.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    pub(super) passed: Passed,
    pub(super) confinement: Confinement,
}

impl Surroundings {
    /// Those of this process, which is to serve that configuration and confines itself to it. Call it
    /// before there is another thread.
    ///
    /// # Errors
    /// Why what was passed does not fit the configuration, a line each.
    pub fn of_process(
        config: &Config,
        source: Option<&Source>,
    ) -> Result<Surroundings, Vec<String>> {
        let (passed, predecessor) = match Predecessor::of_process().map_err(|what| vec![what])? {
            Some((predecessor, heirlooms)) => {
                let passed = Passed::left(heirlooms).map_err(|error| vec![error.to_string()])?;
                (passed, Some(predecessor))
            }
            None => (Passed::take()?, None),
        };
        let problems = passed.problems(&config.pairs);
        if !problems.is_empty() {
            return Err(problems);
        }
        // What it starts is to be held to nothing that this process is held to.
        let upgrader = Upgrader::of_process();
        let confinement = confine(config, source, |name| passed.has(name));
        let bounds = Bounds {
            passed,
            confinement,
        };
        Ok(Surroundings {
            manager: Manager::of_environment(clock().steady),
            bounds,
            succession: Succession {
                predecessor,
                upgrader,
            },
            is_root: geteuid().is_root(),
        })
    }

    /// Tells the log what there is, and what should be looked at.
    pub(super) fn announce(&self, config: &Config) {
        log::info!("{}", self.bounds.confinement.line());
        if self.is_root {
            log::warn!(
                "running as root, which it needs for nothing: give it a user of its own (User= or \
                 DynamicUser= in systemd), for ports below 1024 with CAP_NET_BIND_SERVICE or passed \
                 sockets"
            );
        }
        for warning in self.bounds.passed.warnings(&config.pairs) {
            log::warn!("{warning}");
        }
    }
}

impl Bounds {
    /// Why a reload cannot serve that configuration, a line each.
    pub(super) fn lacks(&self, config: &Config, source: Option<&Source>) -> Vec<String> {
        let is_passed = |name: &str| self.passed.has(name);
        self.confinement.lacks(config, source, is_passed)
    }
}
