//! The thread that owns connections.
//!
//! A turn is always the same: wait, note what the poller told, take messages, look at the deadlines,
//! run what can run. Events only set bits and mark a connection runnable, so several events for one
//! connection cost it one turn.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mio::{Events, Poll};
use rustix::thread::gettid;
use slab::Slab;

use super::crowd::Crowd;
use super::directories::{Asking, Directories};
use super::entry::{Entry, Life};
use super::generation::Generation;
use super::mailbox::{Mailbox, Receiver, mailbox};
use super::message::{Answer, Ask, NewConnection, WorkerMsg};
use super::recent::Recent;
use super::resolver::{Addresses, ResolveLane, Resolver};
use crate::base::deadline::DeadlineQueue;
use crate::base::id::{ConnId, MAILBOX_TOKEN, Side};
use crate::base::reason::CloseReason;
use crate::base::scratch::Scratch;
use crate::base::tally::WorkerCounters;
use crate::conn::{Accepted, Concern, Connection, Decision, PairId, Step, Turn};
use crate::route::Question;
use crate::tls;

/// Handshake turns in one round, while relays wait: a handshake costs as much as hundreds of messages,
/// and to ask the poller in between next to nothing.
const HANDSHAKES_PER_ROUND: usize = 1;

/// Messages in one round, while relays wait: each new connection is some system calls and a session.
const MESSAGES_PER_ROUND: usize = 16;

/// Events taken from the poller at once.
const EVENTS: usize = 1024;

/// Owns its connections outright.
pub struct Worker {
    poll: Poll,
    receiver: Receiver<WorkerMsg>,
    has_mail: bool,
    /// The newest generation, and when the connections that it drains end; none before the first reload.
    reloaded: Option<(Arc<Generation>, Instant)>,
    entries: Slab<Entry>,
    crowd: Crowd,
    accepted: u32,
    relays: VecDeque<ConnId>,
    handshakes: VecDeque<ConnId>,
    deadlines: DeadlineQueue<ConnId>,
    resolver: Resolver,
    directories: Arc<Directories>,
    mailbox: Mailbox<WorkerMsg>,
    scratch: Scratch,
    counters: Arc<WorkerCounters>,
    recent: Recent,
    /// The time of day in this turn, in seconds since 1970.
    unix_now: i64,
    drain: Option<Instant>,
    is_stopped: bool,
}

impl Worker {
    /// A worker and its mailbox.
    pub fn new(
        lane: Arc<ResolveLane>,
        directories: Arc<Directories>,
        counters: Arc<WorkerCounters>,
    ) -> io::Result<(Worker, Mailbox<WorkerMsg>)> {
        let poll = Poll::new()?;
        let (mailbox, receiver) = mailbox(&poll)?;
        let worker = Worker {
            poll,
            receiver,
            has_mail: false,
            reloaded: None,
            entries: Slab::new(),
            crowd: Crowd::default(),
            accepted: 0,
            relays: VecDeque::new(),
            handshakes: VecDeque::new(),
            deadlines: DeadlineQueue::default(),
            resolver: Resolver::new(lane, mailbox.clone()),
            directories,
            mailbox: mailbox.clone(),
            scratch: Scratch::default(),
            counters,
            recent: Recent::default(),
            unix_now: 0,
            drain: None,
            is_stopped: false,
        };
        Ok((worker, mailbox))
    }

