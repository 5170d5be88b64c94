//! The operator's side: start, reload, drain, signals, log.

mod control;
mod credentials;
mod descriptors;
mod inventory;
mod listeners;
pub mod logging;
mod schedule;
mod signals;
mod supervisor;
mod threads;

pub use control::Command;
pub use credentials::{Checked, check_credentials};
pub use inventory::{Inventory, KeyFile, inventory};
pub use supervisor::{RunError, Running, StartError, start};
