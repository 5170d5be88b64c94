//! The program and its service manager.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "service/notify.rs"]
mod notify;
#[path = "service/sockets.rs"]
mod sockets;
mod support;
#[path = "service/unit.rs"]
mod unit;

use support::backend::ping;
