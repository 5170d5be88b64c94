//! What a reload and the end of a peer's certificate do to a live connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::authorize::{Judgement, denied, judge};
use super::connection::{Connection, End, Phase};
use super::served::{Concern, Served};
use crate::base::deadline::DeadlineKind;
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::config::{OnPeerExpiry, OnReload};
use crate::tls::Session;

/// How far the end of a certificate is looked ahead: the clock may be set, and machines sleep, but the
/// deadlines' clock knows of neither.
const LOOK_AHEAD: Duration = Duration::from_secs(60);

/// Told of a leg that would be in plain by now.
const NO_TLS: &str = "the pair has no TLS on that leg any more";

/// What later states of its pair ask of a connection.
#[derive(Default)]
pub(super) struct Renewal {
    /// The newest state that concerns it, and how.
    pub(super) newest: Option<(Concern, Arc<Served>)>,
    /// Its peers are to be judged by the newest state in its next turn.
    pub(super) is_to_be_judged: bool,
    /// How it ends when the time that a reload left it is over.
    end: Option<End>,
    /// Until when that is.
    until: Option<Instant>,
    /// When the first of its peers' certificates ends, in seconds since 1970, and whose that is.
    peer_until: Option<(i64, Side)>,
}

impl Renewal {
    /// The end of a connection that a reload has left some time.
    pub(super) fn end(&mut self) -> End {
        let reloaded = || End(CloseReason::Reloaded, None, String::new());
        self.end.take().unwrap_or_else(reloaded)
    }
}

impl Connection {
    /// Its pair has a newer state, or none any more, which is of that concern to it. `until` is when those
    /// that a reload drains end. Whether it has to have a turn.
    pub fn reloaded(
        &mut self,
        concern: Concern,
        newer: Option<&Arc<Served>>,
        until: Instant,
    ) -> bool {
        self.renewal.newest = None;
        self.renewal.is_to_be_judged = false;
        if concern == Concern::Nothing {
            return false;
        }
        let policy = newer.unwrap_or(&self.served).pair.on_reload;
        self.renewal.until = Some(until);
        if concern == Concern::Whole {
            let detail = match newer {
                Some(_) => "the pair's settings, certificate, key or trust have changed",
                None => "the pair is no longer configured",
            };
            let end = || End(CloseReason::Reloaded, None, detail.to_owned());
            let admits = newer.is_some_and(|newer| newer.pair.mode.inbound_tls());
            if matches!(self.phase, Phase::InboundHandshake) && !admits {
                // It is not admitted yet, and nobody is left to judge it.
                self.end(end());
                return true;
            }
            self.obey(policy, end());
        }
        self.renewal.newest = newer.map(|newer| (concern, Arc::clone(newer)));
        self.renewal.is_to_be_judged = newer.is_some() && policy != OnReload::Keep;
        true
    }

    /// Ends the connection now, or when the time of the reload is over, or not.
    fn obey(&mut self, policy: OnReload, end: End) {
        match (policy, self.renewal.until) {
            (OnReload::Keep, _) => {}
            (OnReload::Drain, Some(until)) if self.renewal.end.is_none() => {
                self.deadlines.set(DeadlineKind::Reload, until);
                self.renewal.end = Some(end);
            }
            // A later reload gives no more time than the first one.
            (OnReload::Drain, _) => {}
            (OnReload::Close, _) => self.end(end),
        }
    }

    /// Judges the peers of both legs by the newest state, if that is due. One whose handshake is under way
    /// is judged when that is done.
    pub(super) fn judge_again(&mut self) {
        if !std::mem::take(&mut self.renewal.is_to_be_judged) {
            return;
        }
        let Some((_, newest)) = self.renewal.newest.clone() else {
            return;
        };
        for side in [Side::Inbound, Side::Outbound] {
            let is_done = |session: &Session| session.is_established();
            if !self
                .leg(side)
                .and_then(|leg| leg.session())
                .is_some_and(is_done)
            {
                continue;
            }
            // That time has passed is not what a list says.
            let end = self.distrusted(&newest, side);
            let end = end.filter(|End(reason, ..)| !reason.is_of_time());
            if let Some(end) = end.or_else(|| self.unlisted(&newest, side)) {
                self.obey(newest.pair.on_reload, end);
            }
        }
    }

    /// Why a state of the pair would not believe the certificate of a leg's peer.
    fn distrusted(&mut self, state: &Served, side: Side) -> Option<End> {
        let session = self.leg(side)?.session()?;
        let error = match state.credentials.context(session.role()) {
            Some(context) => context.judge_again(session).err()?,
            None => return Some(End(CloseReason::Reloaded, Some(side), NO_TLS.to_owned())),
        };
        Some(self.tls_end(side, error))
    }

    /// Why the newest state of the pair would refuse the peer of a leg whose handshake began before it was
    /// the newest. Which gateway is dialled, and by what it is known, was settled with the state that the
    /// connection came in by.
    pub(super) fn refused_by_newest(&mut self, side: Side) -> Option<End> {
        let (concern, newest) = self.renewal.newest.clone()?;
        if side == Side::Outbound && concern == Concern::Whole {
            return None;
        }
        let end = self.distrusted(&newest, side);
        end.or_else(|| self.unlisted(&newest, side))
    }

    /// Why the access list of a state of the pair would refuse the peer of a leg.
    fn unlisted(&mut self, state: &Served, side: Side) -> Option<End> {
        let acl = state.pair.acl(side)?;
        let peer = self.leg(side)?.session()?.peer()?;
        match judge(acl, state.pair.allow_mode, Some(&peer)) {
            Judgement::Denied => Some(denied(&state.pair, side)),
            Judgement::Admitted(_) | Judgement::Observed => None,
        }
    }

    /// A handshake is done: its peer's certificate ends at that time, in seconds since 1970.
    pub(super) fn mind_peer_expiry(
        &mut self,
        side: Side,
        not_after: i64,
        now: Instant,
        unix_now: i64,
    ) {
        if self.served.pair.on_peer_expiry == OnPeerExpiry::Keep {
            return;
        }
        let first = self.renewal.peer_until.get_or_insert((not_after, side));
        if not_after < first.0 {
            *first = (not_after, side);
        }
        self.peer_expiry(now, unix_now);
    }

    /// Ends the connection if a peer's certificate has ended, and looks again later if not.
    pub(super) fn peer_expiry(&mut self, now: Instant, unix_now: i64) {
        let Some((until, side)) = self.renewal.peer_until else {
            return self.deadlines.clear(DeadlineKind::PeerExpiry);
        };
        let left = u64::try_from(until.saturating_sub(unix_now)).unwrap_or(0);
        if left == 0 {
            return self.end(End(CloseReason::PeerExpired, Some(side), String::new()));
        }
        let at = now + Duration::from_secs(left).min(LOOK_AHEAD);
        self.deadlines.set(DeadlineKind::PeerExpiry, at);
    }
}
