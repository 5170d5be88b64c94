//! The end before the subject: opens connections and does one kind of thing with them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::end::{End, Got, Handshake};
use super::tls::ClientTls;
use super::{CHUNK_BYTES, Request, TURN_PIECES};

/// Connections that are opened at the same time, at most.
const OPENING_MAX: usize = 32;

/// The first message of a connection, and the only one of those that are short or held.
const SHORT_BYTES: usize = 64;

/// What is sent at once where it is not to be as much as possible.
const TRICKLE_BYTES: usize = 32 * 1024;

/// How often the stop is looked for.
const TICK: Duration = Duration::from_millis(5);

/// How long the ends of connections may take when an activity is over.
const PARTING: Duration = Duration::from_secs(10);

/// Latencies that are kept; a run has fewer.
const LATENCIES_MAX: usize = 4_000_000;

/// What connections do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Send a message of that many bytes, wait for it to come back, and again.
    Messages(usize),
    /// Send as fast as is taken.
    Push,
    /// Send so many bytes a second.
    Trickle(u64),
    /// Receive as fast as is given.
    Pull,
    /// Both at once.
    Both,
    /// Open, exchange one message, end; and again.
    Connect(Short),
    /// Open, exchange one message, stay.
    Hold,
}

/// Short connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Short {
    /// Offers a ticket where there is one.
    pub(crate) resumes: bool,
    /// New connections a second; none for as many as come through.
    pub(crate) rate: Option<u32>,
    /// How many in all; none for as many as there are before the stop.
    pub(crate) count: Option<u64>,
    /// Each asks a connector for one of that many hosts, whose ids are the numbers from 1.
    pub(crate) hosts: Option<u64>,
}

impl Short {
    /// The host of a connection, as the n-th asks for it. Scattered, and each comes once before any comes
    /// again: no two that are under way at the same time are for the same one, which would be one question.
    fn host(self, n: u64) -> Option<u64> {
        self.hosts.map(|hosts| 1 + n.wrapping_mul(STRIDE) % hosts)
    }
}

/// Shares no factor with a round number of hosts.
const STRIDE: u64 = 61_803;

/// What a connector says before the bytes are the host's.
const ADMITTED: &[u8] = b"OK\n";

impl Job {
    fn request(self) -> Request {
        match self {
            Job::Messages(_) => Request::Echo,
            Job::Push | Job::Trickle(_) => Request::Sink,
            Job::Pull => Request::Source,
            Job::Both => Request::Both,
            Job::Connect(_) | Job::Hold => Request::Once,
        }
    }

    /// Whether its first message comes back.
    fn is_answered(self) -> bool {
        matches!(self.request(), Request::Echo | Request::Once)
    }
}

/// Nanoseconds that messages or connections took.
pub(crate) type Latencies = Vec<u32>;

/// Counts of an activity.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    /// Payload bytes sent.
    pub(crate) sent: u64,
    /// Payload bytes received.
    pub(crate) received: u64,
    /// Messages that came back; of short connections each has one.
    pub(crate) messages: u64,
    /// Connections on which the first message came back or the first bytes moved.
    pub(crate) served: u64,
    /// Connections that came to nothing or broke.
    pub(crate) failed: u64,
    /// Full handshakes of this end.
    pub(crate) full: u64,
    /// Resumed handshakes of this end.
    pub(crate) resumed: u64,
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    received: AtomicU64,
    messages: AtomicU64,
    served: AtomicU64,
    failed: AtomicU64,
    full: AtomicU64,
    resumed: AtomicU64,
    stop: AtomicBool,
    leave: AtomicBool,
    records: AtomicBool,
    /// The connections may begin with their job.
    goes: AtomicBool,
}

impl Counts {
    fn may_go_on(&self) -> bool {
        self.goes.load(Relaxed) && !self.stop.load(Relaxed)
    }
}

/// A running activity.
pub(crate) struct Activity {
    counts: Arc<Counts>,
    thread: Option<JoinHandle<Outcome>>,
}

/// Latencies, and the first failure in words.
type Outcome = io::Result<(Latencies, Option<String>)>;

