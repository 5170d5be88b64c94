//! What a client does with one connection. An act that is cut short by an error is one that has come to no
//! end, which the ledger hears of as of any other.

use std::io::{self, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::kind::Kind;
use super::lanes::Lane;
use super::pairs::Pair;
use super::random::{PIECE_BYTES, Pattern, send_pattern};
use super::service::{HEADER_BYTES, RECEIPT_BYTES, Request};

/// One message and back, and its end in both directions.
pub(super) fn short(lane: &mut Lane<'_>, pair: Pair, kind: Kind) -> io::Result<()> {
    let mut client = lane.open(pair, kind)?;
    let id = client.ticket.id;
    let mut message = Request::Echo.header(id, 0).to_vec();
    let length = lane.random.between(0, 2000) as usize;
    message.resize(HEADER_BYTES + length, 0);
    Pattern::of(id).fill(&mut message[HEADER_BYTES..]);
    client.send(&message)?;
    client.end()?;
    client.ends_with(&message[HEADER_BYTES..])
}

/// A long-lived connection: messages and back, with pauses.
pub(super) fn messages(
    lane: &mut Lane<'_>,
    pair: Pair,
    kind: Kind,
    seconds: u64,
) -> io::Result<()> {
    let mut client = lane.open(pair, kind)?;
    let id = client.ticket.id;
    client.send(&Request::Echo.header(id, 0))?;
    let mut pattern = Pattern::of(id);
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until && lane.goes_on() {
        let mut message = vec![0; lane.random.between(1, 4096) as usize];
        pattern.fill(&mut message);
        client.send(&message)?;
        if !client.meets(&message)? {
            return Ok(());
        }
        lane.pause(20, 400);
    }
    client.end()?;
    client.ends_with(&[])
}

/// Sends much, ends, and gets a receipt; `rests` are the milliseconds between what the service reads.
pub(super) fn up(
    lane: &mut Lane<'_>,
    pair: Pair,
    kind: Kind,
    (amount, rests): (u64, u64),
) -> io::Result<()> {
    let mut client = lane.open(pair, kind)?;
    let id = client.ticket.id;
    client.send(&Request::Sink.header(id, rests))?;
    send_pattern(&mut Pattern::of(id), amount, |bytes| client.send(bytes))?;
    client.end()?;
    let mut receipt = amount.to_be_bytes().to_vec();
    receipt.push(1);
    debug_assert_eq!(receipt.len(), RECEIPT_BYTES);
    client.ends_with(&receipt)
}

/// Ends, and then gets much; `rests` are the milliseconds between what is read. Before [`Pair::Shaky`] the
/// service ends first: nginx sends a close_notify to nobody who has sent one, and without one this pair
/// takes nothing for an end.
pub(super) fn down(
    lane: &mut Lane<'_>,
    pair: Pair,
    kind: Kind,
    (amount, rests): (u64, u64),
) -> io::Result<()> {
    let mut client = lane.open(pair, kind)?;
    let is_gift = pair == Pair::Shaky;
    let request = if is_gift {
        Request::Gift
    } else {
        Request::Source
    };
    client.send(&request.header(client.ticket.id, amount))?;
    if !is_gift {
        client.end()?;
    }
    client.takes_pattern(amount, || match rests {
        0 => {}
        _ => thread::sleep(Duration::from_millis(lane.random.between(1, rests))),
    })?;
    if is_gift {
        client.end()?;
    }
    Ok(())
}

/// Sends and receives much at once.
pub(super) fn both_ways(lane: &mut Lane<'_>, pair: Pair, amount: u64) -> io::Result<()> {
    let mut client = lane.open(pair, Kind::BothWays)?;
    let id = client.ticket.id;
    client.send(&Request::Echo.header(id, 0))?;
    let Some(socket) = client.plain() else {
        return Err(io::Error::other("both ways at once are for plain clients"));
    };
    let mut sender = socket.try_clone()?;
    client.saw.sent += amount;
    let sent = thread::spawn(move || -> io::Result<()> {
        send_pattern(&mut Pattern::of(id), amount, |bytes| {
            sender.write_all(bytes)
        })?;
        sender.shutdown(Shutdown::Write)
    });
    let read = client.takes_pattern(amount, || {});
    client.saw.is_right &= matches!(sent.join(), Ok(Ok(())));
    read
}

/// Resets while bytes are under way in both directions.
pub(super) fn client_resets(lane: &mut Lane<'_>, pair: Pair) -> io::Result<()> {
    let mut client = lane.open(pair, Kind::ClientResets)?;
    let id = client.ticket.id;
    client.send(&Request::Echo.header(id, 0))?;
    let mut piece = vec![0; lane.random.between(1, 200_000) as usize];
    Pattern::of(id).fill(&mut piece);
    client.send(&piece)?;
    let some = lane.random.between(1, piece.len() as u64 + 1) as usize;
    client.meets(&piece[..some])?;
    client.resets()
}

/// Is reset by the service in the middle of its answer.
pub(super) fn service_resets(lane: &mut Lane<'_>, pair: Pair) -> io::Result<()> {
    let mut client = lane.open(pair, Kind::ServiceResets)?;
    let amount = lane.random.between(0, 60_000);
    client.send(&Request::Reset.header(client.ticket.id, amount))?;
    client.takes_pattern(amount, || {})
}

/// A stranger with a certificate that is none here, or without one.
pub(super) fn refused(lane: &mut Lane<'_>, pair: Pair, kind: Kind) -> io::Result<()> {
    let mut client = lane.open(pair, kind)?;
    client.read(&mut [0; 100]).map(|_| ())
}

/// A stranger that speaks no TLS.
pub(super) fn rubbish(lane: &mut Lane<'_>, pair: Pair) -> io::Result<()> {
    let mut client = lane.ground.open(pair, Kind::Rubbish)?;
    let mut bytes = vec![0; lane.random.between(1, 2000) as usize];
    Pattern::of(client.ticket.id).fill(&mut bytes);
    client.send(&bytes)?;
    client.end()?;
    let read = until_the_end(&mut client);
    is_outside_of_tls(&mut client);
    read
}

/// Connects and says nothing, until it is sent away.
pub(super) fn says_nothing(lane: &mut Lane<'_>, pair: Pair) -> io::Result<()> {
    let mut client = lane.ground.open(pair, Kind::Silent)?;
    let read = until_the_end(&mut client);
    is_outside_of_tls(&mut client);
    read
}

fn until_the_end(client: &mut Client<'_>) -> io::Result<()> {
    let mut bytes = [0; PIECE_BYTES];
    while client.read(&mut bytes)? > 0 {}
    Ok(())
}

/// An alert is no byte of a stream, and what an end behind one means is told by TLS alone.
fn is_outside_of_tls(client: &mut Client<'_>) {
    client.saw.received = 0;
    client.saw.is_clean = false;
}

/// Lines to `openssl s_server`, each of which comes back reversed.
pub(super) fn reversed(lane: &mut Lane<'_>) -> io::Result<()> {
    let mut client = lane.open(Pair::Openssl, Kind::Messages)?;
    for _ in 0..lane.random.between(1, 20) {
        let length = lane.random.between(1, 500);
        let mut line: Vec<u8> = (0..length)
            .map(|_| lane.random.between(u64::from(b'a'), u64::from(b'z')) as u8)
            .collect();
        client.send(&[&line, b"\n".as_slice()].concat())?;
        line.reverse();
        line.push(b'\n');
        if !client.meets(&line)? {
            return Ok(());
        }
        // So that it is alive when it is killed.
        lane.pause(5, 60);
    }
    client.end()?;
    client.ends_with(&[])
}

/// A connection for the whole of the load, whose messages are timed.
pub(super) fn probe(lane: &mut Lane<'_>, pair: Pair, note: impl Fn(Duration)) -> io::Result<()> {
    let mut client = lane.open(pair, Kind::Probe)?;
    client.send(&Request::Echo.header(client.ticket.id, 0))?;
    let mut pattern = Pattern::of(client.ticket.id);
    let mut message = [0; 64];
    while lane.goes_on() {
        pattern.fill(&mut message);
        let sent = Instant::now();
        client.send(&message)?;
        if !client.meets(&message)? {
            return Ok(());
        }
        note(sent.elapsed());
        lane.pause(20, 30);
    }
    client.end()?;
    client.ends_with(&[])
}
