//! Faults that are made on purpose, and what becomes of the connections in the middle of them: the table
//! under "What happens when" in the README, row by row.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "faults/clock.rs"]
mod clock;
#[path = "faults/full.rs"]
mod full;
#[path = "faults/killed.rs"]
mod killed;
#[path = "faults/memory.rs"]
mod memory;
#[path = "faults/network.rs"]
mod network;
mod support;
#[path = "faults/wire.rs"]
mod wire;

use std::io::{ErrorKind, Read, Write};

use serde_json::Value;

use support::metrics::Scrape;
use support::pairs;
use support::pattern;
use support::program::Program;

/// That configuration, with metrics.
fn told(config: Value) -> Value {
    pairs::with(config, "/admin/listen", "127.0.0.1:0")
}

/// Asserts why connection number `index` of a pair ended, in the log, and that so many ended for that reason
/// in the metrics.
fn assert_told(program: &Program, pair: &str, index: usize, reason: &str) {
    let access = program.access(pair, index);
    assert_eq!(access.reason(), reason, "{access:?}");
    let accesses = program.accesses(pair);
    let same = accesses.iter().filter(|access| access.reason() == reason);
    let same = same.count() as u64;
    let metrics = Scrape::take(program.admin("everything"));
    let labels = [("pair", pair), ("reason", reason)];
    for name in counted_in(reason) {
        let counted = metrics.count(&format!("mtls_persona_{name}_total"), &labels);
        assert_eq!(counted, same, "{pair} {reason} {name}");
    }
}

/// The metrics that count an end for that reason.
fn counted_in(reason: &str) -> &'static [&'static str] {
    match reason.split('_').next() {
        Some("connect") => &["connection_closes", "dial_errors"],
        Some("handshake" | "cert") => &["connection_closes", "tls_handshake_failures"],
        _ => &["connection_closes"],
    }
}

/// Reads to the end, which is a reset; how many bytes came, all of them as they were sent.
fn until_reset(stream: &mut impl Read) -> u64 {
    let (came, end) = pattern::receive(stream);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    came
}

/// Some bytes to an echo and back again.
fn ping(stream: &mut (impl Read + Write)) {
    support::backend::ping(stream);
}
