//! Whether the peer of a leg is admitted, once its certificate was verified.
//!
//! Every connection comes by here, those of resumed sessions and of chains that are known as well: what
//! the handshake need not find out again is who the peer is, not whether it may come in.

use std::sync::Arc;

use super::connection::{Connection, End};
use super::step::Turn;
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::base::tally::Decision;
use crate::config::{AllowMode, Mode, Pair};
use crate::identity::{Acl, PeerCert, Verdict};

/// What becomes of a peer by an access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is admitted, by the rule of that text; by none if the list is empty.
    Admitted(Option<Arc<str>>),
    /// No rule names it, and it is admitted all the same.
    Observed,
    /// No rule names it.
    Denied,
}

impl Judgement {
    fn decision(&self) -> Decision {
        match self {
            Judgement::Admitted(_) => Decision::Allowed,
            Judgement::Observed => Decision::Observed,
            Judgement::Denied => Decision::Denied,
        }
    }
}

/// Judges a verified peer by an access list. One without a certificate is named by no rule.
pub fn judge(acl: &Acl, mode: AllowMode, peer: Option<&PeerCert>) -> Judgement {
    let verdict = match peer {
        Some(peer) => acl.check(peer),
        None if acl.is_empty() => Verdict::Admitted(None),
        None => Verdict::Denied,
    };
    match (verdict, mode) {
        (Verdict::Admitted(rule), _) => {
            Judgement::Admitted(rule.map(|rule| Arc::clone(rule.text())))
        }
        (Verdict::Denied, AllowMode::Observe) => Judgement::Observed,
        (Verdict::Denied, AllowMode::Enforce) => Judgement::Denied,
    }
}

impl Connection {
    /// Judges the peer of a leg whose handshake is done. One that is refused is told so by an alert.
    pub(super) fn authorize(&mut self, side: Side, turn: &mut Turn<'_>) -> Result<(), End> {
        self.judge_by_own(side)
            .and_then(|()| self.refused_by_newest(side).map_or(Ok(()), Err))
            .inspect_err(|_| {
                if let Some(leg) = self.leg(side) {
                    leg.deny(turn.scratch);
                }
            })
    }

    /// Judges by the state of the pair that the connection came in by.
    fn judge_by_own(&mut self, side: Side) -> Result<(), End> {
        let pair = Arc::clone(&self.served.pair);
        let Some(acl) = pair.acl(side) else {
            return Ok(());
        };
        let peer = self.summary.peer(side);
        let judgement = judge(acl, pair.allow_mode, peer);
        self.tally.judged(side, judgement.decision());
        match judgement {
            Judgement::Observed => log::warn!(
                "pair {:?}: the peer of the {} leg is admitted though no rule of its list names it, as \
                 allow_mode is observe: {}",
                pair.name,
                side.label(),
                peer.map(PeerCert::to_string).unwrap_or_default()
            ),
            Judgement::Admitted(_) => {}
            Judgement::Denied => return Err(denied(&pair, side)),
        }
        self.summary.judged(side, judgement);
        Ok(())
    }
}

/// The end of a connection whose peer no rule names.
pub(super) fn denied(pair: &Pair, side: Side) -> End {
    End(CloseReason::AclDenied, Some(side), no_rule(pair, side))
}

/// The detail of a refusal by a pair's access list.
pub fn no_rule(pair: &Pair, side: Side) -> String {
    let list = match (pair.mode, side) {
        (Mode::Bridge | Mode::Connector, Side::Outbound) => "allow_outbound",
        _ => "allow",
    };
    format!("no rule of {list} names the peer")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::identity::{Rule, RuleKind};

    fn alices() -> Acl {
        Acl::new(vec![Rule::parse(RuleKind::Cn, "alice").unwrap()])
    }

    fn peer(cn: &str) -> PeerCert {
        PeerCert {
            cn: Some(cn.to_owned()),
            ..PeerCert::default()
        }
    }

    #[test]
    fn a_mode_is_about_those_whom_no_rule_names() {
        use AllowMode::{Enforce, Observe};
        let by_rule = Judgement::Admitted(Some("cn:alice".into()));
        for mode in [Enforce, Observe] {
            assert_eq!(judge(&alices(), mode, Some(&peer("alice"))), by_rule);
            let unjudged = judge(&Acl::default(), mode, Some(&peer("bob")));
            assert_eq!(unjudged, Judgement::Admitted(None));
        }
        assert_eq!(
            judge(&alices(), Observe, Some(&peer("bob"))),
            Judgement::Observed
        );
        assert_eq!(
            judge(&alices(), Enforce, Some(&peer("bob"))),
            Judgement::Denied
        );
    }

    #[test]
    fn a_peer_without_a_certificate_is_named_by_no_rule() {
        assert_eq!(
            judge(&alices(), AllowMode::Enforce, None),
            Judgement::Denied
        );
        let unjudged = judge(&Acl::default(), AllowMode::Enforce, None);
        assert_eq!(unjudged, Judgement::Admitted(None));
    }
}
