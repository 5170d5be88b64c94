//! The end behind the subject: accepts, and does what each connection asks for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use socket2::{Domain, Protocol, Socket, Type};

use super::end::{End, Got, Handshake};
use super::tls::{Identity, ServerTls};
use super::{CHUNK_BYTES, Request, TURN_PIECES};

const BACKLOG: i32 = 4096;
const LISTENER: Token = Token(usize::MAX);
const INBOX: Token = Token(usize::MAX - 1);

/// Threads: for greetings and short connections, for messages, and for bulk. What is timed in one
/// must not wait for the others.
const LANES: usize = 3;

/// A listening service and its threads.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    wakers: Vec<Arc<Waker>>,
}

struct Shared {
    tls: Option<ServerTls>,
    identity: AtomicU8,
    tickets: AtomicBool,
    silent: AtomicBool,
    received: AtomicU64,
    sent: AtomicU64,
    full: AtomicU64,
    resumed: AtomicU64,
    asked: AtomicU64,
    open: AtomicU64,
}

/// A connection on its way to the lane that serves its kind.
struct Handed {
    end: End,
    request: Request,
    rest: Vec<u8>,
}

impl Service {
    /// Listens on a loopback port and serves until the process ends; in TLS if `tls` is given.
    pub(crate) fn start(tls: Option<ServerTls>) -> io::Result<Service> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        socket.listen(BACKLOG)?;
        // Inherited by what is accepted.
        socket.set_tcp_nodelay(true)?;
        let listener = TcpListener::from_std(socket.into());
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            tls,
            identity: AtomicU8::new(0),
            tickets: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            full: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            open: AtomicU64::new(0),
        });
        let mut doors = Vec::new();
        let mut inboxes = Vec::new();
        for _ in 0..LANES {
            let poll = Poll::new()?;
            let waker = Arc::new(Waker::new(poll.registry(), INBOX)?);
            let (sender, receiver) = channel();
            doors.push((sender, waker));
            inboxes.push((poll, receiver));
        }
        let mut listener = Some(listener);
        for (poll, inbox) in inboxes {
            let mut lane = Lane {
                poll,
                inbox,
                doors: doors.clone(),
                listener: listener.take(),
                shared: Arc::clone(&shared),
                connections: Slab::new(),
                runnable: Vec::new(),
                chunk: vec![0x5a; CHUNK_BYTES],
            };
            std::thread::Builder::new()
                .name("service".to_owned())
                .spawn(move || lane.run())?;
        }
        let wakers = doors.into_iter().map(|(_, waker)| waker).collect();
        Ok(Service {
            address,
            shared,
            wakers,
        })
    }

    /// Who it claims to be, and whether it hands out tickets, from the next connection on.
    pub(crate) fn show(&self, identity: Identity, tickets: bool) {
        let stranger = u8::from(identity != Identity::Known);
        self.shared.identity.store(stranger, Relaxed);
        self.shared.tickets.store(tickets, Relaxed);
    }

    /// Stops or allows the sending of those who send by themselves.
    pub(crate) fn be_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Relaxed);
        for waker in &self.wakers {
            // Fails only if the descriptor is broken, and then nothing arrives.
            let _ = waker.wake();
        }
    }

    /// Bytes of connections' payload, the request's byte not counted.
    pub(crate) fn received(&self) -> u64 {
        self.shared.received.load(Relaxed)
    }

    /// Bytes handed to connections.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Relaxed)
    }

    /// Full and resumed handshakes.
    pub(crate) fn handshakes(&self) -> (u64, u64) {
        (
            self.shared.full.load(Relaxed),
            self.shared.resumed.load(Relaxed),
        )
    }

    /// Connections so far that have said what they are for.
    pub(crate) fn asked(&self) -> u64 {
        self.shared.asked.load(Relaxed)
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> u64 {
        self.shared.open.load(Relaxed)
    }
}

struct Lane {
    poll: Poll,
    inbox: Receiver<Handed>,
    doors: Vec<(Sender<Handed>, Arc<Waker>)>,
    listener: Option<TcpListener>,
    shared: Arc<Shared>,
    connections: Slab<Connection>,
    runnable: Vec<usize>,
    chunk: Vec<u8>,
}

