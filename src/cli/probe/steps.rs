//! A pair's dial, step by step: the parts that a connection is made of, without a worker.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::event::Event;
use mio::{Events, Poll};

use super::verdict::{self, Found, Seen, Step, Stop};
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::base::scratch::Scratch;
use crate::config::{Address, Pair, ProxyVersion};
use crate::conn::{
    self, Dial, DialStep, Dialer, Judgement, Leg, Readiness, expected_name, judge, no_answer,
    no_rule,
};
use crate::identity::PeerCert;
use crate::net::proxy::{Ends, write_unproxied};
use crate::net::{Sent, Socket};
use crate::offload::dns::{self, DnsError};
use crate::relay::{Fill, Leg as _};
use crate::tls::{Credentials, Handshake, Role, Session, TlsError};

/// How long a gateway may take to object once the handshake is done.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_secs(1);

/// What the sockets are registered under: whichever it is, they are looked at all.
const TOKEN: usize = 0;

const EVENTS: usize = 16;

/// A step that was taken.
pub(super) struct Told {
    pub(super) step: Step,
    /// How long it took; none for one that was a part of another.
    pub(super) took: Option<Duration>,
    pub(super) result: Result<Found, Stop>,
}

/// Who is told of each step, as soon as it is done.
pub(super) type Tell<'a> = dyn FnMut(&Told) -> io::Result<()> + 'a;

/// Why it goes no further.
enum Halt {
    /// A step has failed, which was told.
    Stopped,
    /// It cannot be told, or the system has no poller.
    Failed(io::Error),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Halt {
        Halt::Failed(error)
    }
}

/// Dials the destination of `pair`, up to the first step that fails.
///
/// # Errors
/// `tell` failed, or the system refused a poller.
pub(super) fn probe<'a>(
    pair: &'a Pair,
    credentials: &Credentials,
    tell: &'a mut Tell<'a>,
) -> io::Result<()> {
    match Prober::new(pair, tell)?.dial(credentials) {
        Ok(()) | Err(Halt::Stopped) => Ok(()),
        Err(Halt::Failed(error)) => Err(error),
    }
}

/// Dials the destination of `pair` and takes leave again at once: whether it can be reached, proves who it is
/// and accepts us, where that is by TLS.
///
/// # Errors
/// The system refused a poller. Within is the reason, and a line on it.
pub(in crate::cli) fn greet(
    pair: &Pair,
    credentials: &Credentials,
) -> io::Result<Result<(), (CloseReason, String)>> {
    let mut stop = None;
    let mut tell = |told: &Told| {
        if let Err(failed) = &told.result {
            stop = Some((failed.reason, failed.detail.clone()));
        }
        Ok(())
    };
    let greeted = Prober::new(pair, &mut tell)?.greet(credentials);
    match (greeted, stop) {
        (Err(Halt::Failed(error)), _) => Err(error),
        (_, Some(stop)) => Ok(Err(stop)),
        (_, None) => Ok(Ok(())),
    }
}

struct Prober<'a> {
    pair: &'a Pair,
    poll: Poll,
    events: Events,
    scratch: Scratch,
    /// What was told of the sockets before one of them has connected.
    dialled: Readiness,
    tell: &'a mut Tell<'a>,
}

#[allow(
    clippy::disallowed_methods,
    reason = "a command of the outermost layer, which waits itself"
)]
impl<'a> Prober<'a> {
    fn new(pair: &'a Pair, tell: &'a mut Tell<'a>) -> io::Result<Prober<'a>> {
        Ok(Prober {
            pair,
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS),
            scratch: Scratch::default(),
            dialled: Readiness::default(),
            tell,
        })
    }

    fn greet(&mut self, credentials: &Credentials) -> Result<(), Halt> {
        let mut dial = self.step(Step::Name, Self::name)?;
        let socket = self.step(Step::Connect, |prober| prober.connect(&mut dial))?;
        if !self.pair.mode.outbound_tls() {
            return Ok(());
        }
        let mut leg = self.secure(socket, credentials)?;
        leg.end(&mut self.scratch);
        // In TLS 1.3 it has not judged us yet. That it ends as we have is no objection.
        match self.answer(&mut leg) {
            Err(stop) if stop.reason == CloseReason::CertificateRefused => {
                self.step(Step::Answer, |_| Err(stop))
            }
            _ => Ok(()),
        }
    }

