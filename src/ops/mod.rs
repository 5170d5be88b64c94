//! The operator's side: start, reload, drain, signals, log.

mod credentials;
mod descriptors;
mod listeners;
pub mod logging;
mod schedule;
mod signals;
mod supervisor;
mod threads;

pub use credentials::{Checked, check_credentials};
pub use supervisor::{Command, RunError, Running, StartError, start};
