//! Listening sockets.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, SockAddr, SockRef, Type};

use super::handed::{Handed, Lent, remove};
use super::socket::{Endpoint, Socket, set_tcp_options};

/// Connections that wait to be accepted; the system bounds it further (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// A listening socket. A UNIX socket's file goes with it.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        path: PathBuf,
        /// Device and inode of our own file: it may have been replaced by somebody else's.
        file: Option<(u64, u64)>,
        /// It goes with the listener, and not with that of another process.
        is_owner: bool,
    },
}

/// Options of every TCP connection that a listener accepts. Linux hands them down, which saves five
/// system calls a connection.
#[derive(Clone, Debug)]
pub struct Inherited {
    /// As in [`Socket::set_tcp_options`].
    pub nodelay: bool,
    /// As in [`Socket::set_tcp_options`].
    pub keepalive: Option<Duration>,
    /// As by [`Socket::reset_on_close`].
    pub resets_on_close: bool,
}

/// Listens on an endpoint. Port 0 lets the system choose.
pub fn bind(endpoint: &Endpoint, inherited: &Inherited) -> io::Result<Listener> {
    match endpoint {
        Endpoint::Tcp(address) => bind_tcp(*address, inherited),
        Endpoint::Unix(path) => bind_unix(path),
    }
}

/// All interfaces, IPv6 and IPv4 in one socket; IPv4 alone where the system has no IPv6.
pub fn bind_any(port: u16, inherited: &Inherited) -> io::Result<Listener> {
    let v6 = bind_tcp(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)), inherited);
    match v6 {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            bind_tcp(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), inherited)
        }
        other => other,
    }
}

fn bind_tcp(address: SocketAddr, inherited: &Inherited) -> io::Result<Listener> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the old connections' last minutes.
    socket.set_reuse_address(true)?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    // Before it listens: who connects in between would have none of them.
    hand_down(&SockRef::from(&socket), inherited);
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from_std(socket.into());
    Ok(Listener {
        kind: Kind::Tcp(listener),
    })
}

/// Listens with a socket that another process has opened.
pub fn adopt(handed: Handed, inherited: &Inherited) -> io::Result<Listener> {
    let listener = inherit(Lent { handed, file: None })?;
    listener.hand_down(inherited);
    Ok(listener)
}

/// Listens with a socket that another process may accept by still: its options stay, and so does its file until
/// [`Listener::set_owner`].
pub fn inherit(lent: Lent) -> io::Result<Listener> {
    let kind = match lent.handed {
        Handed::Tcp(listener) => {
            listener.set_nonblocking(true)?;
            Kind::Tcp(TcpListener::from_std(listener))
        }
        Handed::Unix(listener) => {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Kind::Unix {
                path: address
                    .as_pathname()
                    .map(Path::to_owned)
                    .unwrap_or_default(),
                file: lent.file,
                is_owner: false,
                listener: UnixListener::from_std(listener),
            }
        }
    };
    Ok(Listener { kind })
}

fn hand_down(options: &SockRef<'_>, inherited: &Inherited) {
    set_tcp_options(options, inherited.nodelay, inherited.keepalive);
    let linger = inherited.resets_on_close.then_some(Duration::ZERO);
    let _ = options.set_linger(linger);
}

fn bind_unix(path: &Path) -> io::Result<Listener> {
    remove_stale(path)?;
    let listener = UnixListener::bind(path)?;
    let file = std::fs::symlink_metadata(path).map(|m| (m.dev(), m.ino()));
    Ok(Listener {
        kind: Kind::Unix {
            listener,
            path: path.to_owned(),
            file: file.ok(),
            is_owner: true,
        },
    })
}

/// Removes the socket file of a program that is gone. Nothing but a socket that refuses connections
/// is ever removed.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).map(|m| m.file_type().is_socket());
    if !is_socket.unwrap_or(false) {
        return Ok(());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        _ => Ok(()),
    }
}

