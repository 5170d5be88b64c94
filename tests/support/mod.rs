//! What the integration tests share. Each of them uses only a part of it.

#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

pub mod access;
pub mod alone;
pub mod backend;
pub mod black_hole;
pub mod certs;
pub mod chromium;
pub mod clock;
pub mod connector;
pub mod crowd;
pub mod daemon;
pub mod duplex;
pub mod http;
pub mod machines;
pub mod manager;
pub mod metrics;
pub mod nginx;
pub mod ocsp;
pub mod openssl;
pub mod pairs;
pub mod passed;
pub mod pattern;
pub mod peers;
pub mod postgres;
pub mod program;
pub mod proxies;
pub mod psql;
pub mod reads;
pub mod rotate;
pub mod succession;
pub mod tap;
pub mod terminal;
pub mod tls;
pub mod valve;
pub mod wait;
