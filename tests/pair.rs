//! Two processes with keys for one time: the exchange, what may get in between, and how it ends; and pairs of
//! the configuration that know their peers by pinned keys.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod support;

#[path = "pair/chain.rs"]
mod chain;
#[path = "pair/ends.rs"]
mod ends;
#[path = "pair/faults.rs"]
mod faults;
#[path = "pair/header.rs"]
mod header;
#[path = "pair/pairing.rs"]
mod pairing;
#[path = "pair/pinned.rs"]
mod pinned;
#[path = "pair/secrets.rs"]
mod secrets;
