//! A socket with large buffers that are there only while they are full.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::event::Event;
use mio::net::TcpStream;

/// The most that one receive takes.
const PIECE_BYTES: usize = 256 * 1024;

/// An empty send buffer up to this size belongs to a connection that sends little: it is freed.
const KEPT_BYTES_MIN: usize = 8 * 1024;

/// Buffers that a thread keeps for its next receives.
const POOLED_MAX: usize = 16;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn take_buffer() -> Vec<u8> {
    POOL.with_borrow_mut(Vec::pop)
        .unwrap_or_else(|| vec![0; PIECE_BYTES])
}

fn give_buffer(buffer: Vec<u8>) {
    POOL.with_borrow_mut(|pool| {
        if pool.len() < POOLED_MAX && buffer.len() == PIECE_BYTES {
            pool.push(buffer);
        }
    });
}

/// A socket that receives and sends in large pieces, however small the TLS library asks. The load
/// must not cost more system calls than what it loads.
pub(super) struct Wire {
    pub(super) socket: TcpStream,
    input: Vec<u8>,
    at: usize,
    filled: usize,
    output: Vec<u8>,
    /// A short receive has emptied the socket; an event tells when there is more.
    is_dry: bool,
    /// The peer's end stands behind what is there, and no other event will tell of it.
    looks_twice: bool,
}

impl Wire {
    pub(super) fn new(socket: TcpStream) -> Wire {
        Wire {
            socket,
            input: Vec::new(),
            at: 0,
            filled: 0,
            output: Vec::new(),
            is_dry: false,
            looks_twice: false,
        }
    }

    /// An event told that there may be more.
    pub(super) fn wake(&mut self, event: &Event) {
        self.is_dry = false;
        self.looks_twice |= event.is_read_closed();
    }

    /// Sends what waits; whether everything has left.
    pub(super) fn send(&mut self) -> io::Result<bool> {
        let mut sent = 0;
        while sent < self.output.len() {
            match self.socket.write(&self.output[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.drain(..sent);
        if self.output.is_empty() && self.output.capacity() <= KEPT_BYTES_MIN {
            // An idle connection of the load is to be small, too: there are thousands.
            self.output = Vec::new();
        }
        Ok(self.output.is_empty())
    }

    pub(super) fn end(&self) {
        // The peer may be gone already, which the next receive tells.
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Receives past the buffer, for plain bytes.
    pub(super) fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.is_dry {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.socket.read(into)?;
        self.is_dry = count > 0 && count < into.len() && !self.looks_twice;
        Ok(count)
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.filled {
            let mut buffer = take_buffer();
            let received = self.receive(&mut buffer);
            match received {
                Ok(count) if count > 0 => {
                    self.input = buffer;
                    self.at = 0;
                    self.filled = count;
                }
                other => {
                    give_buffer(buffer);
                    return other;
                }
            }
        }
        let count = into.len().min(self.filled - self.at);
        into[..count].copy_from_slice(&self.input[self.at..self.at + count]);
        self.at += count;
        if self.at == self.filled {
            give_buffer(std::mem::take(&mut self.input));
            self.at = 0;
            self.filled = 0;
        }
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
