//! A client of a connector: it says which host it wants, the database decides, and it is told.
//!
//! ```text
//! InboundHandshake ──▶ Preamble ──▶ Deciding ──▶ Decided ──▶ Resolving … as for every destination, and then OK
//!                      (by SNI, at once)  └─ refused: told at a beat of the clock, whatever it took to find out
//! ```
//!
//! Until it is told `OK`, a client that has to be turned away is told so by a line, and its connection ends
//! cleanly. One that asks by SNI speaks no protocol of ours: it is told by an alert, or by an end without
//! close_notify.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Connection, End, Next, Phase};
use super::step::{Step, Turn};
use crate::base::buffer::Buffer;
use crate::base::deadline::DeadlineKind;
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::config::{IdSource, OnRevoke, Route};
use crate::identity::SpiffeUser;
use crate::relay::{Fill, Flush, Leg as _};
use crate::route::{
    Answer, Changes, ConnectId, Place, Places, Preamble, PreambleError, Question, Row, refusal,
};

/// Where a host is as the database has it, or why it is not to be reached.
pub type Decision = Result<Arc<str>, Denial>;

/// Why there is no host for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// There is none by that id, or none for this client.
    Refused,
    /// Nobody can say, for that reason.
    Unavailable(Arc<str>),
    /// The client has, or opens, more connections than it may: which limit it is.
    Limited(&'static str),
    /// As `Unavailable`: too many ask.
    Overloaded,
}

/// Refusals are told at a multiple of this behind the question, so that the time that they take tells nothing
/// of what was found.
const BEAT: Duration = Duration::from_millis(50);

/// When a grant is asked for again that could not be looked at: because the database could not be asked, which
/// is told of when it can be, or because too many were to be looked at.
const ASK_AGAIN: Duration = Duration::from_secs(5);
const CROWDED: Duration = Duration::from_millis(250);

/// Into how many parts those waits are spread.
const SHARES: u32 = 32;

/// How long beyond the database's own time an answer is waited for: it may have had to connect first, and to
/// ask once more.
const PATIENCES: u32 = 3;

/// Reads of a client's first line in one turn.
const READS: usize = 16;

/// What a connector knows of a client.
pub(super) struct Visit {
    user: SpiffeUser,
    /// What it wants, once it has said so.
    question: Option<Question>,
    asked_at: Instant,
    /// Ways to its host that were not tried yet, the next one last.
    routes: Vec<Route>,
    /// Where it is counted.
    places: Option<Arc<Places>>,
    place: Option<Place>,
    /// How it ends, while its refusal waits for its beat.
    refused: Option<End>,
    /// Its grant is to be asked for again in its next turn.
    asks_again: bool,
    /// What it was told; nothing more is said then.
    told: Option<Told>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Granted,
    TurnedAway,
}

impl Connection {
    /// A client of a connector has proven who it is.
    pub(super) fn receive(&mut self, source: IdSource, now: Instant) -> Result<Next, End> {
        let accepted_at = self.activity.at;
        self.phase = Phase::Preamble(Preamble::default());
        let user = self.user()?;
        self.visit = Some(Box::new(Visit {
            user,
            question: None,
            asked_at: now,
            routes: Vec::new(),
            places: None,
            place: None,
            refused: None,
            asks_again: false,
            told: None,
        }));
        match source {
            IdSource::Line => {
                let at = accepted_at + self.served.pair.timeouts.handshake;
                self.deadlines.set(DeadlineKind::Handshake, at);
                Ok(Next::Phase(Phase::Preamble(Preamble::default())))
            }
            IdSource::Sni => {
                let name = self
                    .inbound
                    .session()
                    .and_then(|session| session.server_name());
                let id = ConnectId::of_server_name(name.unwrap_or_default());
                let id = id.map_err(|error| malformed(PreambleError::Id(error)))?;
                self.ask_for(&id, now)
            }
        }
    }

    fn user(&self) -> Result<SpiffeUser, End> {
        let invalid = |detail| End(CloseReason::SpiffeInvalid, Some(Side::Inbound), detail);
        let directory = self.served.pair.directory.as_ref();
        let (Some(directory), Some(peer)) = (directory, self.summary.peer(Side::Inbound)) else {
            return Err(invalid("there is no certificate".to_owned()));
        };
        let user = SpiffeUser::of(peer, &directory.issuer);
        user.map_err(|error| invalid(error.to_string()))
    }

    /// Reads the client's first line; what stands behind it is kept for the host.
    pub(super) fn preamble(&mut self, now: Instant, turn: &mut Turn<'_>) -> Result<Next, End> {
        let Phase::Preamble(preamble) = &mut self.phase else {
            return Ok(Next::Step(Step::Wait));
        };
        for _ in 0..READS {
            match self.inbound.fill(turn.scratch) {
                Fill::Blocked => return Ok(Next::Step(Step::Wait)),
                Fill::Bytes(_) | Fill::Last(_) => {}
                Fill::End | Fill::Truncated => return Err(malformed(PreambleError::Ended)),
                Fill::Failed(reason) => return Err(self.failed(Side::Inbound, reason)),
                Fill::Reset => return Err(gone()),
            }
            let plain = &mut turn.scratch.plain;
            let taken = preamble.take(plain.data());
            if let Ok(Some((_, used))) = &taken {
                plain.consume(*used);
                self.inbound.put_back(Buffer::holding(plain.data()));
            }
            plain.clear();
            if let Some((id, _)) = taken.map_err(malformed)? {
                self.deadlines.clear(DeadlineKind::Handshake);
                return self.ask_for(&id, now);
            }
        }
        Ok(Next::Step(Step::Yield))
    }

