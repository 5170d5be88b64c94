//! The thread that accepts.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll};
use rustix::io::Errno;
use slab::Slab;

use super::admission::{Admission, Permit};
use super::door::Door;
use super::generation::Generation;
use super::mailbox::{Mailbox, Receiver};
use super::message::{AcceptorMsg, Loans, NewConnection, WorkerMsg};
use super::throttle::Throttle;
use crate::base::id::MAILBOX_TOKEN;
use crate::base::tally::Limit;
use crate::conn::PairId;
use crate::net::Listener;

/// How long to wait after the system ran out of something: doubled each time.
const BACKOFF_MIN: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Connections accepted from one listener before the next has its turn.
const BATCH: usize = 64;

/// How often a lasting condition is told.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Owns the listeners.
pub struct Acceptor {
    poll: Poll,
    receiver: Receiver<AcceptorMsg>,
    doors: Slab<Door>,
    admission: Arc<Admission>,
    workers: Vec<Mailbox<WorkerMsg>>,
    /// Another process may accept by the same sockets.
    is_paused: bool,
    backoff: Option<Backoff>,
    limit_log: Throttle,
    error_log: Throttle,
}

struct Backoff {
    until: Instant,
    next: Duration,
}

/// What an attempt to accept came to.
enum Accepted {
    One,
    NoMore,
    Failed(io::Error),
}

impl Acceptor {
    /// An acceptor without listeners, whose mailbox wakes `poll`.
    pub fn new(
        poll: Poll,
        receiver: Receiver<AcceptorMsg>,
        admission: Arc<Admission>,
        workers: Vec<Mailbox<WorkerMsg>>,
    ) -> Acceptor {
        Acceptor {
            poll,
            receiver,
            doors: Slab::new(),
            admission,
            workers,
            is_paused: false,
            backoff: None,
            limit_log: Throttle::new(LOG_INTERVAL),
            error_log: Throttle::new(LOG_INTERVAL),
        }
    }

    /// Accepts nothing until [`AcceptorMsg::Resume`]; connections wait, and none is refused.
    pub fn pause(&mut self) {
        self.is_paused = true;
        for (_, door) in &mut self.doors {
            door.listener.set_owner(false);
        }
    }

    fn resume(&mut self) {
        self.is_paused = false;
        for (_, door) in &mut self.doors {
            door.take_over();
        }
    }

    /// Other descriptors of all listeners.
    fn lend(&self) -> io::Result<Loans> {
        let doors = self.doors.iter();
        let lent = doors.map(|(_, door)| {
            let served = Arc::clone(&door.post.served);
            Ok((served, door.listener.lend()?))
        });
        lent.collect()
    }

    /// Serves what this generation has, with the listeners that it has in addition.
    ///
    /// # Errors
    /// A listener cannot be watched.
    pub fn publish(
        &mut self,
        generation: &Generation,
        opened: Vec<(Listener, PairId)>,
    ) -> io::Result<()> {
        let registry = self.poll.registry();
        self.doors.retain(|_, door| {
            let stays = door.take_post(generation);
            if !stays {
                // It closes with the door, unless another process holds it too.
                door.listener.deregister(registry);
            }
            stays
        });
        for (listener, id) in opened {
            let Some(post) = generation.post(id) else {
                continue;
            };
            let slot = self.doors.vacant_entry();
            let door = Door::open(listener, post, self.poll.registry(), slot.key())?;
            slot.insert(door);
        }
        Ok(())
    }

