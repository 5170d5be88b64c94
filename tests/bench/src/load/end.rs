//! One end of a loaded connection, plain or TLS.

use std::io::{self, Write};

use boring::ssl::{ErrorCode, Ssl, SslStream};
use mio::event::Event;
use mio::net::TcpStream;

use super::wire::Wire;

/// The suite that every subject is held to.
const SUITE: &str = "TLS_AES_128_GCM_SHA256";

/// What a read found.
pub(super) enum Got {
    /// This many bytes.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// The end of the stream.
    End,
}

/// A connection's end.
pub(super) struct End {
    channel: Channel,
}

enum Channel {
    Plain(Wire),
    Tls {
        stream: Box<SslStream<Wire>>,
        is_server: bool,
        is_done: bool,
    },
}

/// How a handshake went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Handshake {
    /// More has to come.
    Waits,
    /// There is none in plain.
    None,
    /// With a certificate on both sides.
    Full,
    /// From a ticket.
    Resumed,
}

impl End {
    pub(super) fn plain(socket: TcpStream) -> End {
        End {
            channel: Channel::Plain(Wire::new(socket)),
        }
    }

    pub(super) fn tls(socket: TcpStream, ssl: Ssl, is_server: bool) -> io::Result<End> {
        let stream = SslStream::new(ssl, Wire::new(socket)).map_err(io::Error::other)?;
        Ok(End {
            channel: Channel::Tls {
                stream: Box::new(stream),
                is_server,
                is_done: false,
            },
        })
    }

    fn wire(&mut self) -> &mut Wire {
        match &mut self.channel {
            Channel::Plain(wire) => wire,
            Channel::Tls { stream, .. } => stream.get_mut(),
        }
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.wire().socket
    }

    /// An event told that there may be more to read.
    pub(super) fn wake(&mut self, event: &Event) {
        self.wire().wake(event);
    }

    /// Goes on with the handshake; checks what it agreed on.
    pub(super) fn handshake(&mut self) -> io::Result<Handshake> {
        let Channel::Tls {
            stream,
            is_server,
            is_done,
        } = &mut self.channel
        else {
            return Ok(Handshake::None);
        };
        let result = match is_server {
            true => stream.accept(),
            false => stream.connect(),
        };
        stream.get_mut().send()?;
        match result {
            Ok(()) => *is_done = true,
            Err(error) if error.code() == ErrorCode::WANT_READ => return Ok(Handshake::Waits),
            Err(error) => return Err(io::Error::other(error.to_string())),
        }
        let ssl = stream.ssl();
        let suite = ssl
            .current_cipher()
            .and_then(|cipher| cipher.standard_name());
        if suite != Some(SUITE) {
            return Err(io::Error::other(format!(
                "agreed on {suite:?}, not on {SUITE}"
            )));
        }
        if ssl.peer_certificate().is_none() {
            return Err(io::Error::other("the subject showed no certificate"));
        }
        Ok(match ssl.session_reused() {
            true => Handshake::Resumed,
            false => Handshake::Full,
        })
    }

    /// Reads until `into` is full or nothing is left.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<Got> {
        match &mut self.channel {
            Channel::Plain(wire) => loop {
                return match wire.receive(into) {
                    Ok(0) => Ok(Got::End),
                    Ok(count) => Ok(Got::Bytes(count)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Got::Nothing),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
            },
            Channel::Tls { stream, .. } => read_records(stream, into),
        }
    }

    /// Queues bytes and sends what the socket takes.
    pub(super) fn write(&mut self, data: &[u8]) -> io::Result<()> {
        match &mut self.channel {
            Channel::Plain(wire) => wire.write_all(data)?,
            Channel::Tls { stream, .. } => {
                let mut rest = data;
                while !rest.is_empty() {
                    let count = stream.ssl_write(rest);
                    rest = &rest[count.map_err(|error| io::Error::other(error.to_string()))?..];
                }
            }
        }
        self.flush().map(drop)
    }

    /// Sends what waits; whether everything has left.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        self.wire().send()
    }

    /// Ends the stream in this direction.
    pub(super) fn end(&mut self) {
        if let Channel::Tls {
            stream,
            is_done: true,
            ..
        } = &mut self.channel
        {
            // Its outcome is the peer's close_notify, which nobody waits for.
            let _ = stream.shutdown();
        }
        let _ = self.flush();
        self.wire().end();
    }
}

fn read_records(stream: &mut SslStream<Wire>, into: &mut [u8]) -> io::Result<Got> {
    let mut total = 0;
    while total < into.len() {
        match stream.ssl_read(&mut into[total..]) {
            Ok(count) => total += count,
            Err(error) => match error.code() {
                _ if total > 0 => break,
                ErrorCode::WANT_READ => {
                    // Reading may have something to say: an answer to a key update.
                    stream.get_mut().send()?;
                    return Ok(Got::Nothing);
                }
                ErrorCode::ZERO_RETURN => return Ok(Got::End),
                _ => return Err(io::Error::other(error.to_string())),
            },
        }
    }
    Ok(Got::Bytes(total))
}
