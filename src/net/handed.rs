//! Listening sockets that another process has opened and handed over.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::socket::Endpoint;

/// A listening socket that another process has opened. It listens for as long as that one holds it too,
/// and its file, if it has one, is not ours to remove.
#[derive(Debug)]
pub enum Handed {
    /// Of TCP.
    Tcp(TcpListener),
    /// Of the UNIX domain.
    Unix(UnixListener),
}

impl Handed {
    /// Where it listens; the path is empty for a socket without a file.
    ///
    /// # Errors
    /// What the system says.
    pub fn endpoint(&self) -> io::Result<Endpoint> {
        match self {
            Handed::Tcp(listener) => listener.local_addr().map(Endpoint::Tcp),
            Handed::Unix(listener) => {
                let address = listener.local_addr()?;
                let path = address.as_pathname().map(Path::to_owned);
                Ok(Endpoint::Unix(path.unwrap_or_default()))
            }
        }
    }

    /// Whether it takes connections, and is not a connection itself.
    pub fn listens(&self) -> bool {
        rustix::net::sockopt::socket_acceptconn(self.descriptor()).unwrap_or(false)
    }

    /// Another descriptor of the same socket.
    ///
    /// # Errors
    /// What the system says.
    pub fn try_clone(&self) -> io::Result<Handed> {
        match self {
            Handed::Tcp(listener) => listener.try_clone().map(Handed::Tcp),
            Handed::Unix(listener) => listener.try_clone().map(Handed::Unix),
        }
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Handed::Tcp(listener) => listener.as_fd(),
            Handed::Unix(listener) => listener.as_fd(),
        }
    }
}
