//! Connecting to the destination: the attempts that a [`Race`] asks for, as sockets.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use mio::Registry;

use super::race::{Failure, Race, RaceStep, interleave, worst};
use crate::base::reason::CloseReason;
use crate::config::{Address, Host, TcpOptions};
use crate::net::{Endpoint, Socket};

/// The attempts to reach one destination.
pub struct Dial {
    plan: Plan,
    running: Vec<Attempt>,
}

enum Plan {
    Tcp(Race),
    /// A UNIX socket has one address.
    Unix(PathBuf, UnixState),
}

enum UnixState {
    ToStart,
    Running,
    Failed(Failure),
}

struct Attempt {
    number: usize,
    socket: Socket,
}

/// Where a dial stands.
pub enum DialStep {
    /// Connected.
    Won(Socket, Endpoint),
    /// An event or that instant will tell more.
    Wait(Option<Instant>),
    /// Every address failed.
    Lost(DialFailure),
}

/// Why no address was reached.
pub struct DialFailure {
    /// The most telling failure.
    pub reason: CloseReason,
    /// Every address and its failure.
    pub detail: String,
}

/// What a dial needs of its surroundings.
pub struct Dialer<'a> {
    /// The poller.
    pub registry: &'a Registry,
    /// What the sockets are registered under.
    pub token: usize,
    /// Options of TCP sockets.
    pub tcp: TcpOptions,
}

impl Dial {
    /// A dial to a destination, or else the name of its host, which has to be resolved first.
    pub fn to(destination: &Address) -> Result<Dial, Arc<str>> {
        match destination {
            Address::Tcp { host, port } => match host {
                Host::Name(name) => Err(Arc::clone(name)),
                Host::Ip(ip) => Ok(Dial::to_host(&[*ip], *port)),
                Host::Any => Ok(Dial::to_host(&[Ipv4Addr::LOCALHOST.into()], *port)),
            },
            Address::Unix(path) => Ok(Dial::to_path(path.clone())),
        }
    }

    /// A dial to the addresses of a host, as the resolver ordered them.
    pub fn to_host(addresses: &[IpAddr], port: u16) -> Dial {
        let addresses = interleave(addresses).into_iter();
        let race = Race::new(addresses.map(|ip| SocketAddr::new(ip, port)).collect());
        Dial::new(Plan::Tcp(race))
    }

    /// A dial to a UNIX socket.
    fn to_path(path: PathBuf) -> Dial {
        Dial::new(Plan::Unix(path, UnixState::ToStart))
    }

    fn new(plan: Plan) -> Dial {
        Dial {
            plan,
            running: Vec::new(),
        }
    }

    /// Looks at every attempt and starts those whose time has come.
    pub fn turn(&mut self, now: Instant, dialer: &Dialer<'_>) -> DialStep {
        loop {
            if let Some((socket, endpoint)) = self.winner() {
                return DialStep::Won(socket, endpoint);
            }
            let (number, endpoint) = match self.plan.next(now) {
                RaceStep::Start { attempt, addr } => (attempt, Endpoint::Tcp(addr)),
                RaceStep::Wait { until } => match self.plan.unix_start() {
                    Some(endpoint) => (0, endpoint),
                    None => return DialStep::Wait(until),
                },
                RaceStep::Lost(_) => return DialStep::Lost(self.failure()),
            };
            match dialer.start(&endpoint) {
                Ok(socket) => self.running.push(Attempt { number, socket }),
                Err(error) => self.plan.failed(number, Failure::from(&error)),
            }
        }
    }

    /// What to tell when the time is up.
    pub fn failure(&self) -> DialFailure {
        match &self.plan {
            Plan::Tcp(race) => {
                let failures = race.failures();
                let reason = worst(&failures).map(|(_, failure)| reason(failure));
                DialFailure {
                    reason: reason.unwrap_or(CloseReason::ConnectTimeout),
                    detail: list(&failures),
                }
            }
            Plan::Unix(path, state) => {
                let failure = match state {
                    UnixState::Failed(failure) => *failure,
                    _ => Failure::TimedOut,
                };
                DialFailure {
                    reason: reason(failure),
                    detail: list(&[(Endpoint::Unix(path.clone()), failure)]),
                }
            }
        }
    }

    /// Every address that was tried, and why it failed if it did.
    pub fn attempts(&self) -> Vec<(Endpoint, Option<Failure>)> {
        match &self.plan {
            Plan::Tcp(race) => {
                let outcomes = race.outcomes();
                outcomes
                    .map(|(addr, outcome)| (Endpoint::Tcp(addr), outcome))
                    .collect()
            }
            Plan::Unix(path, state) => {
                let outcome = match state {
                    UnixState::Failed(failure) => Some(*failure),
                    UnixState::ToStart | UnixState::Running => None,
                };
                vec![(Endpoint::Unix(path.clone()), outcome)]
            }
        }
    }

    /// Takes out the first attempt that connected; notes those that failed.
    fn winner(&mut self) -> Option<(Socket, Endpoint)> {
        let mut index = 0;
        while index < self.running.len() {
            match self.running[index].socket.connected() {
                None => index += 1,
                Some(Ok(())) => {
                    let won = self.running.swap_remove(index);
                    // The others are closed here.
                    self.running.clear();
                    return Some((won.socket, self.plan.endpoint(won.number)));
                }
                Some(Err(error)) => {
                    let lost = self.running.swap_remove(index);
                    self.plan.failed(lost.number, Failure::from(&error));
                }
            }
        }
        None
    }
}

impl Plan {
    fn next(&mut self, now: Instant) -> RaceStep {
        match self {
            Plan::Tcp(race) => race.next(now),
            Plan::Unix(_, UnixState::Failed(_)) => RaceStep::Lost(Vec::new()),
            Plan::Unix(..) => RaceStep::Wait { until: None },
        }
    }

    fn unix_start(&mut self) -> Option<Endpoint> {
        match self {
            Plan::Unix(path, state @ UnixState::ToStart) => {
                *state = UnixState::Running;
                Some(Endpoint::Unix(path.clone()))
            }
            _ => None,
        }
    }

    fn failed(&mut self, number: usize, failure: Failure) {
        match self {
            Plan::Tcp(race) => race.failed(number, failure),
            Plan::Unix(_, state) => *state = UnixState::Failed(failure),
        }
    }

    fn endpoint(&self, number: usize) -> Endpoint {
        match self {
            Plan::Tcp(race) => Endpoint::Tcp(race.addr(number)),
            Plan::Unix(path, _) => Endpoint::Unix(path.clone()),
        }
    }
}

impl Dialer<'_> {
    fn start(&self, endpoint: &Endpoint) -> std::io::Result<Socket> {
        let mut socket = Socket::connect(endpoint)?;
        socket.set_tcp_options(self.tcp.nodelay, self.tcp.keepalive);
        socket.register(self.registry, self.token)?;
        Ok(socket)
    }
}

fn reason(failure: Failure) -> CloseReason {
    match failure {
        Failure::Refused => CloseReason::ConnectRefused,
        Failure::TimedOut => CloseReason::ConnectTimeout,
        Failure::Unreachable => CloseReason::ConnectUnreachable,
        Failure::NoSource | Failure::Exhausted | Failure::Other(_) => CloseReason::ConnectFailed,
    }
}

fn list(failures: &[(impl fmt::Display, Failure)]) -> String {
    let lines = failures
        .iter()
        .map(|(to, failure)| format!("{to}: {failure}"));
    lines.collect::<Vec<_>>().join("; ")
}
