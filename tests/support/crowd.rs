//! An echo service for more connections than there can be threads.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use slab::Slab;

/// An echo service of one thread; for messages that fit into a socket's buffer.
pub struct Crowd {
    /// Where it listens.
    pub address: SocketAddr,
    /// How many connections it has now.
    pub live: Arc<AtomicUsize>,
}

impl Crowd {
    /// Starts it.
    pub fn start() -> Crowd {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let live = Arc::new(AtomicUsize::new(0));
        let gauge = Arc::clone(&live);
        std::thread::spawn(move || serve(listener, &gauge));
        Crowd { address, live }
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.live.load(Ordering::Acquire) == 0
    }
}

fn serve(mut listener: TcpListener, live: &AtomicUsize) {
    const LISTENER: Token = Token(usize::MAX - 1);
    let mut poll = Poll::new().unwrap();
    let mut events = Events::with_capacity(1024);
    let mut streams: Slab<TcpStream> = Slab::new();
    let readable = Interest::READABLE;
    let registry = poll.registry();
    registry
        .register(&mut listener, LISTENER, readable)
        .unwrap();
    loop {
        poll.poll(&mut events, None).unwrap();
        for event in &events {
            let key = event.token().0;
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    let slot = streams.vacant_entry();
                    let token = Token(slot.key());
                    let registry = poll.registry();
                    registry.register(&mut stream, token, readable).unwrap();
                    slot.insert(stream);
                }
            } else if streams.get_mut(key).is_some_and(|s| !echo(s)) {
                streams.remove(key);
            }
        }
        live.store(streams.len(), Ordering::Release);
    }
}

/// Sends back what there is; whether the connection goes on.
fn echo(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) if stream.write_all(&buffer[..count]).is_ok() => {}
            Ok(_) => return false,
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// Raises this process's descriptor limit to `wanted` or as far as it may go; what it is then. Programs
/// that are started from here have the same hard limit.
pub fn raise_descriptors(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current.unwrap_or(u64::MAX);
    let most = limit.maximum.unwrap_or(u64::MAX).min(wanted);
    if most <= soft {
        return soft;
    }
    let raised = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_or(soft, |()| most)
}
