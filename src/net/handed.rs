//! Listening sockets that another process has opened and handed over.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::net::AddressFamily;
use rustix::net::sockopt::{socket_acceptconn, socket_domain};

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

/// The file of a UNIX socket, by device and inode: it may have been replaced by somebody else's.
pub(super) fn remove(path: &Path, own: (u64, u64)) {
    let now = std::fs::symlink_metadata(path).map(|m| (m.dev(), m.ino()));
    if now.is_ok_and(|now| now == own) {
        let _ = std::fs::remove_file(path);
    }
}

/// A listening socket of one's own as it goes to another process, or comes from one.
#[derive(Debug)]
pub struct Lent {
    /// The socket.
    pub handed: Handed,
    /// Device and inode of a UNIX socket's file that goes with it.
    pub file: Option<(u64, u64)>,
}

impl Lent {
    /// Removes the file, as nobody listens with the socket any more.
    pub fn remove_file(&self) {
        if let (Some(own), Ok(Endpoint::Unix(path))) = (self.file, self.handed.endpoint()) {
            remove(&path, own);
        }
    }
}

impl Handed {
    /// One that came as a bare descriptor.
    ///
    /// # Errors
    /// It is no socket of TCP or of the UNIX domain.
    pub fn of(descriptor: OwnedFd) -> io::Result<Handed> {
        match socket_domain(&descriptor)? {
            AddressFamily::INET | AddressFamily::INET6 => Ok(Handed::Tcp(descriptor.into())),
            AddressFamily::UNIX => Ok(Handed::Unix(descriptor.into())),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

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
        socket_acceptconn(self.descriptor()).unwrap_or(false)
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

    /// Its descriptor.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        match self {
            Handed::Tcp(listener) => listener.as_fd(),
            Handed::Unix(listener) => listener.as_fd(),
        }
    }
}
