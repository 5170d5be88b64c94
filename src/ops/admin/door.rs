//! A listener and its guests.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::AbortHandle;

use crate::net::{Endpoint, Listener};

/// Who may be there at a time.
const GUESTS_MAX: usize = 32;

/// A listener of the runtime's.
pub(super) struct Door {
    socket: Socket,
    guests: VecDeque<AbortHandle>,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Who came in.
pub(super) enum Guest {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Door {
    /// Opens a door where a listener is, which goes on to listen when the door is closed; call it within the
    /// runtime.
    pub(super) fn open(listener: &Listener) -> io::Result<Door> {
        let socket = listener.as_fd().try_clone_to_owned()?;
        let socket = match listener.endpoint()? {
            Endpoint::Tcp(_) => Socket::Tcp(TcpListener::from_std(socket.into())?),
            Endpoint::Unix(_) => Socket::Unix(UnixListener::from_std(socket.into())?),
        };
        Ok(Door {
            socket,
            guests: VecDeque::new(),
        })
    }

    /// Waits for the next guest.
    pub(super) async fn accept(&self) -> io::Result<Guest> {
        match &self.socket {
            Socket::Tcp(listener) => Ok(Guest::Tcp(listener.accept().await?.0)),
            Socket::Unix(listener) => Ok(Guest::Unix(listener.accept().await?.0)),
        }
    }

    /// Notes who is attended to. One that is served goes at once; who has stayed the longest while all
    /// places are taken only keeps others out.
    pub(super) fn note(&mut self, guest: AbortHandle) {
        self.guests.retain(|guest| !guest.is_finished());
        if self.guests.len() == GUESTS_MAX
            && let Some(oldest) = self.guests.pop_front()
        {
            oldest.abort();
        }
        self.guests.push_back(guest);
    }
}