    fn ask_for(&mut self, id: &ConnectId, now: Instant) -> Result<Next, End> {
        self.summary.asked_for(Arc::clone(id.shared()));
        let directory = self.served.pair.directory.as_ref();
        let patience = directory.map_or(BEAT, |directory| directory.database.timeout);
        let Some(visit) = &mut self.visit else {
            return Ok(Next::Step(Step::Wait));
        };
        let question = Question {
            org: Arc::clone(&visit.user.org),
            user: Arc::clone(&visit.user.user),
            host: Arc::clone(id.shared()),
        };
        visit.question = Some(question.clone());
        visit.asked_at = now;
        self.deadlines
            .set(DeadlineKind::Lookup, now + patience * PATIENCES);
        self.phase = Phase::Deciding;
        Ok(Next::Step(Step::Decide(question)))
    }

    /// Whether it still has to hear whether it may have its host.
    pub fn is_to_be_decided(&self) -> bool {
        matches!(self.phase, Phase::Deciding)
    }

    /// The answer to [`Step::Decide`].
    pub fn decided(&mut self, decision: Decision, places: &Arc<Places>, now: Instant) {
        if !self.is_to_be_decided() {
            return self.decided_again(decision, now);
        }
        self.deadlines.clear(DeadlineKind::Lookup);
        let outcome = match decision {
            Ok(routes) => self.take_routes(&routes),
            Err(denial) => Err(denied(denial)),
        };
        match (outcome, &mut self.visit) {
            (Ok(mut routes), Some(visit)) => {
                places.order(&mut routes);
                routes.reverse();
                visit.routes = routes;
                visit.places = Some(Arc::clone(places));
                self.next_route();
            }
            (Ok(_), None) => {}
            (Err(end @ End(CloseReason::NotAuthorized, ..)), Some(visit)) => {
                let beats =
                    now.saturating_duration_since(visit.asked_at).as_nanos() / BEAT.as_nanos();
                let beats = u32::try_from(beats).unwrap_or(u32::MAX).saturating_add(1);
                let at = visit.asked_at + BEAT.saturating_mul(beats);
                visit.refused = Some(end);
                self.deadlines.set(DeadlineKind::Grant, at);
            }
            (Err(end), _) => self.end(end),
        }
    }

    /// Takes the next way to the host; false if there is none.
    pub(super) fn next_route(&mut self) -> bool {
        let Some(visit) = &mut self.visit else {
            return false;
        };
        visit.place = None;
        let Some(route) = visit.routes.pop() else {
            return false;
        };
        visit.place = visit.places.as_ref().map(|places| places.take(&route));
        for kind in [
            DeadlineKind::Lookup,
            DeadlineKind::Connect,
            DeadlineKind::Attempt,
        ] {
            self.deadlines.clear(kind);
        }
        self.route = Some(route);
        self.phase = Phase::Decided;
        true
    }

    /// What is kept of a connection that ends, if its directory wants to know.
    pub fn record(&self, now: Instant, unix_now: i64) -> Option<Row> {
        let directory = self.served.pair.directory.as_ref()?;
        if !directory.logs_connections {
            return None;
        }
        let user = self.visit.as_ref().map(|visit| &visit.user);
        let user = user.map(|user| (Arc::clone(&user.org), Arc::clone(&user.user)));
        let mut record = self.summary.record(now, unix_now);
        if let Phase::Relaying(relay) = &self.phase {
            record.bytes_outward = relay.flow_from(Side::Inbound).bytes();
            record.bytes_inward = relay.flow_from(Side::Outbound).bytes();
        }
        record.user = user;
        Some(record)
    }

    fn take_routes(&self, text: &str) -> Result<Vec<Route>, End> {
        let directory = self.served.pair.directory.as_ref();
        let port = directory.map_or(0, |directory| directory.default_port);
        let invalid = |what| {
            let (reason, side) = (CloseReason::RouteInvalid, Some(Side::Outbound));
            End(reason, side, format!("internal_ip_addr {what}"))
        };
        let routes = Route::all(text, port).map_err(|error| invalid(error.to_string()))?;
        match routes.iter().find(|route| route.is_mtls) {
            Some(route) if !self.served.pair.outbound_tls() => Err(invalid(format!(
                "{route} is reached by mutual TLS, and outbound_mtls is not true in the pair's directory"
            ))),
            _ => Ok(routes),
        }
    }