impl Listener {
    /// Where it listens, with the port that the system chose.
    pub fn endpoint(&self) -> io::Result<Endpoint> {
        match &self.kind {
            Kind::Tcp(listener) => listener.local_addr().map(Endpoint::Tcp),
            Kind::Unix { path, .. } => Ok(Endpoint::Unix(path.clone())),
        }
    }

    /// Registers with a poller, edge-triggered: accept until it would block.
    pub fn register(&mut self, registry: &Registry, token: usize) -> io::Result<()> {
        let token = Token(token);
        match &mut self.kind {
            Kind::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
            Kind::Unix { listener, .. } => registry.register(listener, token, Interest::READABLE),
        }
    }

    /// Undoes [`Listener::register`]. To close it is not enough where another process, or another
    /// descriptor, holds the same socket: the poller would go on telling of it.
    pub fn deregister(&mut self, registry: &Registry) {
        // What it fails of is that it is registered no more.
        let _ = match &mut self.kind {
            Kind::Tcp(listener) => registry.deregister(listener),
            Kind::Unix { listener, .. } => registry.deregister(listener),
        };
    }

    /// Another descriptor of the same socket, for another process to listen with.
    ///
    /// # Errors
    /// What the system says.
    pub fn lend(&self) -> io::Result<Lent> {
        let descriptor = self.as_fd().try_clone_to_owned()?;
        let (handed, file) = match &self.kind {
            Kind::Tcp(_) => (Handed::Tcp(descriptor.into()), None),
            Kind::Unix { file, .. } => (Handed::Unix(descriptor.into()), *file),
        };
        Ok(Lent { handed, file })
    }

    /// Whether the file of a UNIX socket, if that is its own, goes with the listener; or stays, for another
    /// process that listens with the same socket.
    pub fn set_owner(&mut self, is_owner: bool) {
        if let Kind::Unix { is_owner: own, .. } = &mut self.kind {
            *own = is_owner;
        }
    }

    /// Other options for the connections that it accepts from now on.
    pub fn hand_down(&self, inherited: &Inherited) {
        if let Kind::Tcp(listener) = &self.kind {
            hand_down(&SockRef::from(listener), inherited);
        }
    }

    /// Accepts one connection.
    pub fn accept(&self) -> io::Result<(Socket, Endpoint)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                // An IPv4 peer of a dual-stack socket is shown as what it is.
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                Ok((Socket::Tcp(stream), Endpoint::Tcp(peer)))
            }
            Kind::Unix { listener, .. } => {
                let (stream, peer) = listener.accept()?;
                let path = peer.as_pathname().map(Path::to_owned).unwrap_or_default();
                Ok((Socket::Unix(stream), Endpoint::Unix(path)))
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.kind {
            Kind::Tcp(listener) => listener.as_fd(),
            Kind::Unix { listener, .. } => listener.as_fd(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Kind::Unix {
            path,
            file: Some(own),
            is_owner: true,
            ..
        } = &self.kind
        {
            remove(path, *own);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_listeners_options_are_those_of_the_connections_that_it_accepts() {
        let inherited = Inherited {
            nodelay: true,
            keepalive: Some(Duration::from_secs(300)),
            resets_on_close: true,
        };
        let listener = bind(&Endpoint::Tcp(([127, 0, 0, 1], 0).into()), &inherited).unwrap();
        let Endpoint::Tcp(address) = listener.endpoint().unwrap() else {
            panic!("it was bound to TCP");
        };
        // Connected by the time this returns, so that the accept finds it.
        let _peer = std::net::TcpStream::connect(address).unwrap();
        let (Socket::Tcp(accepted), _) = listener.accept().unwrap() else {
            panic!("TCP accepts TCP");
        };
        let accepted = SockRef::from(&accepted);
        assert!(accepted.tcp_nodelay().unwrap());
        assert!(accepted.keepalive().unwrap());
        assert_eq!(
            accepted.tcp_keepalive_time().unwrap(),
            Duration::from_secs(300)
        );
        assert_eq!(
            accepted.tcp_keepalive_interval().unwrap(),
            Duration::from_secs(75)
        );
        assert_eq!(accepted.linger().unwrap(), Some(Duration::ZERO));
    }
}