impl Activity {
    /// Opens `connections` (of short ones: so many at a time) to `to`, and does `job` with them once
    /// [`Activity::go`] was called.
    pub(crate) fn start(
        to: SocketAddr,
        tls: Option<Arc<ClientTls>>,
        job: Job,
        connections: usize,
    ) -> io::Result<Activity> {
        let counts = Arc::new(Counts::default());
        let mut crowd = Crowd {
            poll: Poll::new()?,
            to,
            tls,
            job,
            wanted: connections,
            counts: Arc::clone(&counts),
            visitors: Slab::new(),
            opening: 0,
            opened: 0,
            runnable: Vec::new(),
            latencies: Vec::new(),
            failure: None,
            bytes: vec![0x5a; CHUNK_BYTES],
            next_start: Instant::now(),
            left_at: None,
            is_going: false,
        };
        let thread = std::thread::Builder::new()
            .name("activity".to_owned())
            .spawn(move || crowd.run())?;
        Ok(Activity {
            counts,
            thread: Some(thread),
        })
    }

    /// The counts so far.
    pub(crate) fn totals(&self) -> Totals {
        let counts = &self.counts;
        Totals {
            sent: counts.sent.load(Relaxed),
            received: counts.received.load(Relaxed),
            messages: counts.messages.load(Relaxed),
            served: counts.served.load(Relaxed),
            failed: counts.failed.load(Relaxed),
            full: counts.full.load(Relaxed),
            resumed: counts.resumed.load(Relaxed),
        }
    }

    /// Lets connections that send or receive without end begin. Others need not wait for it.
    pub(crate) fn go(&self) {
        self.counts.goes.store(true, Relaxed);
    }

    /// Whether latencies are kept from now on.
    pub(crate) fn record(&self, records: bool) {
        self.counts.records.store(records, Relaxed);
    }

    /// Sends and opens nothing more; what is under way goes on.
    pub(crate) fn stop(&self) {
        self.counts.stop.store(true, Relaxed);
    }

    /// Ends every connection; the latencies, and the first failure in words.
    pub(crate) fn finish(mut self) -> Outcome {
        let ended = self.end().transpose();
        let ended = ended.map_err(|_| io::Error::other("a thread of the load panicked"))?;
        ended.unwrap_or_else(|| Ok((Latencies::new(), None)))
    }

    fn end(&mut self) -> Option<std::thread::Result<Outcome>> {
        self.stop();
        self.counts.leave.store(true, Relaxed);
        self.thread.take().map(JoinHandle::join)
    }
}

/// Who gives up early must not leave a load behind that the next subject would bear.
impl Drop for Activity {
    fn drop(&mut self) {
        drop(self.end());
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Handshake,
    /// The host was asked for, and the connector's word is waited for.
    Asking,
    Active,
    /// What was written is still to leave, and then the own end.
    Leaving,
    /// The own end was sent; the other's is waited for.
    Ending,
}

struct Visitor {
    end: End,
    phase: Phase,
    is_queued: bool,
    is_served: bool,
    /// It is no longer being opened.
    is_through: bool,
    asked_at: Instant,
    missing: usize,
    /// To be asked for.
    host: Option<u64>,
    /// Bytes of the connector's word that have come.
    heard: usize,
}

struct Crowd {
    poll: Poll,
    to: SocketAddr,
    tls: Option<Arc<ClientTls>>,
    job: Job,
    wanted: usize,
    counts: Arc<Counts>,
    visitors: Slab<Visitor>,
    opening: usize,
    opened: u64,
    runnable: Vec<usize>,
    latencies: Latencies,
    failure: Option<String>,
    bytes: Vec<u8>,
    next_start: Instant,
    left_at: Option<Instant>,
    is_going: bool,
}

enum Step {
    Wait,
    More,
    Done,
}

impl Crowd {
    fn run(&mut self) -> io::Result<(Latencies, Option<String>)> {
        let mut events = Events::with_capacity(1024);
        loop {
            if self.counts.leave.load(Relaxed) {
                if !self.is_short() {
                    self.part();
                }
                let now = Instant::now();
                let left_at = *self.left_at.get_or_insert(now);
                if now.duration_since(left_at) > PARTING && !self.visitors.is_empty() {
                    let what = format!("{} did not end", self.visitors.len());
                    self.failure.get_or_insert(what);
                    self.visitors.clear();
                }
                if self.visitors.is_empty() {
                    return Ok((std::mem::take(&mut self.latencies), self.failure.take()));
                }
            }
            if !self.is_going && self.counts.goes.load(Relaxed) {
                self.is_going = true;
                self.enqueue_all();
            }
            self.open_more()?;
            let patience = match self.runnable.is_empty() {
                false => Duration::ZERO,
                true => self.patience(),
            };
            match self.poll.poll(&mut events, Some(patience)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            }
            if let Job::Trickle(_) = self.job {
                self.enqueue_all();
            }
            for event in &events {
                let key = event.token().0;
                if let Some(visitor) = self.visitors.get_mut(key) {
                    visitor.end.wake(event);
                    self.enqueue(key);
                }
            }
            for key in std::mem::take(&mut self.runnable) {
                self.turn(key);
            }
        }
    }

