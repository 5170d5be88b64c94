//! Who does what how often, each lane in a thread of its own until the load is told to stop. What fails in
//! an act is seen in what became of the connection.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use super::acts::{
    both_ways, client_resets, down, messages, refused, reversed, rubbish, says_nothing,
    service_resets, short, up,
};
use super::client::Client;
use super::ground::Ground;
use super::kind::Kind;
use super::pairs::Pair;
use super::random::{Pattern, Random};
use super::service::Request;

/// Those whose connections nothing may disturb.
const CALM: [Pair; 3] = [Pair::Nginx, Pair::Server, Pair::Bridge];

/// Connections of a crowd: more than the program's memory is given back for, in each of two workers.
pub(super) const CROWD: usize = 700;

/// Between two pieces of 64 KiB, who reads slowly rests for as long at the most.
const SLOW_MILLIS: u64 = 60;

/// A lane's surroundings.
pub(super) struct Lane<'a> {
    pub(super) ground: &'a Ground,
    pub(super) stop: &'a AtomicBool,
    pub(super) random: Random,
}

/// What a lane does; a number of it runs at once.
type Work = fn(&mut Lane<'_>);

/// All lanes, and how many there are of each.
pub(super) const LANES: [(Work, usize); 10] = [
    (churn, 4),
    (talk, 60),
    (move_bulk, 2),
    (read_slowly, 3),
    (reset, 2),
    (strangers, 1),
    (silent, 2),
    (crowds, 1),
    (troubled, 8),
    (lines, 1),
];

impl<'a> Lane<'a> {
    pub(super) fn goes_on(&self) -> bool {
        !self.stop.load(Relaxed)
    }

    /// Waits for so many milliseconds, or until the load stops.
    pub(super) fn pause(&mut self, least: u64, end: u64) {
        let until = Instant::now() + Duration::from_millis(self.random.between(least, end));
        while let Some(left) = until.checked_duration_since(Instant::now())
            && self.goes_on()
        {
            thread::sleep(left.min(Duration::from_millis(100)));
        }
    }

    /// A connection behind its handshake.
    pub(super) fn open(&self, pair: Pair, kind: Kind) -> io::Result<Client<'a>> {
        let mut client = self.ground.open(pair, kind)?;
        client.handshake()?;
        Ok(client)
    }

    fn amount(&mut self, kib: u64, most_kib: u64) -> u64 {
        1024 * self.random.between(kib, most_kib) + self.random.between(0, 1024)
    }
}

/// Short connections and small transfers, one after the other.
fn churn(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let pair = lane.random.pick(&CALM);
        let amount = lane.amount(0, 64);
        let _ = match lane.random.between(0, 8) {
            0 => up(lane, pair, Kind::Up, (amount, 0)),
            1 => down(lane, pair, Kind::Down, (amount, 0)),
            2..=4 => short(lane, pair, Kind::Short),
            _ => short(lane, pair, Kind::ShortResumed),
        };
        lane.pause(5, 60);
    }
}

fn talk(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let pair = lane.random.pick(&CALM);
        let seconds = lane.random.between(5, 60);
        let _ = messages(lane, pair, Kind::Messages, seconds);
    }
}

fn move_bulk(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let pair = lane.random.pick(&CALM);
        let amount = lane.amount(1024, 16 * 1024);
        let _ = match lane.random.between(0, 3) {
            0 => up(lane, pair, Kind::Up, (amount, 0)),
            1 => down(lane, pair, Kind::Down, (amount, 0)),
            _ => both_ways(lane, Pair::Nginx, amount),
        };
        lane.pause(200, 1200);
    }
}

/// Clients and services that take their time.
fn read_slowly(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let pair = lane.random.pick(&CALM);
        let amount = lane.amount(1024, 12 * 1024);
        let _ = match lane.random.between(0, 2) {
            0 => up(lane, pair, Kind::SlowService, (amount, SLOW_MILLIS)),
            _ => down(lane, pair, Kind::SlowReader, (amount, SLOW_MILLIS)),
        };
        lane.pause(100, 1000);
    }
}

/// Ends that reset in the middle of it.
fn reset(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let _ = match lane.random.between(0, 2) {
            0 => {
                let pair = lane.random.pick(&CALM);
                client_resets(lane, pair)
            }
            // nginx would make a clean end of it.
            _ => service_resets(lane, Pair::Server),
        };
        lane.pause(100, 900);
    }
}

/// Those who must not come in.
fn strangers(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let pair = lane.random.pick(&[Pair::Server, Pair::Bridge]);
        let kind = lane.random.pick(&[
            Kind::WithoutCertificate,
            Kind::OfForeignAuthority,
            Kind::Rubbish,
        ]);
        let _ = match kind {
            Kind::Rubbish => rubbish(lane, pair),
            _ => refused(lane, pair, kind),
        };
        lane.pause(50, 500);
    }
}

/// Those who connect and say nothing, until they are sent away.
fn silent(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let _ = says_nothing(lane, Pair::Moody);
        lane.pause(500, 3000);
    }
}

/// Many at once, which stay a little and go.
fn crowds(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        crowd(lane);
        lane.pause(15_000, 30_000);
    }
}

/// A crowd that comes and goes.
pub(super) fn crowd(lane: &mut Lane<'_>) {
    let mut clients = Vec::new();
    for number in 0..CROWD {
        let pair = [Pair::Nginx, Pair::Server][number % 2];
        let joined = lane.open(pair, Kind::Crowd).and_then(|mut client| {
            client.send(&Request::Echo.header(client.ticket.id, 0))?;
            Ok(client)
        });
        clients.extend(joined);
    }
    lane.pause(500, 4000);
    // One that is dropped here has ended otherwise than it must, which the ledger sees.
    clients.retain_mut(|client| {
        let mut message = [0; 100];
        Pattern::of(client.ticket.id).fill(&mut message);
        client.send(&message).is_ok() && client.meets(&message).unwrap_or(false)
    });
    for client in &mut clients {
        let _ = client.end().and_then(|()| client.ends_with(&[]));
    }
}

/// Where gateways and services are in trouble, and pairs come and go.
fn troubled(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let pair = lane
            .random
            .pick(&[Pair::Shaky, Pair::Moody, Pair::Mute, Pair::Extra]);
        let amount = lane.amount(16, 4096);
        let _ = match lane.random.between(0, 5) {
            0 => up(lane, pair, Kind::Up, (amount, 0)),
            _ if pair == Pair::Shaky => down(lane, pair, Kind::Down, (amount, 0)),
            1 => down(lane, pair, Kind::Down, (amount, 0)),
            2 => messages(lane, pair, Kind::Messages, 8),
            _ => short(lane, pair, Kind::Short),
        };
        lane.pause(20, 400);
    }
}

/// Lines to `openssl s_server`, each of which comes back reversed.
fn lines(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let _ = reversed(lane);
        lane.pause(20, 300);
    }
}
