//! One side of a connection: a socket, perhaps with a TLS session, and what waits to be sent.

use mio::event::Event;

use crate::base::buffer::Buffer;
use crate::base::reason::CloseReason;
use crate::base::scratch::{PIECE_BYTES, Scratch};
use crate::net::{Broken, Received, Sent, Socket};
use crate::relay::{self, Failure, Fill, Flush};
use crate::tls::{Handshake, ReadOutcome, Role, Session, TlsError};

#[cfg(test)]
mod tests;

/// A session's own messages (alerts, answers to key updates) may pile up behind bytes that the peer
/// does not take; above this many bytes nothing more is read from it.
const PENDING_BYTES_MAX: usize = 2 * PIECE_BYTES;

/// Pieces that are received and forgotten at once from a peer that is only waited for.
const LINGER_PIECES: usize = 4;

/// Where a leg that is only waited for stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lingering {
    /// The peer's own end has come.
    Over,
    /// An event will tell.
    Waits,
    /// The peer goes on sending; there is more to forget at once.
    Goes,
}

/// What a leg speaks.
enum Channel {
    Plain,
    Tls(Box<Session>),
}

/// One side of a connection.
pub struct Leg {
    socket: Socket,
    channel: Channel,
    readiness: Readiness,
    /// Bytes that the socket did not take at once; the only ones that a connection ever keeps.
    pending: Buffer,
    /// Bytes that were received and not used yet: a PROXY header as it comes, and then what came behind it.
    early: Vec<u8>,
    /// They wait for company, not for the socket.
    is_held: bool,
    is_send_broken: bool,
    /// Plain bytes that were read and not taken: the next read gives them.
    unread: Buffer,
    /// It lingers, and FIN is sent.
    is_ended: bool,
    /// A reset was seen: an end of stream that follows is not one.
    was_reset: bool,
    /// Why the session failed, for the summary.
    error: Option<TlsError>,
    moved: u64,
}

/// What events told and no system call has disproved yet.
///
/// Every event since the socket was registered has to be noted in it: readiness is told once, and what
/// is missed here would be waited for in vain.
#[derive(Clone, Copy, Default)]
pub struct Readiness {
    readable: bool,
    writable: bool,
    /// A short read proves nothing: an end may stand behind it, or it stopped at a mark (urgent data
    /// on TCP, passed descriptors on UNIX sockets) with more behind.
    looks_twice: bool,
    /// A hint that the socket may have failed.
    error: bool,
}

impl Readiness {
    /// Notes what the poller told.
    pub fn note(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_read_closed();
        self.writable |= event.is_writable();
        self.looks_twice |= event.is_read_closed() || event.is_priority();
        self.error |= event.is_error();
    }

    /// Of a socket that was just registered, whose first events are still to come: the first system
    /// call tells.
    pub(super) fn assumed() -> Readiness {
        Readiness {
            readable: true,
            writable: true,
            ..Readiness::default()
        }
    }

    /// Of a socket that has connected, where these events have been told meanwhile.
    pub fn connected(self) -> Readiness {
        Readiness {
            writable: true,
            ..self
        }
    }
}

impl Leg {
    /// A leg without TLS.
    pub(super) fn plain(socket: Socket, readiness: Readiness) -> Leg {
        Leg::new(socket, Channel::Plain, readiness)
    }

    /// A leg with TLS.
    pub fn tls(socket: Socket, session: Session, readiness: Readiness) -> Leg {
        Leg::new(socket, Channel::Tls(Box::new(session)), readiness)
    }

    fn new(socket: Socket, channel: Channel, readiness: Readiness) -> Leg {
        Leg {
            channel,
            readiness: Readiness {
                looks_twice: readiness.looks_twice || matches!(socket, Socket::Unix(_)),
                ..readiness
            },
            socket,
            pending: Buffer::default(),
            early: Vec::new(),
            is_held: false,
            is_send_broken: false,
            unread: Buffer::default(),
            is_ended: false,
            was_reset: false,
            error: None,
            moved: 0,
        }
    }

    /// Notes what the poller told. Nothing is done about it before the connection's turn.
    pub fn note(&mut self, event: &Event) {
        self.readiness.note(event);
    }

