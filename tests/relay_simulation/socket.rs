//! One leg and the peer behind it: what has arrived, what the system takes, what broke.

use crate::plan::{Finish, PeerPlan};
use crate::random::Random;
use mtls_persona::base::buffer::Buffer;
use mtls_persona::relay::{Failure, Fill, Flush};

/// The size of close_notify, and of a record that a session writes on its own.
const RECORD_BYTES: usize = 24;

pub(crate) struct Socket {
    plan: PeerPlan,
    /// All that the peer is going to send.
    stream: Vec<u8>,
    /// How much of it has arrived, and how much of that was read.
    arrived: usize,
    read: usize,
    /// Whether the finish has arrived behind all bytes.
    finished: bool,
    /// Whether something arrived that the session answers.
    asked: bool,
    /// What waits in the leg: bytes of the source and of the session, then the end.
    waiting: usize,
    end_waiting: Option<usize>,
    /// Whether the end was handed to the leg.
    end_handed: bool,
    /// Whether the system took the end.
    pub(crate) end_taken: bool,
    /// Taken by the system and not read by the peer.
    in_flight: usize,
    /// How much the peer has read.
    peer_read: usize,
    pub(crate) broken: Option<Failure>,
    hint: bool,
}

impl Socket {
    pub(crate) fn new(plan: PeerPlan, stream: &[u8]) -> Socket {
        Socket {
            stream: stream[plan.sends.clone()].to_vec(),
            plan,
            arrived: 0,
            read: 0,
            finished: false,
            asked: false,
            waiting: 0,
            end_waiting: None,
            end_handed: false,
            end_taken: false,
            in_flight: 0,
            peer_read: 0,
            broken: None,
            hint: false,
        }
    }

    /// All that the peer is going to send.
    pub(crate) fn stream(&self) -> &[u8] {
        &self.stream
    }

    /// How the peer finished, if that has arrived.
    pub(crate) fn finish(&self) -> Option<Finish> {
        self.finished.then_some(self.plan.finish)
    }

    /// How many bytes have arrived and were not read.
    fn unread(&self) -> usize {
        self.arrived - self.read
    }

    fn forgets_unread(&self) -> bool {
        self.broken == Some(Failure::Reset) && !self.plan.keeps_unread
    }

    /// Whether a read would find anything.
    pub(crate) fn is_readable(&self) -> bool {
        self.unread() > 0 || self.finished || self.broken == Some(Failure::Reset)
    }

    /// Whether anything waits in the leg.
    pub(crate) fn holds(&self) -> bool {
        self.waiting > 0 || self.end_waiting.is_some()
    }

    /// Whether an attempt to write would change anything.
    pub(crate) fn is_writable(&self) -> bool {
        self.free() > 0 || (self.broken.is_some() && !self.is_unaware())
    }

    /// Whether a failure stands to be told.
    pub(crate) fn has_failure(&self) -> bool {
        self.hint && self.broken.is_some()
    }

    /// Whether a full socket broke and nobody asked why yet: the leg does not try to write again
    /// before an event says that it could.
    fn is_unaware(&self) -> bool {
        self.free() == 0 && self.has_failure() && self.plan.waits_for_hint
    }

    fn free(&self) -> usize {
        self.plan.window_bytes - self.in_flight
    }

    /// How many bytes the system has taken so far.
    pub(crate) fn taken(&self) -> usize {
        self.in_flight + self.peer_read
    }

    pub(crate) fn fill(&mut self, random: &mut Random, plain: &mut Buffer) -> Fill {
        self.answer();
        if self.unread() > 0 && !self.forgets_unread() {
            let count = match random.one_in(2) {
                true => random.up_to(self.unread().min(self.plan.piece_max)),
                false => self.unread().min(self.plan.piece_max),
            };
            plain.append(&self.stream[self.read..self.read + count]);
            self.read += count;
            let at_end = self.unread() == 0 && self.finish() == Some(Finish::End);
            return match at_end && random.one_in(2) {
                true => Fill::Last(count),
                false => Fill::Bytes(count),
            };
        }
        match self.finish() {
            _ if self.forgets_unread() => Fill::Reset,
            Some(Finish::End) => Fill::End,
            Some(Finish::Truncated) => Fill::Truncated,
            Some(Finish::Failed(reason)) => Fill::Failed(reason),
            Some(Finish::Never) | None => match self.broken {
                Some(Failure::Reset) => Fill::Reset,
                _ => Fill::Blocked,
            },
        }
    }

