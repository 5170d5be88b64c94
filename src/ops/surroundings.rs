//! What the process was started in.

use super::service::Manager;
use super::supervisor::clock;

/// The service manager of the process. By default there is none.
#[derive(Debug, Default)]
pub struct Surroundings {
    pub(super) manager: Manager,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Surroundings {
        Surroundings {
            manager: Manager::of_environment(clock().steady),
        }
    }
}
