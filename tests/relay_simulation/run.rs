//! One connection from its first turn to its end.

use mtls_persona::base::id::Side;
use mtls_persona::base::scratch::Scratch;
use mtls_persona::relay::{Relay, RelayStep};

use crate::coverage::Coverage;
use crate::plan::Plan;
use crate::random::Random;
use crate::world::{Handle, World};

/// From this step on the peers do all that they still will do, without dawdling.
const HURRY_STEPS: usize = 200;

/// No run of peers that hurry has more steps than this.
const STEPS_MAX: usize = 2_000;

/// Tells what the peers of a run that failed were going to do.
struct Announce(Plan);

impl Drop for Announce {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was {:#?}", self.0);
        }
    }
}

/// Runs the connection that follows from these numbers.
pub(crate) fn run(
    mut random: Random,
    streams: &[Vec<u8>; 2],
    scratch: &mut Scratch,
    coverage: &mut Coverage,
) {
    let plan = Plan::draw(&mut random);
    let _announce = Announce(plan.clone());
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