    /// The session, on a TLS leg.
    pub fn session(&self) -> Option<&Session> {
        match &self.channel {
            Channel::Plain => None,
            Channel::Tls(session) => Some(session),
        }
    }

    /// The socket.
    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Lets the close that follows end the connection. A TLS leg does so anyway: its peer knows by
    /// close_notify what is whole.
    pub(super) fn end_on_close(&self) {
        if let Channel::Plain = self.channel {
            self.socket.end_on_close();
        }
    }

    /// Bytes that the socket has taken and given so far: grows while anything moves.
    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    /// Why the TLS session failed, told once.
    pub fn take_error(&mut self) -> Option<TlsError> {
        self.error.take()
    }

    /// Whether bytes that the leg was given have not all left this machine.
    pub(super) fn has_undelivered(&self) -> bool {
        !self.is_send_broken && (!self.pending.is_empty() || self.socket.has_unsent())
    }

    /// Whether the peer has reset the connection.
    pub(super) fn was_reset(&mut self) -> bool {
        relay::Leg::failure(self);
        self.was_reset
    }

    /// Sends FIN behind everything and forgets what the peer sends: for a peer that has to read an
    /// alert, which a reset would destroy.
    pub(super) fn linger(&mut self, scratch: &mut Scratch) -> Lingering {
        if relay::Leg::flush(self, scratch) == Flush::Blocked {
            return Lingering::Waits;
        }
        // Once: the system answers each time with another event, and that would go round and round.
        if !std::mem::replace(&mut self.is_ended, true) {
            self.socket.end();
        }
        for _ in 0..LINGER_PIECES {
            match self.socket.receive(scratch.received.space()) {
                Received::Bytes(_) => {}
                Received::WouldBlock => return Lingering::Waits,
                Received::End | Received::Broken(_) => return Lingering::Over,
            }
        }
        Lingering::Goes
    }

    /// Goes on with the TLS handshake; a plain leg needs none. On failure the alert is on its way.
    pub fn handshake(&mut self, scratch: &mut Scratch) -> Result<Handshake, TlsError> {
        loop {
            let received = self.receive_ciphertext(scratch);
            let Channel::Tls(session) = &mut self.channel else {
                return Ok(Handshake::Done);
            };
            if let Received::Broken(_) = received {
                return Err(reset_in_handshake());
            }
            let handshake = session.handshake(scratch);
            match (&handshake, session.role()) {
                (Ok(Handshake::Done), Role::Client) => self.hold(scratch),
                _ => drop(self.push_out(scratch)),
            }
            match handshake {
                // What came before a reset is read first: it may be an alert.
                Ok(Handshake::NeedsInput) if self.readiness.readable => {}
                Ok(Handshake::NeedsInput) if self.is_send_broken && self.was_reset => {
                    return Err(reset_in_handshake());
                }
                other => return other,
            }
        }
    }

    /// Gives back plain bytes that were read: they are for the next one who reads.
    pub(super) fn put_back(&mut self, bytes: Buffer) {
        debug_assert!(self.unread.is_empty());
        self.unread = bytes;
    }

    /// Keeps a client's last flight for a moment: the application's first bytes may be here already, and
    /// go out with it in one packet. [`Leg::let_go`] has to follow in the same turn.
    fn hold(&mut self, scratch: &mut Scratch) {
        if self.pending.is_empty() && !scratch.outgoing.is_empty() {
            self.pending = scratch.keep_outgoing();
            self.is_held = true;
        } else {
            self.push_out(scratch);
        }
    }

    /// Sends what was held, if nothing has come to go with it.
    pub fn let_go(&mut self, scratch: &mut Scratch) {
        if std::mem::take(&mut self.is_held) {
            relay::Leg::flush(self, scratch);
        }
    }

    /// Tells the peer, whose handshake is done, that it is not admitted. Where the library cannot, it does
    /// not even get the rest of our handshake.
    pub(super) fn deny(&mut self, scratch: &mut Scratch) {
        let Channel::Tls(session) = &mut self.channel else {
            return;
        };
        if session.deny(scratch) {
            self.push_out(scratch);
        } else if std::mem::take(&mut self.is_held) {
            scratch.give_back(std::mem::take(&mut self.pending));
        }
    }

