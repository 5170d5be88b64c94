//! One connection of a client, plain or TLS, blocking.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use boring::ssl::{ErrorCode, ShutdownState, Ssl, SslStream};

use super::ledger::{ClientSaw, Ledger, Ticket};
use super::random::{PIECE_BYTES, Pattern};
use super::service::{PATIENCE, resets};

enum Channel {
    Plain(TcpStream),
    Tls(Box<SslStream<TcpStream>>),
}

/// A connection, of which the ledger is told when it is dropped.
pub(super) struct Client<'a> {
    channel: Channel,
    ledger: &'a Ledger,
    pub(super) ticket: Ticket,
    pub(super) saw: ClientSaw,
}

impl<'a> Client<'a> {
    pub(super) fn new(
        socket: TcpStream,
        ssl: Option<Ssl>,
        ledger: &'a Ledger,
        ticket: Ticket,
    ) -> io::Result<Client<'a>> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let channel = match ssl {
            None => Channel::Plain(socket),
            Some(ssl) => {
                let stream = SslStream::new(ssl, socket).map_err(io::Error::other)?;
                Channel::Tls(Box::new(stream))
            }
        };
        Ok(Client {
            channel,
            ledger,
            ticket,
            saw: ClientSaw::default(),
        })
    }

    /// Does the handshake, if there is one.
    pub(super) fn handshake(&mut self) -> io::Result<()> {
        match &mut self.channel {
            Channel::Plain(_) => Ok(()),
            Channel::Tls(stream) => stream.connect().map_err(io::Error::other),
        }
    }

    fn socket(&self) -> &TcpStream {
        match &self.channel {
            Channel::Plain(socket) => socket,
            Channel::Tls(stream) => stream.get_ref(),
        }
    }

    /// The socket, where there is no TLS.
    pub(super) fn plain(&self) -> Option<&TcpStream> {
        match &self.channel {
            Channel::Plain(socket) => Some(socket),
            Channel::Tls(_) => None,
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Before it is known how much of it leaves: no more than that may ever arrive.
        self.saw.sent += bytes.len() as u64;
        match &mut self.channel {
            Channel::Plain(socket) => socket.write_all(bytes)?,
            Channel::Tls(stream) => stream.write_all(bytes)?,
        }
        Ok(())
    }

    /// Reads what there is; 0 is a clean end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.channel {
            Channel::Plain(socket) => socket.read(into)?,
            // Its `Read` takes an end without close_notify for a clean one.
            Channel::Tls(stream) => match stream.ssl_read(into) {
                Ok(count) => count,
                Err(error) if error.code() == ErrorCode::ZERO_RETURN => 0,
                Err(error) => return Err(io::Error::other(error)),
            },
        };
        self.saw.received += count as u64;
        self.saw.is_clean |= count == 0;
        Ok(count)
    }

    /// Reads what must come next; whether all of it came before the end.
    pub(super) fn meets(&mut self, wanted: &[u8]) -> io::Result<bool> {
        let mut piece = vec![0; wanted.len().min(PIECE_BYTES)];
        let mut left = wanted;
        while !left.is_empty() {
            let room = left.len().min(piece.len());
            let count = self.read(&mut piece[..room])?;
            if count == 0 {
                return Ok(false);
            }
            let (next, behind) = left.split_at(count);
            self.saw.is_wrong |= piece[..count] != *next;
            left = behind;
        }
        Ok(true)
    }

    /// Reads what must come next, and then the end.
    pub(super) fn ends_with(&mut self, wanted: &[u8]) -> io::Result<()> {
        let is_whole = self.meets(wanted)?;
        self.saw.is_wrong |= is_whole && self.read(&mut [0])? > 0;
        self.saw.is_right = is_whole && !self.saw.is_wrong;
        Ok(())
    }

    /// Reads so many bytes of its own pattern and the end, and rests behind each piece.
    pub(super) fn takes_pattern(&mut self, amount: u64, mut rests: impl FnMut()) -> io::Result<()> {
        let mut pattern = Pattern::of(self.ticket.id);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let count = self.read(&mut piece)?;
            if count == 0 {
                break;
            }
            let fits = pattern.fits(&piece[..count]) && self.saw.received <= amount;
            self.saw.is_wrong |= !fits;
            rests();
        }
        self.saw.is_right = !self.saw.is_wrong && self.saw.received == amount;
        Ok(())
    }

    /// Ends what it sends.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match &mut self.channel {
            Channel::Plain(socket) => socket.shutdown(Shutdown::Write),
            Channel::Tls(stream) => match stream.get_shutdown() {
                ShutdownState::SENT => Ok(()),
                _ => stream.shutdown().map(|_| ()).map_err(io::Error::other),
            },
        }
    }

    /// Lets it be reset when it is dropped.
    pub(super) fn resets(&self) -> io::Result<()> {
        resets(self.socket())
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        self.ledger.ended(self.ticket, self.saw);
    }
}
