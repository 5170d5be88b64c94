//! What the integration tests share. Each of them uses only a part of it.

#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used)]

pub mod certs;
