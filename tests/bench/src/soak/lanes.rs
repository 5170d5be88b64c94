//! What clients do, each lane in a thread of its own until the load is told to stop.

use std::io::{self, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::ground::Ground;
use super::ledger::Kind;
use super::pairs::Pair;
use super::random::{PIECE_BYTES, Pattern, Random, send_pattern};
use super::service::{HEADER_BYTES, RECEIPT_BYTES, Request};

/// Those whose connections nothing may disturb.
const CALM: [Pair; 3] = [Pair::Nginx, Pair::Server, Pair::Bridge];

/// Connections of a crowd: more than the program's memory is given back for, in each of two workers.
pub(super) const CROWD: usize = 700;

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

    fn open(&self, pair: Pair, kind: Kind) -> io::Result<Client<'a>> {
        let mut client = self.ground.open(pair, kind)?;
        client.handshake()?;
        Ok(client)
    }

    fn amount(&mut self, kib: u64, most_kib: u64) -> u64 {
        1024 * self.random.between(kib, most_kib) + self.random.between(0, 1024)
    }
}

/// One message and back, and its end in both directions.
fn short(lane: &mut Lane<'_>, pair: Pair, kind: Kind) -> io::Result<()> {
    let mut client = lane.open(pair, kind)?;
    let id = client.ticket.id;
    let mut message = Request::Echo.header(id, 0).to_vec();
    let length = lane.random.between(0, 2000) as usize;
    message.resize(HEADER_BYTES + length, 0);
    Pattern::of(id).fill(&mut message[HEADER_BYTES..]);
    client.send(&message)?;
    client.end()?;
    echoed(&mut client, &message[HEADER_BYTES..])
}

/// Reads what must come back, and the end.
fn echoed(client: &mut Client<'_>, message: &[u8]) -> io::Result<()> {
    let mut answer = vec![0; message.len() + 1];
    let count = client.read_full(&mut answer)?;
    client.saw.is_right = answer[..count] == *message;
    Ok(())
}

/// A long-lived connection: messages and back, with pauses.
fn messages(lane: &mut Lane<'_>, pair: Pair, kind: Kind, seconds: u64) -> io::Result<()> {
    let mut client = lane.open(pair, kind)?;
    let id = client.ticket.id;
    client.send(&Request::Echo.header(id, 0))?;
    let mut pattern = Pattern::of(id);
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until && lane.goes_on() {
        let mut message = vec![0; lane.random.between(1, 4096) as usize];
        pattern.fill(&mut message);
        client.send(&message)?;
        let mut answer = vec![0; message.len()];
        client.read_full(&mut answer)?;
        if answer != message {
            return Ok(());
        }
        lane.pause(20, 400);
    }
    client.end()?;
    echoed(&mut client, &[])
}

/// Sends much, ends, and gets a receipt.
fn up(lane: &mut Lane<'_>, pair: Pair, amount: u64) -> io::Result<()> {
    let mut client = lane.open(pair, Kind::Up)?;
    let id = client.ticket.id;
    client.send(&Request::Sink.header(id, 0))?;
    send_pattern(&mut Pattern::of(id), amount, |bytes| client.send(bytes))?;
    client.end()?;
    let mut receipt = amount.to_be_bytes().to_vec();
    receipt.push(1);
    debug_assert_eq!(receipt.len(), RECEIPT_BYTES);
    echoed(&mut client, &receipt)
}

/// Ends, and then gets much; `rests` are the milliseconds between what is read. Before [`Pair::Shaky`] the
/// service ends first: nginx sends a close_notify to nobody who has sent one, and without one this pair
/// takes nothing for an end.
fn down(lane: &mut Lane<'_>, pair: Pair, kind: Kind, amount: u64, rests: u64) -> io::Result<()> {
    let mut client = lane.open(pair, kind)?;
    let id = client.ticket.id;
    let is_gift = pair == Pair::Shaky;
    let request = if is_gift {
        Request::Gift
    } else {
        Request::Source
    };
    client.send(&request.header(id, amount))?;
    if !is_gift {
        client.end()?;
    }
    let mut pattern = Pattern::of(id);
    let mut piece = vec![0; PIECE_BYTES];
    let (mut fits, mut received) = (true, 0);
    loop {
        let count = client.read(&mut piece)?;
        if count == 0 {
            break;
        }
        received += count as u64;
        fits &= pattern.fits(&piece[..count]);
        if rests > 0 {
            thread::sleep(Duration::from_millis(lane.random.between(1, rests)));
        }
    }
    client.saw.is_right = fits && received == amount;
    if is_gift {
        client.end()?;
    }
    Ok(())
}

/// Sends and receives much at once.
fn both_ways(lane: &mut Lane<'_>, pair: Pair, amount: u64) -> io::Result<()> {
    let mut client = lane.open(pair, Kind::BothWays)?;
    let id = client.ticket.id;
    client.send(&Request::Echo.header(id, 0))?;
    let Some(socket) = client.plain() else {
        return Err(io::Error::other("both ways at once are for plain clients"));
    };
    let mut sender = socket.try_clone()?;
    let sent = thread::spawn(move || -> io::Result<()> {
        send_pattern(&mut Pattern::of(id), amount, |bytes| {
            sender.write_all(bytes)
        })?;
        sender.shutdown(Shutdown::Write)
    });
    let mut pattern = Pattern::of(id);
    let mut piece = vec![0; PIECE_BYTES];
    let mut fits = true;
    let read = loop {
        match client.read(&mut piece) {
            Ok(0) => break Ok(()),
            Ok(count) => fits &= pattern.fits(&piece[..count]),
            Err(error) => break Err(error),
        }
    };
    let is_sent = matches!(sent.join(), Ok(Ok(())));
    if is_sent {
        client.saw.sent += amount;
    }
    client.saw.is_right = fits && is_sent && client.saw.received == amount;
    read
}

