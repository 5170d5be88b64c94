//! The operator's side: start, reload, drain, signals, log, and what is told of all of it.

mod admin;
mod board;
mod control;
mod credentials;
mod descriptors;
pub mod fips;
mod gauges;
mod history;
mod inventory;
mod landlock;
mod listeners;
pub mod logging;
mod metrics;
mod reload;
mod service;
mod signals;
mod start;
mod supervisor;
mod surroundings;
mod threads;
mod trail;
mod upgrade;

pub use control::{Command, ControlLine};
pub use credentials::{Checked, check_credentials};
pub use gauges::Gauges;
pub use inventory::{Inventory, KeyFile, inventory};
pub use landlock::{Confinement, Landlock, confine};
pub use start::{ListenError, StartError, start};
pub use supervisor::{RunError, Running};
pub use surroundings::Surroundings;
pub use upgrade::serve_launcher;
