//! Which of a name's addresses to try, in what order and when: the connecting half of "happy
//! eyeballs" (RFC 8305). Sockets belong to the caller; [`Race`] is told what became of them.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rustix::io::Errno;

#[cfg(test)]
mod tests;

/// How long an attempt runs alone before the next address is tried beside it (RFC 8305 section 5).
pub const CONNECTION_ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// No more addresses than this are tried for one connection, however many a name has.
pub const ADDRESSES_MAX: usize = 16;

/// The order to try `addrs` in: the families alternate, beginning with that of the first address,
/// because a family that does not work here at all should cost one attempt and not all of its own
/// (RFC 8305 section 4). Inside a family the resolver's order stays. At most [`ADDRESSES_MAX`].
pub fn interleave(addrs: &[IpAddr]) -> Vec<IpAddr> {
    let Some(first) = addrs.first() else {
        return Vec::new();
    };
    let (leading, other): (Vec<IpAddr>, Vec<IpAddr>) = addrs
        .iter()
        .partition(|addr| addr.is_ipv6() == first.is_ipv6());
    let mut order = Vec::with_capacity(addrs.len());
    for place in 0..leading.len().max(other.len()) {
        order.extend(leading.get(place));
        order.extend(other.get(place));
    }
    order.truncate(ADDRESSES_MAX);
    order
}

/// Why one address could not be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host is there, and nothing listens on that port.
    Refused,
    /// No answer in time.
    TimedOut,
    /// No route, or a router or the host's own network said so.
    Unreachable,
    /// This machine has no source address of that family, or no port of it is free.
    NoSource,
    /// This process or machine is out of descriptors or memory: no socket could be made.
    Exhausted,
    /// Anything else, as the system calls it.
    Other(io::ErrorKind),
}

impl Failure {
    /// How much the failure tells the operator; more is better.
    ///
    /// Being out of descriptors explains every other failure. A refusal proves that the host was
    /// reached, a silence at least that there is a route. An unreachable address is usually no more
    /// than the family that this machine does not have.
    fn telling(self) -> u8 {
        match self {
            Failure::Exhausted => 5,
            Failure::Refused => 4,
            Failure::TimedOut => 3,
            Failure::Other(_) => 2,
            Failure::Unreachable => 1,
            Failure::NoSource => 0,
        }
    }
}

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                return Failure::Exhausted;
            }
            // What connect(2) says when no port is left; std has no kind of its own for it.
            Some(Errno::ADDRNOTAVAIL) => return Failure::NoSource,
            _ => {}
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Failure::Refused,
            io::ErrorKind::TimedOut => Failure::TimedOut,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown => Failure::Unreachable,
            kind => Failure::Other(kind),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused => f.write_str("refused: nothing listens on that port"),
            Failure::TimedOut => f.write_str("no answer in time: is a firewall in between?"),
            Failure::Unreachable => f.write_str("unreachable: look at the routes to it"),
            Failure::NoSource => {
                f.write_str("this machine has no source address or no free port for it")
            }
            Failure::Exhausted => {
                f.write_str("out of descriptors or memory: raise the limit (ulimit -n)")
            }
            // Only a UNIX socket is looked up like a file.
            Failure::Other(io::ErrorKind::NotFound) => {
                f.write_str("no such file: nothing listens at that path")
            }
            Failure::Other(kind) => write!(f, "{kind}"),
        }
    }
}

/// The failure that tells most about why none of the addresses answered, for the one reason that
/// the connection gets; of equal ones the first. `None` only for an empty list.
pub fn worst(lost: &[(SocketAddr, Failure)]) -> Option<(SocketAddr, Failure)> {
    // `max_by_key` would give the last of equal ones.
    lost.iter()
        .rev()
        .copied()
        .max_by_key(|(_, failure)| failure.telling())
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RaceStep {
    /// Begin to connect to `addr`, and call [`Race::next`] again.
    Start {
        /// The number under which the outcome is reported.
        attempt: usize,
        /// Where to.
        addr: SocketAddr,
    },
    /// Wait for an attempt to end, or until the next may start.
    Wait {
        /// When the next start is; `None` if every address is being tried already.
        until: Option<Instant>,
    },
    /// Every address failed, each for its reason, in the order of trying. Empty if there was none.
    Lost(Vec<(SocketAddr, Failure)>),
}

/// The attempts to reach one destination: the first that connects wins, and then the race is simply
/// dropped. After each event call [`Race::next`] until it does not say [`RaceStep::Start`].
#[derive(Clone, Debug)]
pub struct Race {
    addrs: Vec<SocketAddr>,
    /// One for each address that was started: `None` while it runs.
    outcomes: Vec<Option<Failure>>,
    /// Not before this; `None`: at once.
    next_start: Option<Instant>,
}

impl Race {
    /// A race over `addrs` in this order, as [`interleave`] made it. Nothing has started yet.
    pub fn new(addrs: Vec<SocketAddr>) -> Race {
        Race {
            addrs,
            outcomes: Vec::new(),
            next_start: None,
        }
    }

    /// What to do at `now`.
    pub fn next(&mut self, now: Instant) -> RaceStep {
        let attempt = self.outcomes.len();
        let Some(addr) = self.addrs.get(attempt).copied() else {
            let running = self.outcomes.iter().any(Option::is_none);
            return if running {
                RaceStep::Wait { until: None }
            } else {
                RaceStep::Lost(self.failures())
            };
        };
        if self.next_start.is_some_and(|at| now < at) {
            return RaceStep::Wait {
                until: self.next_start,
            };
        }
        self.outcomes.push(None);
        self.next_start = Some(now + CONNECTION_ATTEMPT_DELAY);
        RaceStep::Start { attempt, addr }
    }

    /// Attempt number `attempt` has failed; the next address need not wait any longer. Only the
    /// first report of an attempt counts, and one of an attempt that never started is ignored.
    pub fn failed(&mut self, attempt: usize, failure: Failure) {
        if let Some(outcome @ None) = self.outcomes.get_mut(attempt) {
            *outcome = Some(failure);
            self.next_start = None;
        }
    }

    /// Where attempt number `attempt` goes to.
    ///
    /// # Panics
    /// If [`Race::next`] never gave that number.
    pub fn addr(&self, attempt: usize) -> SocketAddr {
        self.addrs[attempt]
    }

    /// Each address that was started, and why it failed if it did, in the order of trying.
    pub fn outcomes(&self) -> impl Iterator<Item = (SocketAddr, Option<Failure>)> {
        let outcomes = self.outcomes.iter().copied();
        self.addrs.iter().copied().zip(outcomes)
    }

    /// What is known when the caller gives up: each address that was started and why it failed,
    /// with [`Failure::TimedOut`] for those still running. Addresses never tried are left out.
    pub fn failures(&self) -> Vec<(SocketAddr, Failure)> {
        let failure = |outcome: Option<Failure>| outcome.unwrap_or(Failure::TimedOut);
        let outcomes = self.outcomes();
        outcomes
            .map(|(addr, outcome)| (addr, failure(outcome)))
            .collect()
    }
}