    /// Runs until it is told to stop, or to drain and the last connection has ended.
    #[allow(clippy::disallowed_methods)] // the clock is read here, once per turn
    pub fn run(mut self) -> io::Result<()> {
        self.counters.runs_as(gettid().as_raw_pid().unsigned_abs());
        let mut events = Events::with_capacity(EVENTS);
        let mut now = Instant::now();
        while !self.is_over() {
            match self.poll.poll(&mut events, self.patience(now)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            now = Instant::now();
            self.unix_now = unix_seconds(SystemTime::now());
            self.counters.turn();
            for event in &events {
                match event.token().0 {
                    MAILBOX_TOKEN => self.receiver.answer_bell(),
                    token => self.note(token, event),
                }
            }
            self.read_mail(now);
            self.wake_due(now);
            self.run_queues(now);
            if self.crowd.has_gone(self.entries.len()) {
                self.entries.shrink_to_fit();
                tls::return_memory();
            }
        }
        Ok(())
    }

    /// Takes some messages, and remembers whether there may be more.
    fn read_mail(&mut self, now: Instant) {
        self.has_mail = true;
        for _ in 0..MESSAGES_PER_ROUND {
            let Some(message) = self.receiver.take() else {
                self.has_mail = false;
                return;
            };
            self.take(message, now);
        }
    }

    fn is_over(&self) -> bool {
        self.is_stopped || self.drain.is_some() && self.entries.is_empty() && !self.has_mail
    }

    fn patience(&self, now: Instant) -> Option<Duration> {
        if self.has_mail || !self.relays.is_empty() || !self.handshakes.is_empty() {
            return Some(Duration::ZERO);
        }
        let next = self.deadlines.next()?;
        // Rounded up by the poller's millisecond: too early would be a turn for nothing.
        Some(next.saturating_duration_since(now) + Duration::from_micros(999))
    }

    fn note(&mut self, token: usize, event: &mio::event::Event) {
        let (id, side) = ConnId::from_token(token);
        if let Some(entry) = live(&mut self.entries, id) {
            entry.note(side, event);
            self.enqueue(id);
        }
    }

    /// Marks a connection runnable.
    fn enqueue(&mut self, id: ConnId) {
        let Some(entry) = live(&mut self.entries, id) else {
            return;
        };
        if !std::mem::replace(&mut entry.is_queued, true) {
            match entry.is_costly() {
                true => self.handshakes.push_back(id),
                false => self.relays.push_back(id),
            }
        }
    }

    fn take(&mut self, message: WorkerMsg, now: Instant) {
        match message {
            WorkerMsg::Accepted(new) => self.accept(new, now),
            WorkerMsg::Resolved { host, result } => {
                let (waiting, answer) = self.resolver.answer(&host, result, now);
                self.resolved(&host, &waiting, &answer, now);
            }
            WorkerMsg::Decided { who, decision } => {
                for id in who {
                    self.decided(id, decision.clone(), now);
                }
            }
            WorkerMsg::GrantsChanged { directory, changes } => self.each_open(|connection| {
                let own = connection.served().pair.directory.as_ref();
                own.is_some_and(|own| own.database.is_same_as(&directory.database))
                    && connection.grants_changed(&changes)
            }),
            WorkerMsg::Reload { generation, until } => {
                let mut concerns = Concerns::new();
                self.each_open(|connection| renew(connection, &generation, until, &mut concerns));
                self.reloaded = Some((generation, until));
            }
            WorkerMsg::Report(ask) => self.report(ask, now),
            WorkerMsg::RollCall(roll) => drop(roll),
            WorkerMsg::Drain(until) => {
                self.drain = Some(until);
                self.each_open(|connection| {
                    connection.drain(until);
                    true
                });
            }
            WorkerMsg::Stop => {
                self.each_open(|connection| {
                    connection.kill(CloseReason::Stopped);
                    true
                });
                // Each ends in its next turn.
                while self.has_open() {
                    self.run_queues(now);
                }
                self.is_stopped = true;
            }
        }
    }

    fn accept(&mut self, new: NewConnection, now: Instant) {
        if self.is_stopped {
            new.socket.reset_on_close();
            return;
        }
        let slot = self.entries.vacant_entry();
        self.accepted = self.accepted.wrapping_add(1);
        let id = ConnId {
            slot: slot.key() as u32,
            generation: self.accepted,
        };
        let mut socket = new.socket;
        let registry = self.poll.registry();
        if let Err(error) = socket.register(registry, id.token(Side::Inbound)) {
            log::error!("a connection from {} cannot be watched: {error}", new.peer);
            return;
        }
        let accepted = Accepted {
            id,
            served: new.served,
            socket,
            peer: new.peer,
            tally: new.tally,
        };
        let mut connection = Connection::new(accepted, now);
        if let Some((generation, until)) = &self.reloaded {
            // It may have been accepted before and have come by here only now.
            renew(&mut connection, generation, *until, &mut Concerns::new());
        }
        if let Some(until) = self.drain {
            connection.drain(until);
        }
        let step = connection.begin(now);
        slot.insert(Entry {
            id,
            life: Life::Open(Box::new(connection)),
            scheduled: None,
            is_queued: false,
            permit: new.permit,
            seat: None,
        });
        self.after(id, step, now);
    }

    fn report(&self, ask: Ask, now: Instant) {
        let open = self
            .entries
            .iter()
            .filter_map(|(_, entry)| match &entry.life {
                Life::Open(connection) => Some(connection),
                Life::Closing(_) => None,
            });
        let mut answer = Answer {
            failed: self.recent.all(),
            ..Answer::default()
        };
        for connection in open {
            if answer.reports.len() == ask.most {
                answer.is_cut = true;
                break;
            }
            answer.reports.push(connection.report(now));
        }
        (ask.reply)(answer);
    }

    fn has_open(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|(_, entry)| matches!(entry.life, Life::Open(_)))
    }

