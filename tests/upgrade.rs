//! Another process takes over, and nobody notices.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "upgrade/load.rs"]
mod load;
mod support;

use support::backend::ping;