    /// Receives once, to be looked at before it is used, so that no more than `most` bytes are kept; there
    /// must be room for one.
    pub(super) fn receive_early(&mut self, most: usize, scratch: &mut Scratch) -> Received {
        let room = most - self.early.len().min(most);
        let space = &mut scratch.received.space()[..room];
        let received = self.receive_into(space);
        if let Received::Bytes(count) = received {
            self.early.extend_from_slice(&space[..count]);
        }
        received
    }

    /// What was received to be looked at.
    pub(super) fn early(&self) -> &[u8] {
        &self.early
    }

    /// Forgets the first bytes of that; the rest is what will be read next.
    pub(super) fn skip_early(&mut self, count: usize) {
        let rest = self.early.get(count..).unwrap_or_default();
        self.early = rest.to_vec();
    }

    /// Puts bytes before all others that go out: the first flush sends them, or what comes before that takes
    /// them along in one packet.
    pub(super) fn begin_with(&mut self, bytes: &[u8]) {
        self.pending.append(bytes);
    }

    /// Receives one piece of ciphertext into `scratch.received`.
    fn receive_ciphertext(&mut self, scratch: &mut Scratch) -> Received {
        let received = self.receive(&mut scratch.received);
        if let (Received::End, Channel::Tls(session)) = (received, &mut self.channel) {
            session.end_input();
        }
        received
    }

    fn receive(&mut self, into: &mut Buffer) -> Received {
        if !self.early.is_empty() {
            let early = std::mem::take(&mut self.early);
            into.append(&early);
            return Received::Bytes(early.len());
        }
        let space = into.space();
        let room = space.len().min(PIECE_BYTES);
        let received = self.receive_into(&mut space[..room]);
        if let Received::Bytes(count) = received {
            into.commit(count);
        }
        received
    }

    fn receive_into(&mut self, space: &mut [u8]) -> Received {
        if !self.readiness.readable {
            return Received::WouldBlock;
        }
        let room = space.len();
        let received = self.socket.receive(space);
        match received {
            Received::Bytes(count) => {
                self.moved += count as u64;
                // Otherwise a short read tells that the socket is drained (epoll(7)).
                self.readiness.readable = count == room || self.readiness.looks_twice;
                received
            }
            Received::WouldBlock => {
                self.readiness.readable = false;
                // Neither an end nor anything else stands behind what was read: the next will be told.
                self.readiness.looks_twice = matches!(self.socket, Socket::Unix(_));
                received
            }
            Received::End if self.was_reset => Received::Broken(Broken::Both),
            Received::End => received,
            Received::Broken(_) => {
                self.was_reset = true;
                received
            }
        }
    }

    fn fill_plain(&mut self, scratch: &mut Scratch) -> Fill {
        match self.receive(&mut scratch.plain) {
            Received::Bytes(count) => Fill::Bytes(count),
            Received::WouldBlock => Fill::Blocked,
            Received::End => Fill::End,
            Received::Broken(_) => Fill::Reset,
        }
    }

    fn fill_tls(&mut self, scratch: &mut Scratch) -> Fill {
        // The flow that feeds this leg may have ended: then nobody else flushes it.
        relay::Leg::flush(self, scratch);
        if self.pending.len() > PENDING_BYTES_MAX {
            return Fill::Blocked;
        }
        let Channel::Tls(session) = &mut self.channel else {
            return Fill::Blocked;
        };
        if !session.may_hold_more() {
            match self.receive_ciphertext(scratch) {
                Received::WouldBlock => return Fill::Blocked,
                Received::Broken(_) => return Fill::Reset,
                Received::Bytes(_) | Received::End => {}
            }
        }
        let Channel::Tls(session) = &mut self.channel else {
            return Fill::Blocked;
        };
        let outcome = session.read(scratch);
        self.push_out(scratch);
        match outcome {
            ReadOutcome::Bytes(count) => Fill::Bytes(count),
            ReadOutcome::Last(count) => Fill::Last(count),
            // Only a part of a record, or a message of the protocol itself.
            ReadOutcome::NeedsInput if self.readiness.readable => Fill::Bytes(0),
            ReadOutcome::NeedsInput => Fill::Blocked,
            ReadOutcome::End => Fill::End,
            ReadOutcome::Truncated => Fill::Truncated,
            ReadOutcome::Failed(error) => {
                let reason = error.reason;
                self.error = Some(error);
                Fill::Failed(reason)
            }
        }
    }