    /// Does something to each connection; those for which it says so have a turn.
    fn each_open(&mut self, mut act: impl FnMut(&mut Connection) -> bool) {
        let mut touched = Vec::new();
        for (_, entry) in &mut self.entries {
            if let Life::Open(connection) = &mut entry.life
                && act(connection)
            {
                touched.push(entry.id);
            }
        }
        for id in touched {
            self.reschedule(id);
            self.enqueue(id);
        }
    }

    fn resolved(&mut self, host: &str, waiting: &[ConnId], answer: &Addresses, now: Instant) {
        for id in waiting {
            if let Some(entry) = live(&mut self.entries, *id)
                && let Life::Open(connection) = &mut entry.life
            {
                connection.resolved(host, answer.clone(), now);
                self.reschedule(*id);
                self.enqueue(*id);
            }
        }
    }

    fn decided(&mut self, id: ConnId, decision: Decision, now: Instant) {
        if let Some(entry) = live(&mut self.entries, id)
            && let Life::Open(connection) = &mut entry.life
        {
            self.directories.figures().decided(&decision);
            connection.decided(decision, self.directories.places(), now);
            self.reschedule(id);
            self.enqueue(id);
        }
    }

    /// Puts a connection's question to its directory.
    fn decide(&mut self, id: ConnId, question: &Question, now: Instant) {
        let Some(entry) = live(&mut self.entries, id) else {
            return;
        };
        let Life::Open(connection) = &entry.life else {
            return;
        };
        if let Some(directory) = connection.served().pair.directory.clone() {
            if entry.seat.is_none() {
                match self.directories.admit(&directory, question, now) {
                    Ok(seat) => entry.seat = seat,
                    Err(denial) => return self.decided(id, Err(denial), now),
                }
            }
            let who = Asking {
                id,
                mailbox: &self.mailbox,
                is_new: connection.is_to_be_decided(),
            };
            if let Some(decision) = self.directories.ask(&directory, question, who, now) {
                self.decided(id, decision, now);
            }
        }
    }

    fn wake_due(&mut self, now: Instant) {
        while let Some((id, _)) = self.deadlines.pop_due(now) {
            let Some(entry) = live(&mut self.entries, id) else {
                continue;
            };
            entry.scheduled = None;
            // Activity only moves a deadline, never its entry: it may not be due at all.
            if entry.wake_at().is_some_and(|at| at > now) {
                self.reschedule(id);
            } else {
                self.enqueue(id);
            }
        }
    }

