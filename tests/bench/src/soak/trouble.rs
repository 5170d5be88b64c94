//! What happens to the program meanwhile: rotations, reloads, and gateways and services that fail.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::gateways::Gateway;
use super::lanes::Lane;
use super::moody::Mood;

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// The certificate of the servers and of the bridge is another one.
    ServerRotation,
    /// The certificate of the clients is another one.
    ClientRotation,
    /// A reload removes or adds a pair.
    PairReload,
    /// nginx is killed, and started again.
    NginxKilled,
    /// `openssl s_server` is killed, and started again.
    OpensslKilled,
    /// The service with moods has another one.
    Mood,
}

/// One round of them.
pub(super) const ROUND: [Event; 9] = [
    Event::Mood,
    Event::ServerRotation,
    Event::NginxKilled,
    Event::Mood,
    Event::PairReload,
    Event::ClientRotation,
    Event::Mood,
    Event::OpensslKilled,
    Event::PairReload,
];

/// How often each has happened.
pub(super) type Events = BTreeMap<Event, u64>;

/// Lets them happen until the load stops, and then puts everything in order again.
pub(super) fn happen(lane: &mut Lane<'_>) -> Events {
    let mut events = Events::new();
    let mut has_extra = true;
    while lane.goes_on() {
        for event in shuffled(lane) {
            lane.pause(300, 2500);
            if !lane.goes_on() {
                break;
            }
            match cause(lane, event, &mut has_extra) {
                Ok(()) => *events.entry(event).or_default() += 1,
                Err(error) => lane.ground.ledger.violation(format!("{event:?}: {error}")),
            }
        }
    }
    lane.ground.moody.be(Mood::Serves);
    if !has_extra && let Err(error) = lane.ground.reload(true) {
        lane.ground
            .ledger
            .violation(format!("the last reload: {error}"));
    }
    events
}

fn shuffled(lane: &mut Lane<'_>) -> [Event; ROUND.len()] {
    let mut round = ROUND;
    for at in (1..round.len()).rev() {
        round.swap(at, lane.random.between(0, at as u64 + 1) as usize);
    }
    round
}

fn cause(lane: &mut Lane<'_>, event: Event, has_extra: &mut bool) -> io::Result<()> {
    let ground = lane.ground;
    let key_first = lane.random.between(0, 2) == 0;
    match event {
        Event::ServerRotation => ground.rotate(true, key_first),
        Event::ClientRotation => ground.rotate(false, key_first),
        Event::PairReload => {
            *has_extra = !*has_extra;
            ground.reload(*has_extra)
        }
        Event::NginxKilled => kill(lane, &ground.shaky),
        Event::OpensslKilled => kill(lane, &ground.openssl),
        Event::Mood => {
            let mood = lane.random.pick(&Mood::ALL);
            ground.moody.be(mood);
            Ok(())
        }
    }
}

fn kill(lane: &mut Lane<'_>, gateway: &Mutex<Gateway>) -> io::Result<()> {
    let mut gateway = gateway.lock().unwrap_or_else(PoisonError::into_inner);
    gateway.kill()?;
    lane.pause(100, 3000);
    gateway.start_again()
}
