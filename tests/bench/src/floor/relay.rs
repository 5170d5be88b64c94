//! A plain relay: two threads, large buffers, sockets registered once, no call that finds nothing.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use socket2::{Domain, Protocol, Socket, Type};

const THREADS: usize = 2;
const PIECE_BYTES: usize = 256 * 1024;
const BACKLOG: i32 = 4096;
const LISTENER: Token = Token(usize::MAX);
/// Pieces that one direction moves before others have their turn.
const TURN_PIECES: usize = 4;

/// Relays from `inbound` to `outbound` until the process is killed.
pub(crate) fn relay(inbound: SocketAddr, outbound: SocketAddr) -> io::Result<()> {
    let threads = (0..THREADS).map(|_| {
        // Each thread accepts for itself: nothing is handed over.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_port(true)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&inbound.into())?;
        socket.listen(BACKLOG)?;
        // Inherited by what is accepted.
        socket.set_tcp_nodelay(true)?;
        let listener = TcpListener::from_std(socket.into());
        Ok(std::thread::spawn(move || serve(listener, outbound)))
    });
    for thread in threads.collect::<io::Result<Vec<_>>>()? {
        let ended = thread.join();
        ended.map_err(|_| io::Error::other("a thread of the relay panicked"))??;
    }
    Ok(())
}

struct Side {
    socket: TcpStream,
    is_readable: bool,
    is_writable: bool,
    /// The end stands behind what is there: a short read does not tell that nothing is left.
    looks_twice: bool,
    has_ended: bool,
    /// What the socket did not take.
    pending: Vec<u8>,
}

impl Side {
    fn new(socket: TcpStream) -> Side {
        Side {
            socket,
            is_readable: false,
            is_writable: false,
            looks_twice: false,
            has_ended: false,
            pending: Vec::new(),
        }
    }
}

fn serve(mut listener: TcpListener, outbound: SocketAddr) -> io::Result<()> {
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections: Slab<[Side; 2]> = Slab::new();
    let mut runnable: Vec<usize> = Vec::new();
    let mut scratch = vec![0; PIECE_BYTES];
    loop {
        let timeout = (!runnable.is_empty()).then_some(std::time::Duration::ZERO);
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            let Token(token) = event.token();
            if event.token() == LISTENER {
                while let Ok((socket, _)) = listener.accept() {
                    // A destination that cannot be reached ends the one connection.
                    let _ = open(&poll, &mut connections, socket, outbound);
                }
            } else if let Some(sides) = connections.get_mut(token / 2) {
                let side = &mut sides[token % 2];
                side.is_readable |= event.is_readable() || event.is_read_closed();
                side.looks_twice |= event.is_read_closed();
                side.is_writable |= event.is_writable();
                if !runnable.contains(&(token / 2)) {
                    runnable.push(token / 2);
                }
            }
        }
        for key in std::mem::take(&mut runnable) {
            let Some(sides) = connections.get_mut(key) else {
                continue;
            };
            match turn(sides, &mut scratch) {
                Ok(true) => runnable.push(key),
                Ok(false) if !(sides[0].has_ended && sides[1].has_ended) => {}
                _ => drop(connections.remove(key)),
            }
        }
    }
}

fn open(
    poll: &Poll,
    connections: &mut Slab<[Side; 2]>,
    inbound: TcpStream,
    outbound: SocketAddr,
) -> io::Result<()> {
    let outbound = TcpStream::connect(outbound)?;
    outbound.set_nodelay(true)?;
    let key = connections.insert([Side::new(inbound), Side::new(outbound)]);
    let interest = Interest::READABLE | Interest::WRITABLE;
    for (number, side) in connections[key].iter_mut().enumerate() {
        let token = Token(2 * key + number);
        poll.registry()
            .register(&mut side.socket, token, interest)?;
    }
    Ok(())
}

/// Moves what can be moved; whether there is more.
fn turn(sides: &mut [Side; 2], scratch: &mut [u8]) -> io::Result<bool> {
    let [inbound, outbound] = sides;
    let outward = pass(inbound, outbound, scratch)?;
    let inward = pass(outbound, inbound, scratch)?;
    Ok(outward || inward)
}

fn pass(source: &mut Side, sink: &mut Side, scratch: &mut [u8]) -> io::Result<bool> {
    for _ in 0..TURN_PIECES {
        if !sink.pending.is_empty() {
            let pending = std::mem::take(&mut sink.pending);
            send(sink, &pending)?;
        }
        if !sink.is_writable || !sink.pending.is_empty() || !source.is_readable {
            return Ok(false);
        }
        match source.socket.read(scratch) {
            Ok(0) => {
                source.is_readable = false;
                source.has_ended = true;
                let _ = sink.socket.shutdown(Shutdown::Write);
                return Ok(false);
            }
            Ok(count) => {
                source.is_readable = count == scratch.len() || source.looks_twice;
                send(sink, &scratch[..count])?;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => source.is_readable = false,
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn send(sink: &mut Side, data: &[u8]) -> io::Result<()> {
    let mut sent = 0;
    while sent < data.len() && sink.is_writable {
        match sink.socket.write(&data[sent..]) {
            Ok(count) => {
                sent += count;
                sink.is_writable = sent == data.len();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sink.is_writable = false,
            Err(error) => return Err(error),
        }
    }
    sink.pending.extend_from_slice(&data[sent..]);
    Ok(())
}
