//! A relay between two peers that do what a script says, against the model of tests/relay_simulation.rs:
//! the fuzzer's bytes are the choices that are random there.

#![no_main]
#![allow(dead_code, clippy::unwrap_used)]

#[path = "../../relay_simulation/coverage.rs"]
mod coverage;
#[path = "../../relay_simulation/plan.rs"]
mod plan;
#[path = "relay/random.rs"]
mod random;
#[path = "../../relay_simulation/run.rs"]
mod run;
#[path = "../../relay_simulation/shadow.rs"]
mod shadow;
#[path = "../../relay_simulation/socket.rs"]
mod socket;
#[path = "../../relay_simulation/world.rs"]
mod world;

use std::cell::RefCell;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use mtls_persona::base::scratch::Scratch;

use coverage::Coverage;
use random::Random;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

fuzz_target!(|bytes: &[u8]| {
    static STREAMS: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let streams = STREAMS.get_or_init(plan::streams);
    let mut coverage = Coverage::default();
    SCRATCH.with_borrow_mut(|scratch| {
        run::run(Random::script(bytes), streams, scratch, &mut coverage);
    });
});