    fn is_short(&self) -> bool {
        matches!(self.job, Job::Connect(_))
    }

    /// How connections are short, if they are.
    fn short(&self) -> Short {
        match self.job {
            Job::Connect(short) => short,
            _ => Short::default(),
        }
    }

    fn patience(&self) -> Duration {
        match self.job {
            Job::Connect(Short { rate: Some(_), .. }) => {
                let next = self.next_start.saturating_duration_since(Instant::now());
                next.clamp(Duration::from_millis(1), TICK)
            }
            Job::Trickle(_) => Duration::from_millis(1),
            _ => TICK,
        }
    }

    fn open_more(&mut self) -> io::Result<()> {
        if self.counts.stop.load(Relaxed) {
            return Ok(());
        }
        while self.visitors.len() < self.wanted && self.opening < OPENING_MAX {
            let short = self.short();
            if short.count.is_some_and(|count| self.opened >= count) {
                break;
            }
            if let Some(rate) = short.rate {
                let now = Instant::now();
                if now < self.next_start {
                    break;
                }
                // Behind its time it does not catch up: a burst would be another load.
                let interval = Duration::from_secs(1) / rate;
                self.next_start = (self.next_start + interval).max(now - interval);
            }
            self.open()?;
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        let asked_at = Instant::now();
        let socket = TcpStream::connect(self.to)?;
        socket.set_nodelay(true)?;
        let end = match &self.tls {
            None => End::plain(socket),
            Some(tls) => {
                let ssl = tls.connect(self.short().resumes);
                End::tls(socket, ssl.map_err(io::Error::other)?, false)?
            }
        };
        let key = self.visitors.insert(Visitor {
            end,
            phase: Phase::Connecting,
            is_queued: false,
            is_served: false,
            is_through: false,
            asked_at,
            missing: 0,
            host: self.short().host(self.opened),
            heard: 0,
        });
        self.opening += 1;
        self.opened += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        let socket = self.visitors[key].end.socket();
        self.poll.registry().register(socket, Token(key), interest)
    }

    fn enqueue(&mut self, key: usize) {
        if let Some(visitor) = self.visitors.get_mut(key)
            && !std::mem::replace(&mut visitor.is_queued, true)
        {
            self.runnable.push(key);
        }
    }

    fn enqueue_all(&mut self) {
        self.keys().into_iter().for_each(|key| self.enqueue(key));
    }

    fn keys(&self) -> Vec<usize> {
        self.visitors.iter().map(|(key, _)| key).collect()
    }

    /// Lets every connection end.
    fn part(&mut self) {
        for key in self.keys() {
            let visitor = &mut self.visitors[key];
            match visitor.phase {
                Phase::Active => {
                    visitor.phase = Phase::Leaving;
                    self.enqueue(key);
                }
                Phase::Leaving | Phase::Ending => {}
                Phase::Connecting | Phase::Handshake | Phase::Asking => self.remove(key),
            }
        }
    }

    fn remove(&mut self, key: usize) {
        if let Some(visitor) = self.visitors.try_remove(key)
            && !visitor.is_through
        {
            self.opening -= 1;
        }
    }

    fn turn(&mut self, key: usize) {
        let Some(visitor) = self.visitors.get_mut(key) else {
            return;
        };
        visitor.is_queued = false;
        let was_served = visitor.is_served;
        let step = visitor.turn(self.job, &self.counts, &mut self.bytes, &mut self.latencies);
        let is_asked = !self.job.is_answered() && visitor.phase == Phase::Active;
        let is_through = visitor.is_served || is_asked;
        if is_through && !std::mem::replace(&mut visitor.is_through, true) {
            self.opening -= 1;
        }
        if visitor.is_served && !was_served {
            self.counts.served.fetch_add(1, Relaxed);
        }
        match step {
            Ok(Step::Wait) => {}
            Ok(Step::More) => self.enqueue(key),
            Ok(Step::Done) => self.remove(key),
            Err(error) => {
                if !matches!(visitor.phase, Phase::Leaving | Phase::Ending) {
                    self.counts.failed.fetch_add(1, Relaxed);
                    self.failure.get_or_insert(error.to_string());
                }
                self.remove(key);
            }
        }
    }
}

impl Visitor {
    fn turn(
        &mut self,
        job: Job,
        counts: &Counts,
        bytes: &mut [u8],
        latencies: &mut Latencies,
    ) -> io::Result<Step> {
        if self.phase == Phase::Connecting {
            if let Some(error) = self.end.socket().take_error()? {
                return Err(error);
            }
            if self.end.socket().peer_addr().is_err() {
                return Ok(Step::Wait);
            }
            self.phase = Phase::Handshake;
        }
        if self.phase == Phase::Handshake {
            match self.end.handshake()? {
                Handshake::Waits => return Ok(Step::Wait),
                Handshake::None => {}
                Handshake::Full => drop(counts.full.fetch_add(1, Relaxed)),
                Handshake::Resumed => drop(counts.resumed.fetch_add(1, Relaxed)),
            }
            if let Some(host) = self.host {
                self.end.write(format!("{host}\n").as_bytes())?;
            }
            self.phase = Phase::Asking;
        }
        if self.phase == Phase::Asking {
            if self.host.is_some() && !self.is_admitted(bytes)? {
                return Ok(Step::Wait);
            }
            self.phase = Phase::Active;
            self.ask(job, counts, bytes)?;
        }
        if self.phase == Phase::Leaving {
            // Whoever is sent something must not be held up by what it sends.
            while let Got::Bytes(_) = self.end.read(bytes)? {}
            if !self.end.flush()? {
                return Ok(Step::Wait);
            }
            self.end.end();
            self.phase = Phase::Ending;
        }
        if self.phase == Phase::Ending {
            return Ok(match self.end.read(bytes)? {
                Got::End => Step::Done,
                Got::Bytes(_) => Step::More,
                Got::Nothing => {
                    self.end.flush()?;
                    Step::Wait
                }
            });
        }
        match job {
            Job::Messages(_) | Job::Connect(_) | Job::Hold => {
                self.converse(job, counts, bytes, latencies)
            }
            Job::Push => self.push(counts, bytes),
            Job::Trickle(rate) => {
                let due = self.asked_at.elapsed().as_secs_f64() * rate as f64;
                match counts.sent.load(Relaxed) as f64 <= due {
                    true => self.push(counts, &bytes[..TRICKLE_BYTES]),
                    false => Ok(Step::Wait),
                }
            }
            Job::Pull => self.pull(counts, bytes),
            Job::Both => {
                let pushed = self.push(counts, bytes)?;
                let pulled = self.pull(counts, bytes)?;
                Ok(match (pushed, pulled) {
                    (Step::More, _) | (_, Step::More) => Step::More,
                    _ => Step::Wait,
                })
            }
        }
    }