struct Connection {
    end: End,
    request: Option<Request>,
    is_greeted: bool,
    is_queued: bool,
}

enum Step {
    Wait,
    More,
    HandOver(Request, Vec<u8>),
    Done,
}

impl Lane {
    fn run(&mut self) -> io::Result<()> {
        if let Some(listener) = &mut self.listener {
            let registry = self.poll.registry();
            registry.register(listener, LISTENER, Interest::READABLE)?;
        }
        let mut events = Events::with_capacity(1024);
        loop {
            let timeout = (!self.runnable.is_empty()).then_some(std::time::Duration::ZERO);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    INBOX => {
                        self.take_over()?;
                        self.enqueue_all();
                    }
                    Token(key) => {
                        if let Some(connection) = self.connections.get_mut(key) {
                            connection.end.wake(event);
                            self.enqueue(key);
                        }
                    }
                }
            }
            for key in std::mem::take(&mut self.runnable) {
                self.turn(key);
            }
        }
    }

    fn enqueue(&mut self, key: usize) {
        if let Some(connection) = self.connections.get_mut(key)
            && !std::mem::replace(&mut connection.is_queued, true)
        {
            self.runnable.push(key);
        }
    }

    /// They may be silent no longer.
    fn enqueue_all(&mut self) {
        let keys: Vec<usize> = self.connections.iter().map(|(key, _)| key).collect();
        keys.into_iter().for_each(|key| self.enqueue(key));
    }

    fn accept(&mut self) {
        while let Some(Ok((socket, _))) = self.listener.as_ref().map(TcpListener::accept) {
            let identity = match self.shared.identity.load(Relaxed) {
                0 => Identity::Known,
                _ => Identity::Stranger,
            };
            let end = match &self.shared.tls {
                None => Ok(End::plain(socket)),
                Some(tls) => tls
                    .accept(identity, self.shared.tickets.load(Relaxed))
                    .map_err(io::Error::other)
                    .and_then(|ssl| End::tls(socket, ssl, true)),
            };
            if let Ok(end) = end {
                self.shared.open.fetch_add(1, Relaxed);
                self.add(end, None);
            }
        }
    }

    fn add(&mut self, end: End, request: Option<Request>) -> Option<usize> {
        let is_greeted = request.is_some();
        let key = self.connections.insert(Connection {
            end,
            request,
            is_greeted,
            is_queued: false,
        });
        let connection = &mut self.connections[key];
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        if registry
            .register(connection.end.socket(), Token(key), interest)
            .is_err()
        {
            self.remove(key);
            return None;
        }
        self.enqueue(key);
        Some(key)
    }

    fn remove(&mut self, key: usize) {
        if self.connections.try_remove(key).is_some() {
            self.shared.open.fetch_sub(1, Relaxed);
        }
    }

    fn take_over(&mut self) -> io::Result<()> {
        while let Ok(handed) = self.inbox.try_recv() {
            let Some(key) = self.add(handed.end, Some(handed.request)) else {
                continue;
            };
            let count = handed.rest.len() as u64;
            self.shared.received.fetch_add(count, Relaxed);
            if handed.request == Request::Echo && count > 0 {
                self.shared.sent.fetch_add(count, Relaxed);
                if self.connections[key].end.write(&handed.rest).is_err() {
                    self.remove(key);
                }
            }
        }
        Ok(())
    }

    fn turn(&mut self, key: usize) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        connection.is_queued = false;
        match connection.turn(&self.shared, &mut self.chunk) {
            Ok(Step::Wait) => {}
            Ok(Step::More) => self.enqueue(key),
            Ok(Step::HandOver(request, rest)) => self.hand_over(key, request, rest),
            Ok(Step::Done) => {
                connection.end.end();
                self.remove(key);
            }
            // The activity tells of it, whose bytes it misses; the end of one may be rude.
            Err(_) => self.remove(key),
        }
    }

    fn hand_over(&mut self, key: usize, request: Request, rest: Vec<u8>) {
        let Some(mut connection) = self.connections.try_remove(key) else {
            return;
        };
        let _ = self.poll.registry().deregister(connection.end.socket());
        let lane = match request {
            Request::Echo => 1,
            _ => 2,
        };
        let (door, waker) = &self.doors[lane];
        let handed = Handed {
            end: connection.end,
            request,
            rest,
        };
        if door.send(handed).is_ok() {
            let _ = waker.wake();
        }
    }
}