    /// A session answers some of what it reads, a key update for instance, with a record.
    fn answer(&mut self) {
        let asked = std::mem::take(&mut self.asked);
        if asked && !self.end_handed && self.broken.is_none() {
            self.waiting += RECORD_BYTES;
            self.push();
        }
    }

    pub(crate) fn send(&mut self, count: usize) -> Flush {
        self.waiting += count;
        self.push()
    }

    pub(crate) fn end(&mut self) -> Flush {
        self.end_handed = true;
        self.end_waiting = Some(match self.plan.is_tls {
            true => RECORD_BYTES,
            false => 0,
        });
        self.push()
    }

    /// Offers to the system what waits.
    pub(crate) fn push(&mut self) -> Flush {
        if !self.holds() {
            return Flush::Done;
        }
        if self.is_unaware() {
            return Flush::Blocked;
        }
        if self.broken.is_some() {
            return Flush::Lost;
        }
        let count = self.waiting.min(self.free());
        self.waiting -= count;
        self.in_flight += count;
        if self.waiting > 0 {
            return Flush::Blocked;
        }
        if let Some(record) = self.end_waiting {
            let count = record.min(self.free());
            self.in_flight += count;
            self.end_waiting = (record > count).then_some(record - count);
            self.end_taken = self.end_waiting.is_none();
        }
        match self.holds() {
            true => Flush::Blocked,
            false => Flush::Done,
        }
    }

    pub(crate) fn failure(&mut self) -> Option<Failure> {
        let failure = self.broken.filter(|_| self.hint);
        self.hint = false;
        failure
    }

    /// Lets the peer do something of what it still will do, or all of it.
    pub(crate) fn peer_acts(&mut self, step: usize, hurry: bool, random: &mut Random) {
        let mut acts = |times| hurry || random.one_in(times);
        let (sends, reads, finishes, closes) = (acts(2), acts(2), acts(3), acts(3));
        if self.broken.is_some() {
            return;
        }
        if self.plan.resets_at.is_some_and(|at| step >= at) {
            return self.breaks(Failure::Reset);
        }
        let is_sending = self.arrived < self.stream.len();
        self.asked |= self.plan.is_tls && is_sending && random.one_in(8);
        if sends {
            self.arrived += portion(self.stream.len() - self.arrived, hurry, random);
        }
        if reads {
            let willing = self.plan.reads_max - self.peer_read;
            let count = portion(self.in_flight.min(willing), hurry, random);
            self.in_flight -= count;
            self.peer_read += count;
        }
        let is_last = self.arrived == self.stream.len() && self.plan.finish != Finish::Never;
        if self.finished && self.plan.closes_at_once && closes {
            // A FIN tells apart a peer that sent everything from one that was cut off; behind
            // close_notify alone the connection is reset like any other.
            match self.plan.is_tls && random.one_in(2) {
                true => self.breaks(Failure::Reset),
                false => self.breaks(Failure::SinkLost),
            }
        }
        self.finished |= is_last && finishes;
    }

    fn breaks(&mut self, failure: Failure) {
        // A peer that had ended its half cannot cut off what it sent.
        let had_ended = !self.plan.is_tls && self.finished;
        self.broken = Some(match had_ended {
            true => Failure::SinkLost,
            false => failure,
        });
        self.hint = self.plan.hints;
    }

    /// Whether the peer does nothing any more.
    pub(crate) fn is_spent(&self) -> bool {
        let sent = self.arrived == self.stream.len();
        let finished = self.finished || self.plan.finish == Finish::Never;
        let stopped = self.in_flight == 0 || self.peer_read == self.plan.reads_max;
        let broke = self.plan.resets_at.is_none()
            && !(self.plan.closes_at_once && self.plan.finish != Finish::Never);
        self.broken.is_some() || (sent && finished && stopped && broke)
    }
}

fn portion(most: usize, hurry: bool, random: &mut Random) -> usize {
    match hurry || random.one_in(3) {
        true => most,
        false => random.up_to(most),
    }
}