    /// Reads the connector's word; whether all of it has come.
    fn is_admitted(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        self.end.flush()?;
        while self.heard < ADMITTED.len() {
            let rest = &ADMITTED[self.heard..];
            match self.end.read(&mut bytes[..rest.len()])? {
                Got::Bytes(count) if rest.starts_with(&bytes[..count]) => self.heard += count,
                Got::Nothing => return Ok(false),
                Got::Bytes(_) => return Err(io::Error::other("was not admitted")),
                Got::End => return Err(io::Error::other("ended before it was admitted")),
            }
        }
        Ok(true)
    }

    /// The request's byte, and the first message behind it.
    fn ask(&mut self, job: Job, counts: &Counts, bytes: &[u8]) -> io::Result<()> {
        let mut first = vec![job.request().byte()];
        if job.is_answered() {
            self.missing = SHORT_BYTES;
            first.extend_from_slice(&bytes[..self.missing]);
            counts.sent.fetch_add(self.missing as u64, Relaxed);
        }
        self.end.write(&first)
    }

    fn converse(
        &mut self,
        job: Job,
        counts: &Counts,
        bytes: &mut [u8],
        latencies: &mut Latencies,
    ) -> io::Result<Step> {
        self.end.flush()?;
        if let Job::Messages(size) = job
            && self.is_served
            && self.missing == 0
            && counts.may_go_on()
        {
            self.say(size, counts, bytes)?;
        }
        loop {
            match self.end.read(bytes)? {
                Got::Bytes(count) if count <= self.missing => {
                    counts.received.fetch_add(count as u64, Relaxed);
                    self.missing -= count;
                }
                Got::Bytes(_) => return Err(io::Error::other("more came back than was sent")),
                Got::Nothing => return Ok(Step::Wait),
                Got::End => return Err(io::Error::other("ended before the message came back")),
            }
            if self.missing > 0 {
                continue;
            }
            let now = Instant::now();
            counts.messages.fetch_add(1, Relaxed);
            let is_first = !std::mem::replace(&mut self.is_served, true);
            if counts.records.load(Relaxed)
                && latencies.len() < LATENCIES_MAX
                && (!is_first || matches!(job, Job::Connect(_)))
            {
                let nanos = now.duration_since(self.asked_at).as_nanos();
                latencies.push(nanos.min(u128::from(u32::MAX)) as u32);
            }
            match job {
                Job::Messages(size) if counts.may_go_on() => self.say(size, counts, bytes)?,
                Job::Connect(_) => {
                    self.phase = Phase::Leaving;
                    return Ok(Step::More);
                }
                _ => return Ok(Step::Wait),
            }
        }
    }

