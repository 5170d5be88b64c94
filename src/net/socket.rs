//! A stream socket, TCP or UNIX, that never blocks.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::{SockRef, TcpKeepalive};

/// Where a socket leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A UNIX socket's path; empty for a peer that has none.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(address) => address.fmt(f),
            Endpoint::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What a receive found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// This many bytes, above zero.
    Bytes(usize),
    /// Nothing now.
    WouldBlock,
    /// The peer's FIN.
    End,
    /// The connection is broken.
    Broken(Broken),
}

/// What became of bytes to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// This many bytes were taken.
    Bytes(usize),
    /// None now.
    WouldBlock,
    /// The connection is broken.
    Broken(Broken),
}

/// How a connection is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The peer takes no more bytes; what it sent before can still be received, its end included.
    SendOnly,
    /// Nothing more can be sent or received.
    Both,
}

impl Broken {
    /// On Linux EPIPE means that the peer's FIN was received before its reset; every other error of an
    /// established connection is about both directions.
    fn of(error: &io::Error) -> Broken {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Broken::SendOnly,
            _ => Broken::Both,
        }
    }
}

/// A non-blocking stream socket.
#[derive(Debug)]
pub enum Socket {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A UNIX stream connection.
    Unix(UnixStream),
}

macro_rules! each {
    ($socket:expr, $stream:ident => $what:expr) => {
        match $socket {
            Socket::Tcp($stream) => $what,
            Socket::Unix($stream) => $what,
        }
    };
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        each!(self, stream => stream.as_fd())
    }
}

impl Socket {
    /// Begins to connect; [`Socket::connected`] tells when it is done.
    pub fn connect(to: &Endpoint) -> io::Result<Socket> {
        match to {
            Endpoint::Tcp(address) => TcpStream::connect(*address).map(Socket::Tcp),
            Endpoint::Unix(path) => UnixStream::connect(path).map(Socket::Unix),
        }
    }

    /// Whether a connection that was begun stands: `None` while it is under way.
    pub fn connected(&self) -> Option<io::Result<()>> {
        // Writable readiness alone proves nothing. A connection that stands has a peer; one that has
        // none is under way, or has failed, and then there is an error to be asked for.
        let met_itself = match self {
            Socket::Tcp(stream) => stream.peer_addr().map(|there| {
                // A dial to a free port of this machine can meet itself (RFC 9293, 3.5).
                stream.local_addr().is_ok_and(|here| here == there)
            }),
            Socket::Unix(stream) => stream.peer_addr().map(|_| false),
        };
        match met_itself {
            Ok(false) => Some(Ok(())),
            Ok(true) => Some(Err(io::ErrorKind::ConnectionRefused.into())),
            Err(lacking) => match each!(self, stream => stream.take_error()) {
                Ok(None) if is_under_way(&lacking) => None,
                Ok(None) => Some(Err(lacking)),
                Ok(Some(error)) | Err(error) => Some(Err(error)),
            },
        }
    }

    /// Its own end; none if it has no IP address.
    pub fn own_address(&self) -> Option<SocketAddr> {
        self.address(TcpStream::local_addr)
    }

    /// The end that it leads to; none if that has no IP address.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.address(TcpStream::peer_addr)
    }

    fn address(&self, of: fn(&TcpStream) -> io::Result<SocketAddr>) -> Option<SocketAddr> {
        let Socket::Tcp(stream) = self else {
            return None;
        };
        let address = of(stream).ok()?;
        // An IPv4 address of a dual-stack socket is shown as what it is.
        Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// Registers with a poller, for everything and for good: readiness is edge-triggered.
    pub fn register(&mut self, registry: &Registry, token: usize) -> io::Result<()> {
        // Priority tells of urgent data, at which a receive stops short.
        let interest = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        each!(self, stream => registry.register(stream, Token(token), interest))
    }

    /// Sets TCP options; no operation on a UNIX socket. They are wishes: a failure is ignored.
    pub fn set_tcp_options(&self, nodelay: bool, keepalive: Option<Duration>) {
        if let Socket::Tcp(stream) = self {
            set_tcp_options(&SockRef::from(stream), nodelay, keepalive);
        }
    }

    /// Receives once.
    pub fn receive(&mut self, into: &mut [u8]) -> Received {
        loop {
            let received = each!(self, stream => stream.read(into));
            return match received {
                Ok(0) => Received::End,
                Ok(count) => Received::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::WouldBlock,
                Err(error) => Received::Broken(Broken::of(&error)),
            };
        }
    }

    /// Sends once.
    pub fn send(&mut self, data: &[u8]) -> Sent {
        loop {
            let sent = each!(self, stream => stream.write(data));
            return match sent {
                Ok(count) => Sent::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Sent::WouldBlock,
                Err(error) => Sent::Broken(Broken::of(&error)),
            };
        }
    }

    /// Sends FIN behind what was sent.
    pub fn end(&self) {
        // Fails only on a connection that is gone, which the next receive tells.
        let _ = each!(self, stream => stream.shutdown(Shutdown::Write));
    }

    /// The failure that an event hinted at, if there is one. It is told once.
    pub fn failure(&self) -> Option<Broken> {
        let error = each!(self, stream => stream.take_error()).ok()??;
        Some(Broken::of(&error))
    }

    /// Undoes [`Socket::reset_on_close`].
    pub fn end_on_close(&self) {
        if let Socket::Tcp(stream) = self {
            let _ = SockRef::from(stream).set_linger(None);
        }
    }

    /// Lets the close that follows reset the connection, so that the peer cannot take a part for the
    /// whole. What was not sent yet is lost. A UNIX socket knows no reset: its peer sees an end.
    pub fn reset_on_close(&self) {
        if let Socket::Tcp(stream) = self {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Lets the system break the connection when its peer has taken nothing for that long while there
    /// was something to take (RFC 5482, for this side alone). Whether it will: a UNIX socket does not.
    pub fn give_up_after(&self, patience: Duration) -> bool {
        let Socket::Tcp(stream) = self else {
            return false;
        };
        // Zero would be the system's own patience, and what is no positive int is an error.
        let millis = patience.as_millis().clamp(1, i32::MAX as u128) as u32;
        rustix::net::sockopt::set_tcp_user_timeout(stream, millis).is_ok()
    }

    /// Whether bytes that the system took have not left it yet: a reset now would lose them.
    pub fn has_unsent(&self) -> bool {
        let Socket::Tcp(stream) = self else {
            return false;
        };
        // With this mark the system calls a socket writable only while nothing is unsent.
        if SockRef::from(stream).set_tcp_notsent_lowat(1).is_err() {
            return false;
        }
        let mut poll = [PollFd::new(stream, PollFlags::OUT)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let is_ready = rustix::event::poll(&mut poll, Some(&at_once));
        let writable = poll[0].revents().contains(PollFlags::OUT);
        let broken = poll[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::HUP);
        is_ready.is_ok() && !writable && !broken
    }
}

/// Sets TCP options of a connection, or of a listener for all of its connections.
pub(super) fn set_tcp_options(socket: &SockRef<'_>, nodelay: bool, keepalive: Option<Duration>) {
    let _ = socket.set_tcp_nodelay(nodelay);
    if let Some(time) = keepalive {
        let interval = (time / 4).max(Duration::from_secs(1));
        let keepalive = TcpKeepalive::new().with_time(time).with_interval(interval);
        let _ = socket.set_tcp_keepalive(&keepalive);
    }
}

/// Whether an address is lacking because connecting still goes on: some systems say it so.
fn is_under_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotConnected || error.raw_os_error() == Some(EINPROGRESS)
}

const EINPROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();
