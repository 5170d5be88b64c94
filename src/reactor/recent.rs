//! The last failures of a worker's connections: those that somebody should look at.

use std::collections::VecDeque;

use crate::conn::Failure;
use crate::net::Endpoint;

/// Failures that are remembered. Each holds two certificates at most, whose size the TLS library bounds.
const MOST: usize = 32;

/// The longest detail, in bytes.
const DETAIL_MAX: usize = 1024;

/// Alike failures, of which the last one is told.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The last of them.
    pub failure: Failure,
    /// When that was, in seconds since 1970.
    pub at: i64,
    /// How many there were.
    pub times: u64,
}

/// Remembers the last of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Failed>);

impl Recent {
    /// Notes one at a time in seconds since 1970. It takes the place of those that are alike, so that one
    /// peer that tries again and again does not push out all others.
    pub(super) fn note(&mut self, mut failure: Failure, at: i64) {
        let mut times = 1;
        if let Some(place) = self
            .0
            .iter()
            .position(|old| is_alike(&old.failure, &failure))
            && let Some(older) = self.0.remove(place)
        {
            times += older.times;
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        let ends = (0..=DETAIL_MAX.min(failure.detail.len())).rev();
        let mut ends = ends.filter(|end| failure.detail.is_char_boundary(*end));
        failure.detail.truncate(ends.next().unwrap_or(0));
        self.0.push_back(Failed { failure, at, times });
    }

    /// Those that are remembered, oldest first.
    pub(super) fn all(&self) -> Vec<Failed> {
        self.0.iter().cloned().collect()
    }
}

/// The same happened to the same pair, by the same host.
fn is_alike(one: &Failure, other: &Failure) -> bool {
    let host = |failure: &Failure| match &failure.inbound.endpoint {
        Some(Endpoint::Tcp(address)) => Some(address.ip()),
        Some(Endpoint::Unix(_)) | None => None,
    };
    one.pair.name == other.pair.name
        && (one.reason, one.side) == (other.reason, other.side)
        && host(one) == host(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::reason::CloseReason;
    use crate::conn::LegFacts;
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    fn failure(reason: CloseReason, host: u32) -> Failure {
        let address = (Ipv4Addr::from(host), 1).into();
        let text = r#"{ "cert": "c", "key": "k", "ca": "a",
            "address_pairs": [ { "inbound": ":1", "outbound": "a:1" } ] }"#;
        let mut pairs = crate::config::parse(text).map_or(Vec::new(), |loaded| loaded.config.pairs);
        Failure {
            pair: Arc::new(pairs.remove(0)),
            reason,
            side: None,
            detail: "é".repeat(DETAIL_MAX),
            inbound: LegFacts {
                endpoint: Some(Endpoint::Tcp(address)),
                ..LegFacts::default()
            },
            outbound: LegFacts::default(),
        }
    }

    #[test]
    fn however_many_fail_only_the_last_are_remembered() {
        let mut recent = Recent::default();
        for host in 0..100 {
            recent.note(failure(CloseReason::CertExpired, host), i64::from(host));
        }
        let all = recent.all();
        assert_eq!(all.len(), MOST);
        assert_eq!((all[0].at, all[MOST - 1].at), (68, 99));
        assert!(
            all.iter()
                .all(|failed| failed.failure.detail.len() <= DETAIL_MAX)
        );
    }

    #[test]
    fn who_fails_again_in_the_same_way_takes_one_place() {
        let mut recent = Recent::default();
        for at in 0..100 {
            recent.note(failure(CloseReason::CertExpired, 7), at);
            if at == 50 {
                recent.note(failure(CloseReason::CertRevoked, 7), at);
                recent.note(failure(CloseReason::CertExpired, 8), at);
            }
        }
        let told: Vec<_> = recent.all().iter().map(|f| (f.at, f.times)).collect();
        assert_eq!(told, [(50, 1), (50, 1), (99, 100)]);
    }
}
