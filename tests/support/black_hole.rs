//! A destination that does not answer.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::wait::until;

/// Listens, and answers nobody any more: its queue is full.
pub struct BlackHole {
    /// Accepts again once somebody takes from it.
    pub listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    /// Fills the queue.
    pub fn open() -> BlackHole {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        let mut is_full = || {
            let stream = TcpStream::connect_timeout(&address, Duration::from_millis(300));
            queued.extend(stream.ok());
            queued.len()
        };
        let mut last = usize::MAX;
        until("the queue to be full", || {
            let now = is_full();
            let is_full = now == last;
            last = now;
            is_full.then_some(())
        });
        BlackHole {
            listener,
            _queued: queued,
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }
}