    fn dial(&mut self, credentials: &Credentials) -> Result<(), Halt> {
        let mut dial = self.step(Step::Name, Self::name)?;
        let mut socket = self.step(Step::Connect, |prober| prober.connect(&mut dial))?;
        if let Some(out) = self.pair.proxy_protocol.out {
            self.step(Step::Proxy, |_| announce(&mut socket, out))?;
        }
        if !self.pair.mode.outbound_tls() {
            return Ok(());
        }
        let mut leg = self.secure(socket, credentials)?;
        self.step(Step::Access, |prober| prober.access(&leg))?;
        self.step(Step::Answer, |prober| prober.answer(&mut leg))?;
        leg.end(&mut self.scratch);
        Ok(())
    }

    /// Takes a step and tells it.
    fn step<T>(
        &mut self,
        step: Step,
        take: impl FnOnce(&mut Self) -> Result<(Found, T), Stop>,
    ) -> Result<T, Halt> {
        let begun = Instant::now();
        let (result, value) = match take(self) {
            Ok((found, value)) => (Ok(found), Some(value)),
            Err(stop) => (Err(stop), None),
        };
        let took = Some(begun.elapsed());
        (self.tell)(&Told { step, took, result })?;
        value.ok_or(Halt::Stopped)
    }

    fn name(&mut self) -> Result<(Found, Dial), Stop> {
        let outbound = &self.pair.outbound;
        let host = match Dial::to(outbound) {
            Ok(dial) => return Ok((Found::NoName(outbound.clone()), dial)),
            Err(host) => host,
        };
        let stop = |detail| Stop::new(CloseReason::DnsError, detail);
        let addresses = look_up(&host, self.pair.timeouts.connect)
            .ok_or_else(|| stop(no_answer(outbound)))?
            .map_err(|error| stop(error.to_string()))?;
        let port = match outbound {
            Address::Tcp { port, .. } => *port,
            Address::Unix(_) => 0,
        };
        let dial = Dial::to_host(&addresses, port);
        Ok((Found::Addresses(host, addresses), dial))
    }

    fn connect(&mut self, dial: &mut Dial) -> Result<(Found, Socket), Stop> {
        let deadline = Instant::now() + self.pair.timeouts.connect;
        loop {
            let now = Instant::now();
            let dialer = Dialer {
                registry: self.poll.registry(),
                token: TOKEN,
                tcp: self.pair.tcp.clone(),
            };
            let due = match dial.turn(now, &dialer) {
                DialStep::Won(socket, endpoint) => {
                    let mut others = dial.attempts();
                    others.retain(|(other, _)| *other != endpoint);
                    return Ok((Found::Connected(endpoint, others), socket));
                }
                DialStep::Lost(failure) => return Err(Stop::new(failure.reason, failure.detail)),
                DialStep::Wait(_) if now >= deadline => {
                    let detail = dial.failure().detail;
                    return Err(Stop::new(CloseReason::ConnectTimeout, detail));
                }
                DialStep::Wait(due) => due.map_or(deadline, |due| due.min(deadline)),
            };
            let mut dialled = self.dialled;
            self.wait(due, |event| dialled.note(event))?;
            self.dialled = dialled;
        }
    }

    /// The handshake, and what it says of the gateway and its certificate.
    fn secure(&mut self, socket: Socket, credentials: &Credentials) -> Result<Leg, Halt> {
        let begun = Instant::now();
        let mut leg = match self.session(credentials) {
            Ok(session) => Leg::tls(socket, session, self.dialled.connected()),
            Err(stop) => return self.step(Step::Tls, |_| Err(stop)),
        };
        let failure = self.shake_hands(&mut leg).err();
        let mut took = Some(begun.elapsed());
        let seen = leg.session().map(Seen::of).unwrap_or_default();
        for (step, result) in verdict::of_handshake(failure, seen) {
            let is_over = result.is_err();
            let took = took.take();
            (self.tell)(&Told { step, took, result })?;
            if is_over {
                return Err(Halt::Stopped);
            }
        }
        Ok(leg)
    }

