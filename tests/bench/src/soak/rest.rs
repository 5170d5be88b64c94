//! The program with nobody left.

use std::io;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use super::gauges::Standing;
use super::ground::Ground;
use super::lanes::{self, Lane};
use super::random::Random;
use super::service::PATIENCE;

/// How often the program is looked at. It gives memory back behind a crowd, whole pages of it alone: which
/// ones are whole is a matter of chance each time, and what is leaked is there every time.
const LOOKS: u64 = 3;
const TICK: Duration = Duration::from_millis(100);

/// Lets crowds come and go, and looks at the program when nobody is left; of memory the least that was seen.
pub(super) fn rest(
    ground: &Ground,
    random: &Random,
    before: Option<Standing>,
) -> io::Result<Standing> {
    let mut least: Option<Standing> = None;
    for look in 0..LOOKS {
        // Tickets and chains of the credentials that go do not lie between what comes and goes any more.
        ground.rotate(true, true)?;
        ground.rotate(false, true)?;
        crowd(ground, random.fork(look));
        wait_until_nobody_is_left(ground)?;
        let now = Standing::at_rest(&ground.program, before)?;
        eprintln!("{now:?}");
        least = Some(least.map_or(now, |least| now.with_memory_of(least)));
    }
    least.ok_or_else(|| io::Error::other("nobody has looked"))
}

fn crowd(ground: &Ground, random: Random) {
    let stop = AtomicBool::new(false);
    lanes::crowd(&mut Lane {
        ground,
        stop: &stop,
        random,
    });
}

fn wait_until_nobody_is_left(ground: &Ground) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        let unsettled = ground.ledger.unsettled();
        let open = ground.metrics()?.get("open_connections")?;
        if unsettled.is_empty() && open == 0.0 {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            let ledger = &ground.ledger;
            ledger.violation(format!("{open} connections are left when all have gone"));
            unsettled
                .into_iter()
                .for_each(|what| ledger.violation(what));
            return Ok(());
        }
        thread::sleep(TICK);
    }
}