    /// The grant of a connection that has begun was asked for again.
    fn decided_again(&mut self, decision: Decision, now: Instant) {
        match decision {
            Ok(_) => self.deadlines.clear(DeadlineKind::Grant),
            Err(Denial::Refused) => {
                let detail = "the database does not grant it any more".to_owned();
                self.end(End(CloseReason::Revoked, Some(Side::Inbound), detail));
            }
            // Nothing says that it was taken back.
            Err(denial) => {
                let wait = match denial {
                    Denial::Overloaded => CROWDED,
                    _ => ASK_AGAIN,
                };
                // Those that were asked for together do not come back together.
                let share = self.id.slot % SHARES;
                let wait = wait + wait * share / SHARES;
                self.deadlines.set(DeadlineKind::Grant, now + wait);
            }
        }
    }

    /// The database has changed; whether the connection has to have a turn.
    pub fn grants_changed(&mut self, changes: &Changes) -> bool {
        let closes = |directory: &Arc<_>| directory_closes(directory);
        if !self.served.pair.directory.as_ref().is_some_and(closes) {
            return false;
        }
        let is_asked = matches!(self.phase, Phase::Preamble(_) | Phase::Deciding);
        let Some(visit) = self.visit.as_mut().filter(|_| !is_asked) else {
            return false;
        };
        let is_concerned = visit.question.as_ref().is_some_and(|q| changes.concern(q));
        visit.asks_again |= is_concerned;
        is_concerned
    }

    /// The deadline of a grant has come: a refusal is told, or a grant asked for again.
    pub(super) fn grant_due(&mut self) -> Option<End> {
        self.deadlines.clear(DeadlineKind::Grant);
        let visit = self.visit.as_mut()?;
        if let Phase::Deciding = self.phase {
            return visit.refused.take();
        }
        visit.asks_again = true;
        None
    }

    /// The question that is to be put again, if there is one.
    pub(super) fn asks_again(&mut self) -> Option<Question> {
        let visit = self.visit.as_mut()?;
        match std::mem::take(&mut visit.asks_again) {
            true => visit.question.clone(),
            false => None,
        }
    }

    /// The host is reached: tells the client, if it speaks our protocol.
    pub(super) fn welcome(&mut self, turn: &mut Turn<'_>) -> Result<(), End> {
        let Some(visit) = &mut self.visit else {
            return Ok(());
        };
        visit.told = Some(Told::Granted);
        if self.served.pair.id_source() != Some(IdSource::Line) {
            return Ok(());
        }
        turn.scratch.plain.clear();
        turn.scratch.plain.append(Answer::granted());
        match self.inbound.send(turn.scratch) {
            Flush::Lost => Err(gone()),
            Flush::Done | Flush::Blocked => Ok(()),
        }
    }

    /// The connection ends before its client was told anything: tells it why, as far as that is its affair.
    pub(super) fn turn_away(&mut self, turn: &mut Turn<'_>) {
        let is_not_its_time = matches!(
            self.phase,
            Phase::InboundHeader | Phase::InboundHandshake | Phase::Relaying(_)
        );
        let source = self.served.pair.id_source();
        let Some(source) = source.filter(|_| !is_not_its_time) else {
            return;
        };
        let is_told = self
            .visit
            .as_ref()
            .is_some_and(|visit| visit.told.is_some());
        let reason = self.summary.reason().unwrap_or(CloseReason::Internal);
        if is_told || reason == CloseReason::InboundGone {
            return;
        }
        match source {
            IdSource::Sni if reason.is_of_grants() => self.inbound.deny(turn.scratch),
            IdSource::Sni => return,
            IdSource::Line => {
                turn.scratch.plain.clear();
                let line = refusal(reason, self.summary.side());
                turn.scratch.plain.append(line.as_bytes());
                self.inbound.send(turn.scratch);
                self.inbound.end(turn.scratch);
            }
        }
        self.is_turned_away = true;
        if let Some(visit) = &mut self.visit {
            visit.told = Some(Told::TurnedAway);
        }
    }

    pub(super) fn failed(&mut self, side: Side, reason: CloseReason) -> End {
        let error = self.leg(side).and_then(|leg| leg.take_error());
        End(
            reason,
            Some(side),
            error.map(|error| error.detail).unwrap_or_default(),
        )
    }
}

fn directory_closes(directory: &crate::config::Directory) -> bool {
    directory.on_revoke == OnRevoke::Close
}

fn gone() -> End {
    End(CloseReason::InboundGone, Some(Side::Inbound), String::new())
}

fn malformed(error: PreambleError) -> End {
    End(
        CloseReason::PreambleInvalid,
        Some(Side::Inbound),
        error.to_string(),
    )
}

fn denied(denial: Denial) -> End {
    match denial {
        Denial::Refused => End(
            CloseReason::NotAuthorized,
            Some(Side::Inbound),
            String::new(),
        ),
        Denial::Unavailable(what) => End(CloseReason::DatabaseError, None, what.to_string()),
        Denial::Limited(what) => End(
            CloseReason::RateLimited,
            Some(Side::Inbound),
            what.to_owned(),
        ),
        Denial::Overloaded => {
            let detail = "too many questions wait for the database".to_owned();
            End(CloseReason::Overloaded, None, detail)
        }
    }
}