    /// Runs every relay that was runnable, and some handshakes.
    fn run_queues(&mut self, now: Instant) {
        for _ in 0..self.relays.len() {
            if let Some(id) = self.relays.pop_front() {
                self.run_one(id, now);
            }
        }
        for _ in 0..HANDSHAKES_PER_ROUND {
            match self.handshakes.pop_front() {
                Some(id) => self.run_one(id, now),
                None => break,
            }
        }
    }

    fn run_one(&mut self, id: ConnId, now: Instant) {
        let Some(entry) = live(&mut self.entries, id) else {
            return;
        };
        entry.is_queued = false;
        let mut turn = Turn {
            scratch: &mut self.scratch,
            registry: self.poll.registry(),
            unix_now: self.unix_now,
        };
        let step = entry.turn(now, &mut turn);
        self.after(id, step, now);
    }

    /// Does what a connection asks for after a turn.
    fn after(&mut self, id: ConnId, step: Step, now: Instant) {
        match step {
            Step::Wait => self.reschedule(id),
            Step::Yield => {
                self.reschedule(id);
                self.enqueue(id);
            }
            Step::Resolve(host) => {
                self.reschedule(id);
                let (answered, answer) = self.resolver.lookup(&host, id, now);
                if let Some(answer) = answer {
                    self.resolved(&host, &answered, &answer, now);
                }
            }
            Step::Decide(question) => {
                self.reschedule(id);
                self.enqueue(id);
                self.decide(id, &question, now);
            }
            Step::LastGood(host) => {
                self.reschedule(id);
                if let Some(addresses) = self.resolver.last_good(&host) {
                    self.resolved(&host, &[id], &Ok(addresses), now);
                }
            }
            Step::Close => self.close(id, now),
        }
    }

    fn reschedule(&mut self, id: ConnId) {
        if let Some(entry) = live(&mut self.entries, id)
            && let Some(at) = entry.wake_at()
        {
            self.deadlines.schedule(id, at, &mut entry.scheduled);
        }
    }

    fn close(&mut self, id: ConnId, now: Instant) {
        let Some(mut entry) = self.entries.try_remove(id.slot as usize) else {
            return;
        };
        self.deadlines.cancel(id, &mut entry.scheduled);
        let closing = match entry.life {
            Life::Open(connection) => {
                if let Some(record) = connection.record(now, self.unix_now)
                    && let Some(directory) = &connection.served().pair.directory
                {
                    self.directories.keep(directory, record);
                }
                if let Some(failure) = connection.failure() {
                    self.recent.note(failure, self.unix_now);
                }
                connection.close(now)
            }
            Life::Closing(_) => None,
        };
        let Some(closing) = closing else {
            return;
        };
        // It keeps its name: its sockets stay registered under it.
        let slot = self.entries.vacant_entry();
        debug_assert_eq!(slot.key(), id.slot as usize);
        entry.permit.set_handshaking(false);
        slot.insert(Entry {
            id,
            life: Life::Closing(closing),
            scheduled: None,
            is_queued: false,
            permit: entry.permit,
            seat: None,
        });
        self.enqueue(id);
    }
}

fn unix_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

/// What a reload is to the connections of each older state of a pair: found once for all of them.
type Concerns = HashMap<(PairId, u64), Concern>;

/// Tells a connection that there is another generation; whether it has to have a turn.
fn renew(
    connection: &mut Connection,
    generation: &Generation,
    until: Instant,
    concerns: &mut Concerns,
) -> bool {
    let older = connection.served();
    if older.generation >= generation.number {
        return false;
    }
    let newer = generation.post(older.id).map(|post| &post.served);
    let concern = concerns
        .entry((older.id, older.generation))
        .or_insert_with(|| newer.map_or(Concern::Whole, |newer| Concern::between(older, newer)));
    let concern = *concern;
    connection.reloaded(concern, newer, until)
}

/// The entry of that name, unless its slot has another owner by now.
fn live(entries: &mut Slab<Entry>, id: ConnId) -> Option<&mut Entry> {
    let entry = entries.get_mut(id.slot as usize)?;
    (entry.id == id).then_some(entry)
}
