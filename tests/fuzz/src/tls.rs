//! Sessions back to back, as the tests of tests/tls_pair have them.

#![allow(
    clippy::unwrap_used,
    clippy::should_implement_trait,
    missing_docs,
    dead_code,
    unreachable_pub
)]

use std::sync::OnceLock;

#[path = "../../tls_pair/pair.rs"]
pub mod pair;

use crate::support::certs::TestPki;
use pair::Sides;

/// One client and one server, made once in the life of a process: keys differ between processes, and so
/// does everything that is signed or encrypted.
pub fn sides() -> &'static Sides {
    static SIDES: OnceLock<Sides> = OnceLock::new();
    SIDES.get_or_init(|| Sides::good(&TestPki::new()))
}
