//! What a service manager such as systemd does for the program, and is told by it.
//!
//! | file | what it does |
//! |---|---|
//! | `manager.rs` | tells that it is ready, reloads, stops, and how it is (sd_notify(3)) |
//! | `watchdog.rs` | when to tell that it is alive: a pure function of the clock and of the threads' answers |
//! | `sockets.rs` | sockets that the manager listens with, by the names of pairs (sd_listen_fds(3)) |
//!
//! Without a manager none of it does anything.

mod manager;
mod sockets;
mod watchdog;

pub(super) use manager::{Manager, Status};
pub(super) use sockets::Passed;