/// Short connections and small transfers, one after the other.
fn churn(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let pair = lane.random.pick(&CALM);
        let amount = lane.amount(0, 64);
        // What fails here is seen in what became of the connection.
        let _ = match lane.random.between(0, 8) {
            0 => up(lane, pair, amount),
            1 => down(lane, pair, Kind::Down, amount, 0),
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
            0 => up(lane, pair, amount),
            1 => down(lane, pair, Kind::Down, amount, 0),
            _ => both_ways(lane, Pair::Nginx, amount),
        };
        lane.pause(200, 1200);
    }
}

fn read_slowly(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let pair = lane.random.pick(&CALM);
        let amount = lane.amount(1024, 12 * 1024);
        let _ = down(lane, pair, Kind::SlowReader, amount, 60);
        lane.pause(100, 1000);
    }
}

/// Ends that reset in the middle of it.
fn reset(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        let _ = match lane.random.between(0, 2) {
            0 => client_resets(lane),
            _ => service_resets(lane),
        };
        lane.pause(100, 900);
    }
}

fn client_resets(lane: &mut Lane<'_>) -> io::Result<()> {
    let pair = lane.random.pick(&CALM);
    let mut client = lane.open(pair, Kind::ClientResets)?;
    client.send(&Request::Echo.header(client.ticket.id, 0))?;
    let mut piece = vec![0x5a; lane.random.between(1, 200_000) as usize];
    client.send(&piece)?;
    // It is under way in both directions then.
    let some = lane.random.between(1, piece.len() as u64 + 1) as usize;
    client.read_full(&mut piece[..some])?;
    client.resets()
}

fn service_resets(lane: &mut Lane<'_>) -> io::Result<()> {
    // nginx would make a clean end of it.
    let mut client = lane.open(Pair::Server, Kind::ServiceResets)?;
    let amount = lane.random.between(0, 60_000);
    client.send(&Request::Reset.header(client.ticket.id, amount))?;
    let mut piece = vec![0; PIECE_BYTES];
    while client.read(&mut piece)? > 0 {}
    Ok(())
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

fn refused(lane: &mut Lane<'_>, pair: Pair, kind: Kind) -> io::Result<()> {
    let mut client = lane.open(pair, kind)?;
    client.read(&mut [0; 100]).map(|_| ())
}

fn rubbish(lane: &mut Lane<'_>, pair: Pair) -> io::Result<()> {
    let mut client = lane.ground.open(pair, Kind::Rubbish)?;
    let mut bytes = vec![0; lane.random.between(1, 2000) as usize];
    Pattern::of(client.ticket.id).fill(&mut bytes);
    client.send(&bytes)?;
    client.end()?;
    while client.read(&mut bytes)? > 0 {}
    // What an end behind an alert means is told by TLS alone.
    client.saw.is_clean = false;
    Ok(())
}

/// Those who connect and say nothing, until they are sent away.
fn silent(lane: &mut Lane<'_>) {
    while lane.goes_on() {
        if let Ok(mut client) = lane.ground.open(Pair::Moody, Kind::Silent) {
            while client.read(&mut [0; 100]).is_ok_and(|count| count > 0) {}
            client.saw.is_clean = false;
        }
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
    for client in &mut clients {
        let mut answer = [0; 100];
        let _ = client
            .send(&[7; 100])
            .and_then(|()| client.read_full(&mut answer));
        client.saw.is_right = answer == [7; 100];
    }
    for client in &mut clients {
        let right = client.saw.is_right;
        let _ = client.end().and_then(|()| echoed(client, &[]));
        client.saw.is_right &= right;
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
            0 => up(lane, pair, amount),
            _ if pair == Pair::Shaky => down(lane, pair, Kind::Down, amount, 0),
            1 => down(lane, pair, Kind::Down, amount, 0),
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

fn reversed(lane: &mut Lane<'_>) -> io::Result<()> {
    let mut client = lane.open(Pair::Openssl, Kind::Messages)?;
    for _ in 0..lane.random.between(1, 20) {
        let length = lane.random.between(1, 500);
        let line: Vec<u8> = (0..length)
            .map(|_| lane.random.between(u64::from(b'a'), u64::from(b'z')) as u8)
            .collect();
        client.send(&[&line, b"\n".as_slice()].concat())?;
        let mut answer = vec![0; line.len() + 1];
        client.read_full(&mut answer)?;
        if !answer[..line.len()].iter().eq(line.iter().rev()) {
            return Ok(());
        }
        // So that it is alive when it is killed.
        lane.pause(5, 60);
    }
    client.end()?;
    echoed(&mut client, &[])
}

/// A connection for the whole of the load, whose messages are timed.
pub(super) fn probe(lane: &mut Lane<'_>, pair: Pair, note: impl Fn(Duration)) -> io::Result<()> {
    let mut client = lane.open(pair, Kind::Probe)?;
    client.send(&Request::Echo.header(client.ticket.id, 0))?;
    let mut pattern = Pattern::of(client.ticket.id);
    let (mut message, mut answer) = ([0; 64], [0; 64]);
    while lane.goes_on() {
        pattern.fill(&mut message);
        let sent = Instant::now();
        client.send(&message)?;
        client.read_full(&mut answer)?;
        note(sent.elapsed());
        if answer != message {
            return Ok(());
        }
        lane.pause(20, 30);
    }
    client.end()?;
    echoed(&mut client, &[])
}