    /// Sends a message.
    fn say(&mut self, size: usize, counts: &Counts, bytes: &[u8]) -> io::Result<()> {
        self.asked_at = Instant::now();
        self.missing = size;
        counts.sent.fetch_add(size as u64, Relaxed);
        self.end.write(&bytes[..size])
    }

    fn push(&mut self, counts: &Counts, bytes: &[u8]) -> io::Result<Step> {
        for _ in 0..TURN_PIECES {
            if !self.end.flush()? || !counts.may_go_on() {
                return Ok(Step::Wait);
            }
            counts.sent.fetch_add(bytes.len() as u64, Relaxed);
            self.end.write(bytes)?;
            self.is_served = true;
        }
        Ok(Step::More)
    }

    fn pull(&mut self, counts: &Counts, bytes: &mut [u8]) -> io::Result<Step> {
        for _ in 0..TURN_PIECES {
            match self.end.read(bytes)? {
                Got::Bytes(count) => drop(counts.received.fetch_add(count as u64, Relaxed)),
                Got::Nothing => return Ok(Step::Wait),
                Got::End => return Err(io::Error::other("ended in the middle")),
            }
            self.is_served = true;
        }
        Ok(Step::More)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_is_asked_for_before_one_is_asked_for_again() {
        for hosts in [100, 100_000] {
            let short = Short {
                hosts: Some(hosts),
                ..Short::default()
            };
            let mut asked: Vec<u64> = (0..hosts).filter_map(|n| short.host(n)).collect();
            asked.sort_unstable();
            assert!(asked.into_iter().eq(1..=hosts), "{hosts}");
        }
        assert_eq!(Short::default().host(7), None);
    }
}
