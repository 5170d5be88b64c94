//! A leg that follows a script and remembers what was asked of it.

use mtls_persona::base::reason::CloseReason;
use mtls_persona::base::scratch::Scratch;
use mtls_persona::relay::{Failure, Fill, Flush, Leg};
use std::collections::VecDeque;

/// What the peer of a leg did, in the order in which it is read.
#[derive(Clone, Debug)]
pub(crate) enum Arrival {
    Bytes(Vec<u8>),
    Last(Vec<u8>),
    End,
    Truncated,
    Failed(CloseReason),
    Reset,
}

/// What the relay asked of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Fill,
    Send,
    Flush,
    End,
    Failure,
}

pub(crate) struct FakeLeg {
    /// What stands to be read; nothing more has arrived when it is empty.
    pub(crate) arriving: VecDeque<Arrival>,
    /// What becomes of bytes on their way out.
    pub(crate) takes: Flush,
    /// What becomes of the end once all bytes are out.
    pub(crate) takes_end: Flush,
    /// What the next question for a failure is answered with.
    pub(crate) failing: Option<Failure>,
    /// Every call so far.
    pub(crate) calls: Vec<Call>,
    /// What the system took.
    pub(crate) delivered: Vec<u8>,
    /// What waits in the leg.
    pub(crate) waiting: Vec<u8>,
    end_waits: bool,
    /// Whether the system took the end.
    pub(crate) ended: bool,
}

impl FakeLeg {
    /// A leg to which nothing has come and that takes everything.
    pub(crate) fn new() -> FakeLeg {
        FakeLeg {
            arriving: VecDeque::new(),
            takes: Flush::Done,
            takes_end: Flush::Done,
            failing: None,
            calls: Vec::new(),
            delivered: Vec::new(),
            waiting: Vec::new(),
            end_waits: false,
            ended: false,
        }
    }

    pub(crate) fn arrives(&mut self, arrival: Arrival) {
        self.arriving.push_back(arrival);
    }

    pub(crate) fn count(&self, call: Call) -> usize {
        self.calls.iter().filter(|&&made| made == call).count()
    }

    fn is_clear(&self) -> bool {
        self.waiting.is_empty() && !self.end_waits && !self.ended
    }

    /// Offers to the system what waits; a leg with nothing to offer learns nothing.
    fn push(&mut self) -> Flush {
        if !self.waiting.is_empty() {
            if self.takes != Flush::Done {
                return self.takes;
            }
            self.delivered.append(&mut self.waiting);
        }
        if !self.end_waits {
            return Flush::Done;
        }
        self.end_waits = self.takes_end == Flush::Blocked;
        self.ended = self.takes_end == Flush::Done;
        self.takes_end
    }
}

impl Leg for FakeLeg {
    fn fill(&mut self, scratch: &mut Scratch) -> Fill {
        self.calls.push(Call::Fill);
        assert!(scratch.plain.is_empty(), "read into bytes of another leg");
        let (bytes, fill) = match self.arriving.pop_front() {
            None => return Fill::Blocked,
            Some(Arrival::End) => return Fill::End,
            Some(Arrival::Truncated) => return Fill::Truncated,
            Some(Arrival::Failed(reason)) => return Fill::Failed(reason),
            Some(Arrival::Reset) => return Fill::Reset,
            Some(Arrival::Bytes(bytes)) => {
                let count = bytes.len();
                (bytes, Fill::Bytes(count))
            }
            Some(Arrival::Last(bytes)) => {
                let count = bytes.len();
                (bytes, Fill::Last(count))
            }
        };
        scratch.plain.append(&bytes);
        fill
    }

    fn send(&mut self, scratch: &mut Scratch) -> Flush {
        self.calls.push(Call::Send);
        assert!(self.is_clear(), "sent behind what waits, or behind the end");
        self.waiting = scratch.plain.data().to_vec();
        scratch.plain.clear();
        self.push()
    }

    fn flush(&mut self, _: &mut Scratch) -> Flush {
        self.calls.push(Call::Flush);
        self.push()
    }

    fn end(&mut self, _: &mut Scratch) -> Flush {
        self.calls.push(Call::End);
        assert!(self.is_clear(), "ended before its bytes, or twice");
        self.end_waits = true;
        self.push()
    }

    fn failure(&mut self) -> Option<Failure> {
        self.calls.push(Call::Failure);
        self.failing.take()
    }
}
