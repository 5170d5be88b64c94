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

use crate::peer::Contexts;
use crate::support::certs::TestPki;
use pair::Sides;

/// Made once in the life of a process: keys differ between processes, and so does everything that is signed
/// or encrypted.
struct Made {
    sides: Sides,
    contexts: Contexts,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let pki = TestPki::new();
        let (client, server) = (pki.client("alice"), pki.server("localhost"));
        Made {
            sides: Sides::of(&pki, &client, &server),
            contexts: Contexts::new([&client, &server].map(|files| (&*files.cert, &*files.key))),
        }
    })
}

/// One client and one server.
pub fn sides() -> &'static Sides {
    &made().sides
}

/// The same two as peers that have left the library behind.
pub fn contexts() -> &'static Contexts {
    &made().contexts
}