    /// Accepts until it is told to stop; the listeners are closed when this returns.
    #[allow(clippy::disallowed_methods)] // the clock is read here, once per turn
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(64);
        let mut timeout = None;
        loop {
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            for event in &events {
                match event.token().0 {
                    MAILBOX_TOKEN => self.receiver.answer_bell(),
                    door => {
                        if let Some(door) = self.doors.get_mut(door) {
                            door.is_ready = true;
                        }
                    }
                }
            }
            while let Some(message) = self.receiver.take() {
                match message {
                    AcceptorMsg::Publish { generation, opened } => {
                        // What is open goes on, and the next reload opens the rest.
                        if let Err(error) = self.publish(&generation, opened) {
                            log::error!("a new listener cannot be watched: {error}");
                        }
                    }
                    AcceptorMsg::RollCall(roll) => drop(roll),
                    AcceptorMsg::Lend(reply) => drop(reply.try_send(self.lend())),
                    AcceptorMsg::Pause(reply) => {
                        self.pause();
                        drop(reply);
                    }
                    AcceptorMsg::Resume => self.resume(),
                    AcceptorMsg::Stop => return Ok(()),
                }
            }
            timeout = self.round(Instant::now());
        }
    }

    /// Accepts a batch from each listener; how long to wait for the next round.
    fn round(&mut self, now: Instant) -> Option<Duration> {
        if self.is_paused {
            return None;
        }
        if let Some(backoff) = &self.backoff
            && now < backoff.until
        {
            return Some(backoff.until - now);
        }
        let mut has_more = false;
        let doors: Vec<usize> = self.doors.iter().map(|(index, _)| index).collect();
        for index in doors {
            for accepted in 0.. {
                if !self.doors[index].is_ready || self.is_full(index, now) {
                    break;
                }
                if accepted == BATCH {
                    has_more = true;
                    break;
                }
                match self.accept(index) {
                    Accepted::One => self.backoff = None,
                    Accepted::NoMore => self.doors[index].is_ready = false,
                    Accepted::Failed(error) => return Some(self.back_off(&error, now)),
                }
            }
        }
        has_more.then_some(Duration::ZERO)
    }

    fn is_full(&mut self, index: usize, now: Instant) -> bool {
        let door = &mut self.doors[index];
        let Some(limit) = self.admission.full(&door.post.connections, door.is_tls()) else {
            door.is_held_up = false;
            return false;
        };
        if !std::mem::replace(&mut door.is_held_up, true) {
            door.post.counters.reached(limit);
        }
        if self.limit_log.allows(now) {
            log::warn!(
                "new connections wait: {} is reached ({} connections live)",
                key_of(limit),
                self.admission.connections()
            );
        }
        true
    }

    fn accept(&mut self, index: usize) -> Accepted {
        let door = &self.doors[index];
        let post = &door.post;
        match door.listener.accept() {
            Ok((socket, peer)) => {
                let worker = self.admission.least_loaded();
                let permit =
                    Permit::take(&self.admission, &post.connections, worker, door.is_tls());
                self.workers[worker].post(WorkerMsg::Accepted(NewConnection {
                    served: Arc::clone(&post.served),
                    socket,
                    peer,
                    permit,
                    tally: post.counters.tally(worker),
                }));
                Accepted::One
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Accepted::NoMore,
            Err(error) if is_exhaustion(&error) => Accepted::Failed(error),
            // The peer was gone before it was accepted, or a network error of that connection
            // (accept(2)): the next may be well.
            Err(error) => {
                log::debug!("a connection ended before it was accepted: {error}");
                Accepted::One
            }
        }
    }

    fn back_off(&mut self, error: &io::Error, now: Instant) -> Duration {
        let wait = self.backoff.as_ref().map_or(BACKOFF_MIN, |b| b.next);
        self.backoff = Some(Backoff {
            until: now + wait,
            next: (wait * 2).min(BACKOFF_MAX),
        });
        self.admission.errors.add(1);
        if self.error_log.allows(now) {
            log::error!(
                "cannot accept: {error}; {} connections live; raise the descriptor limit \
                 (LimitNOFILE, ulimit -n) or lower limits.connections",
                self.admission.connections()
            );
        }
        wait
    }
}

/// The configuration's key of a limit.
fn key_of(limit: Limit) -> &'static str {
    match limit {
        Limit::Connections => "limits.connections",
        Limit::Handshakes => "limits.handshakes",
        Limit::PairConnections => "limits.connections of this pair",
    }
}

/// The system has run out of something: trying again at once would spin.
fn is_exhaustion(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(
        errno,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)
    )
}
