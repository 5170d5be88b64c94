//! What the integration tests share. Each of them uses only a part of it.

#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

pub mod access;
pub mod backend;
pub mod certs;
pub mod crowd;
pub mod duplex;
pub mod pairs;
pub mod pattern;
pub mod program;
pub mod tls;
pub mod wait;