    fn session(&self, credentials: &Credentials) -> Result<Session, Stop> {
        let stop = |detail| Stop::new(CloseReason::Internal, detail);
        let context = credentials.context(Role::Client);
        let context = context.ok_or_else(|| stop("no client credentials".to_owned()))?;
        let destination = self.pair.outbound.to_string();
        let name = expected_name(self.pair.server_name.as_ref());
        let session = context.watched_client_session(name, &destination);
        session.map_err(|error| stop(error.to_string()))
    }

    fn shake_hands(&mut self, leg: &mut Leg) -> Result<(), Stop> {
        let deadline = Instant::now() + self.pair.timeouts.handshake;
        while leg.handshake(&mut self.scratch)? == Handshake::NeedsInput {
            if Instant::now() >= deadline {
                return Err(Stop::new(CloseReason::HandshakeTimeout, String::new()));
            }
            self.wait(deadline, |event| leg.note(event))?;
        }
        leg.let_go(&mut self.scratch);
        Ok(())
    }

    /// Whether the pair's list admits the gateway.
    fn access(&mut self, leg: &Leg) -> Result<(Found, ()), Stop> {
        let pair = self.pair;
        let peer = leg.session().and_then(Session::peer);
        let judgement = match pair.acl(Side::Outbound) {
            Some(acl) => judge(acl, pair.allow_mode, peer.as_deref()),
            None => Judgement::Admitted(None),
        };
        match judgement {
            Judgement::Denied => Err(Stop {
                certificate: peer.map(|peer| Box::new(PeerCert::clone(&peer))),
                ..Stop::new(CloseReason::AclDenied, no_rule(pair, Side::Outbound))
            }),
            other => Ok((Found::Access(other), ())),
        }
    }

    /// Waits a moment for what the gateway says first.
    fn answer(&mut self, leg: &mut Leg) -> Result<(Found, ()), Stop> {
        let deadline = Instant::now() + ANSWER_PATIENCE;
        loop {
            let fill = leg.fill(&mut self.scratch);
            self.scratch.plain.clear();
            if let Some(answer) =
                verdict::of_answer(fill, leg.take_error(), self.pair.on_truncation)
            {
                return Ok((answer?, ()));
            }
            if Instant::now() >= deadline {
                return Ok((Found::Silence, ()));
            }
            if fill == Fill::Blocked {
                self.wait(deadline, |event| leg.note(event))?;
            }
        }
    }

    /// Waits for events, and not for ever.
    fn wait(&mut self, until: Instant, mut note: impl FnMut(&Event)) -> Result<(), Stop> {
        let patience = until.saturating_duration_since(Instant::now());
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let detail = format!("waiting for the network: {error}");
                return Err(Stop::new(CloseReason::Internal, detail));
            }
            _ => self.events.iter().for_each(&mut note),
        }
        Ok(())
    }
}

/// Sends the PROXY header of a connection that is made for nobody else.
fn announce(socket: &mut Socket, out: ProxyVersion) -> Result<(Found, ()), Stop> {
    let ends = socket.own_address().zip(socket.peer_address());
    let ends = ends.map(|(source, destination)| Ends {
        source,
        destination,
    });
    let header = write_unproxied(conn::version(out), ends);
    // A socket that was just connected takes all of it.
    match socket.send(&header) {
        Sent::Bytes(count) if count == header.len() => Ok((Found::Proxied(out), ())),
        _ => {
            let what = "it is gone before the PROXY header was sent".to_owned();
            Err(Stop::new(CloseReason::SinkLost, what))
        }
    }
}

/// Asks the system's resolver; none if it takes longer than that. A look-up that hangs ends with the
/// program.
fn look_up(host: &Arc<str>, patience: Duration) -> Option<Result<Vec<IpAddr>, DnsError>> {
    let (answer, answered) = crossbeam_channel::bounded(1);
    let name = Arc::clone(host);
    std::thread::spawn(move || answer.send(dns::resolve(&name)));
    let host = Arc::clone(host);
    Some(match answered.recv_timeout(patience).ok()? {
        Ok(addresses) if addresses.is_empty() => Err(DnsError::NoAddress { host }),
        Ok(addresses) => Ok(addresses),
        Err(detail) => Err(DnsError::Failed {
            host,
            detail: detail.into(),
        }),
    })
}

impl From<TlsError> for Stop {
    fn from(error: TlsError) -> Stop {
        Stop {
            reason: error.reason,
            detail: error.detail,
            certificate: error.certificate,
        }
    }
}