    /// Hands `scratch.outgoing` to the socket; what it does not take waits in the leg.
    fn push_out(&mut self, scratch: &mut Scratch) -> Flush {
        if self.is_send_broken {
            scratch.outgoing.clear();
            return Flush::Lost;
        }
        if !self.pending.is_empty() {
            self.pending.append(scratch.outgoing.data());
            scratch.outgoing.clear();
            self.is_held = false;
            return relay::Leg::flush(self, scratch);
        }
        let flush = self.send_from(&mut scratch.outgoing);
        match flush {
            Flush::Blocked => self.pending = scratch.keep_outgoing(),
            Flush::Done | Flush::Lost => scratch.outgoing.clear(),
        }
        flush
    }

    fn send_from(&mut self, data: &mut Buffer) -> Flush {
        while !data.is_empty() {
            if !self.readiness.writable {
                return Flush::Blocked;
            }
            match self.socket.send(data.data()) {
                Sent::Bytes(count) => {
                    self.moved += count as u64;
                    // A short write tells that the socket is full (epoll(7)).
                    self.readiness.writable = count == data.len();
                    data.consume(count);
                }
                Sent::WouldBlock => self.readiness.writable = false,
                Sent::Broken(broken) => {
                    self.is_send_broken = true;
                    self.was_reset |= broken == Broken::Both;
                    return Flush::Lost;
                }
            }
        }
        Flush::Done
    }
}

fn reset_in_handshake() -> TlsError {
    TlsError {
        reason: CloseReason::HandshakeClosed,
        detail: "the peer reset the connection during the handshake".to_owned(),
        certificate: None,
    }
}

impl relay::Leg for Leg {
    fn fill(&mut self, scratch: &mut Scratch) -> Fill {
        if !self.unread.is_empty() {
            let unread = std::mem::take(&mut self.unread);
            scratch.plain.append(unread.data());
            return Fill::Bytes(unread.len());
        }
        match self.channel {
            Channel::Plain => self.fill_plain(scratch),
            Channel::Tls(_) => self.fill_tls(scratch),
        }
    }

    fn send(&mut self, scratch: &mut Scratch) -> Flush {
        match &mut self.channel {
            Channel::Plain => std::mem::swap(&mut scratch.plain, &mut scratch.outgoing),
            Channel::Tls(session) => {
                if let Err(error) = session.write(scratch) {
                    self.error.get_or_insert(error);
                    self.is_send_broken = true;
                }
            }
        }
        self.push_out(scratch)
    }

    fn flush(&mut self, scratch: &mut Scratch) -> Flush {
        if self.is_send_broken {
            return Flush::Lost;
        }
        if self.pending.is_empty() || self.is_held {
            return Flush::Done;
        }
        let mut pending = std::mem::take(&mut self.pending);
        let flush = self.send_from(&mut pending);
        match flush {
            Flush::Blocked => self.pending = pending,
            Flush::Done | Flush::Lost => scratch.give_back(pending),
        }
        flush
    }

    fn end(&mut self, scratch: &mut Scratch) -> Flush {
        match &mut self.channel {
            Channel::Plain => {
                self.socket.end();
                Flush::Done
            }
            // FIN follows with the final close: the other half still has to be read.
            Channel::Tls(session) => {
                session.close_notify(scratch);
                self.push_out(scratch)
            }
        }
    }

    fn failure(&mut self) -> Option<Failure> {
        if !std::mem::take(&mut self.readiness.error) {
            return None;
        }
        let broken = self.socket.failure()?;
        self.is_send_broken = true;
        match broken {
            Broken::SendOnly => Some(Failure::SinkLost),
            Broken::Both => {
                self.was_reset = true;
                // On a TLS leg a close_notify may stand before the reset, unread: its stream would be
                // whole. Reading tells.
                Some(match self.channel {
                    Channel::Plain => Failure::Reset,
                    Channel::Tls(_) => Failure::SinkLost,
                })
            }
        }
    }
}