impl Connection {
    fn turn(&mut self, shared: &Shared, chunk: &mut [u8]) -> io::Result<Step> {
        if !self.is_greeted {
            match self.end.handshake()? {
                Handshake::Waits => return Ok(Step::Wait),
                Handshake::None => {}
                Handshake::Full => drop(shared.full.fetch_add(1, Relaxed)),
                Handshake::Resumed => drop(shared.resumed.fetch_add(1, Relaxed)),
            }
            self.is_greeted = true;
        }
        let Some(request) = self.request else {
            return self.listen(shared);
        };
        match request {
            Request::Echo | Request::Once => self.echo(shared),
            Request::Sink => self.sink(shared),
            Request::Source => {
                let sourced = self.source(shared, chunk)?;
                self.watch(sourced)
            }
            Request::Both => {
                let sunk = self.sink(shared)?;
                let sourced = self.source(shared, chunk)?;
                Ok(match (sunk, sourced) {
                    (Step::Done, _) => Step::Done,
                    (Step::More, _) | (_, Step::More) => Step::More,
                    _ => Step::Wait,
                })
            }
        }
    }

    fn listen(&mut self, shared: &Shared) -> io::Result<Step> {
        let mut first = [0; 1024];
        let count = match self.end.read(&mut first)? {
            Got::Bytes(count) => count,
            Got::Nothing => return Ok(Step::Wait),
            Got::End => return Ok(Step::Done),
        };
        let request = Request::from_byte(first[0]);
        let request = request.ok_or_else(|| io::Error::other("an unknown request"))?;
        shared.asked.fetch_add(1, Relaxed);
        let rest = &first[1..count];
        if request != Request::Once {
            return Ok(Step::HandOver(request, rest.to_vec()));
        }
        self.request = Some(request);
        shared.received.fetch_add(rest.len() as u64, Relaxed);
        if !rest.is_empty() {
            self.end.write(rest)?;
            shared.sent.fetch_add(rest.len() as u64, Relaxed);
        }
        self.echo(shared)
    }

    fn echo(&mut self, shared: &Shared) -> io::Result<Step> {
        let mut message = [0; 64 * 1024];
        while self.end.flush()? {
            match self.end.read(&mut message)? {
                Got::Bytes(count) => {
                    shared.received.fetch_add(count as u64, Relaxed);
                    shared.sent.fetch_add(count as u64, Relaxed);
                    self.end.write(&message[..count])?;
                }
                Got::Nothing => return Ok(Step::Wait),
                Got::End => return Ok(Step::Done),
            }
        }
        Ok(Step::Wait)
    }

    fn sink(&mut self, shared: &Shared) -> io::Result<Step> {
        thread_local! {
            static BYTES: std::cell::RefCell<Vec<u8>> = std::cell::RefCell::new(vec![0; CHUNK_BYTES]);
        }
        for _ in 0..TURN_PIECES {
            match BYTES.with_borrow_mut(|bytes| self.end.read(bytes))? {
                Got::Bytes(count) => drop(shared.received.fetch_add(count as u64, Relaxed)),
                Got::Nothing => return Ok(Step::Wait),
                Got::End => return Ok(Step::Done),
            }
        }
        Ok(Step::More)
    }

    fn source(&mut self, shared: &Shared, chunk: &[u8]) -> io::Result<Step> {
        for _ in 0..TURN_PIECES {
            if !self.end.flush()? || shared.silent.load(Relaxed) {
                return Ok(Step::Wait);
            }
            shared.sent.fetch_add(chunk.len() as u64, Relaxed);
            self.end.write(chunk)?;
        }
        Ok(Step::More)
    }

    /// A source hears nothing but the end.
    fn watch(&mut self, otherwise: Step) -> io::Result<Step> {
        match self.end.read(&mut [0; 64])? {
            Got::End => Ok(Step::Done),
            _ => Ok(otherwise),
        }
    }
}
