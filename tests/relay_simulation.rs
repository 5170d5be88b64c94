//! Thousands of relays between peers that do everything peers do, against an independent model.
//!
//! A run follows from its seed alone. A failing one prints it, and
//! `RELAY_SEED=<seed> cargo test --test relay_simulation` repeats exactly that run.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "relay_simulation/coverage.rs"]
mod coverage;
#[path = "relay_simulation/plan.rs"]
mod plan;
#[path = "relay_simulation/random.rs"]
mod random;
#[path = "relay_simulation/run.rs"]
mod run;
#[path = "relay_simulation/shadow.rs"]
mod shadow;
#[path = "relay_simulation/socket.rs"]
mod socket;
#[path = "relay_simulation/world.rs"]
mod world;

use coverage::Coverage;
use mtls_persona::base::scratch::Scratch;
use random::Random;

const RUNS: u64 = 20_000;

/// Tells which run failed.
struct Announce(u64);

impl Drop for Announce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!("this was run {seed}; repeat it with RELAY_SEED={seed}");
        }
    }
}

fn run_of(seed: u64, streams: &[Vec<u8>; 2], scratch: &mut Scratch, coverage: &mut Coverage) {
    let _announce = Announce(seed);
    run::run(Random::new(seed), streams, scratch, coverage);
}

#[test]
fn a_relay_between_faulty_peers_keeps_every_promise() {
    let streams = plan::streams();
    let mut scratch = Scratch::default();
    let mut coverage = Coverage::default();
    if let Ok(seed) = std::env::var("RELAY_SEED") {
        let seed = seed.parse().expect("RELAY_SEED is a number");
        return run_of(seed, &streams, &mut scratch, &mut coverage);
    }
    for seed in 0..RUNS {
        run_of(seed, &streams, &mut scratch, &mut coverage);
    }
    coverage.print();
    coverage.assert_everything_reachable_was_reached();
}
