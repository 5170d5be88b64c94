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
#[path = "relay_simulation/shadow.rs"]
mod shadow;
#[path = "relay_simulation/socket.rs"]
mod socket;
#[path = "relay_simulation/world.rs"]
mod world;

use coverage::Coverage;
use mtls_persona::base::id::Side;
use mtls_persona::base::scratch::Scratch;
use mtls_persona::relay::{Relay, RelayStep};
use plan::Plan;
use random::Random;
use world::{Handle, World};

const RUNS: u64 = 20_000;

/// From this step on the peers do all that they still will do, without dawdling.
const HURRY_STEPS: usize = 200;

/// No run of peers that hurry has more steps than this.
const STEPS_MAX: usize = 2_000;

/// Tells which run failed.
struct Announce {
    seed: u64,
    plan: Plan,
}

impl Drop for Announce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Announce { seed, plan } = self;
            eprintln!("this was run {seed}, with {plan:#?}\nrepeat it with RELAY_SEED={seed}");
        }
    }
}

/// One connection from its first turn to its end.
fn run(seed: u64, streams: &[Vec<u8>; 2], scratch: &mut Scratch, coverage: &mut Coverage) {
    let mut random = Random::new(seed);
    let plan = Plan::draw(&mut random);
    let _announce = Announce {
        seed,
        plan: plan.clone(),
    };
    let mut relay = Relay::new(plan.truncation);
    let world = World::shared(plan, streams, random);
    let mut inbound = Handle::new(Side::Inbound, &world);
    let mut outbound = Handle::new(Side::Outbound, &world);
    for step_number in 0.. {
        assert!(step_number < STEPS_MAX, "the connection never ends");
        let hurry = step_number >= HURRY_STEPS;
        world.borrow_mut().peers_act(hurry);
        let step = turn(&mut relay, &mut inbound, &mut outbound, scratch);
        if step == RelayStep::Wait {
            // Nothing changed meanwhile, so nothing may happen: what can move has moved.
            let before = world.borrow().activity();
            let again = turn(&mut relay, &mut inbound, &mut outbound, scratch);
            assert_eq!(again, RelayStep::Wait, "it waited though it could go on");
            assert_eq!(world.borrow().activity(), before, "it left something to do");
        }
        let over = match step {
            RelayStep::Close(reason) => Some(reason),
            RelayStep::Wait if world.borrow_mut().deadline_expires() => Some(relay.expired()),
            _ => None,
        };
        if let Some(reason) = over {
            return coverage.add(&world.borrow().shadow, reason);
        }
    }
}

fn turn(
    relay: &mut Relay,
    inbound: &mut Handle,
    outbound: &mut Handle,
    scratch: &mut Scratch,
) -> RelayStep {
    let before = inbound.world.borrow().activity();
    inbound.world.borrow_mut().begin_turn();
    let step = relay.turn(inbound, outbound, scratch);
    assert!(scratch.plain.is_empty(), "bytes were left in the scratch");
    let mut world = inbound.world.borrow_mut();
    world.check_turn(relay, step);
    let moved = world.activity() > before;
    assert!(
        moved || step != RelayStep::Yield,
        "it yielded though nothing had moved"
    );
    step
}

#[test]
fn a_relay_between_faulty_peers_keeps_every_promise() {
    let streams = plan::streams();
    let mut scratch = Scratch::default();
    let mut coverage = Coverage::default();
    if let Ok(seed) = std::env::var("RELAY_SEED") {
        let seed = seed.parse().expect("RELAY_SEED is a number");
        return run(seed, &streams, &mut scratch, &mut coverage);
    }
    for seed in 0..RUNS {
        run(seed, &streams, &mut scratch, &mut coverage);
    }
    coverage.print();
    coverage.assert_everything_reachable_was_reached();
}
