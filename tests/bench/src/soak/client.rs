//! One connection of a client, plain or TLS, blocking.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use boring::ssl::{ErrorCode, ShutdownState, Ssl, SslStream};

use super::ledger::{ClientSaw, Ledger, Ticket};
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
        match &mut self.channel {
            Channel::Plain(socket) => socket.write_all(bytes)?,
            Channel::Tls(stream) => stream.write_all(bytes)?,
        }
        self.saw.sent += bytes.len() as u64;
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

    /// Reads until `into` is full or the end is there; how many bytes that are.
    pub(super) fn read_full(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while count < into.len() {
            match self.read(&mut into[count..])? {
                0 => break,
                more => count += more,
            }
        }
        Ok(count)
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
