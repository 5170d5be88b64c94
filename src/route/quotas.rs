//! How many connections users and organisations have, and how fast they may open more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A rate is so many in this time.
const MINUTE: Duration = Duration::from_secs(60);

/// Users and organisations that are kept in mind. Those whose connections have gone are forgotten once their
/// rate is whole again.
const KNOWN_MAX: usize = 100_000;

/// What somebody may have; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Open connections.
    pub connections: Option<usize>,
    /// New connections in a minute. So many may come at once after a minute of none.
    pub rate: Option<usize>,
}

impl Quota {
    fn is_none(self) -> bool {
        self == Quota::default()
    }
}

/// A user by its trust domain, its organisation and its name: each says whose the next one is.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The trust domain.
    pub issuer: &'a str,
    /// The organisation.
    pub org: &'a Arc<str>,
    /// The user.
    pub user: &'a Arc<str>,
}

/// Whose connections are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    User(Arc<str>, Arc<str>, Arc<str>),
    Org(Arc<str>, Arc<str>),
}

#[derive(Debug)]
struct Account {
    open: usize,
    /// How much of a minute's rate is used up, as of `at`.
    used: f64,
    at: Instant,
}

/// The accounts of a directory.
#[derive(Debug, Default)]
pub struct Quotas {
    accounts: Mutex<HashMap<Who, Account>>,
}

/// A connection's seat; it is free again when dropped.
#[derive(Debug)]
pub struct Seat {
    quotas: Arc<Quotas>,
    who: Vec<Who>,
}

impl Quotas {
    /// Takes a seat for a connection of a user, within what the user and the organisation may have.
    ///
    /// # Errors
    /// Which of these is used up.
    pub fn take(
        self: &Arc<Quotas>,
        Member { issuer, org, user }: Member<'_>,
        [of_user, of_org]: [Quota; 2],
        now: Instant,
    ) -> Result<Seat, &'static str> {
        let issuer: Arc<str> = issuer.into();
        let wanted = [
            (
                Who::User(Arc::clone(&issuer), Arc::clone(org), Arc::clone(user)),
                of_user,
                USER,
            ),
            (Who::Org(issuer, Arc::clone(org)), of_org, ORG),
        ];
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let limited = wanted.into_iter().filter(|(_, quota, _)| !quota.is_none());
        let limited: Vec<_> = limited.collect();
        for (who, quota, words) in &limited {
            if let Some(account) = accounts.get_mut(who) {
                account.settle(quota.rate, now);
                account.check(*quota, *words)?;
            }
        }
        if !limited.is_empty() && accounts.len() >= KNOWN_MAX {
            accounts.retain(|_, account| account.open > 0 || now < account.at + MINUTE);
            if accounts.len() >= KNOWN_MAX {
                return Err("too many users are counted");
            }
        }
        let who = limited.into_iter().map(|(who, quota, _)| {
            let account = accounts.entry(who.clone()).or_insert(Account {
                open: 0,
                used: 0.0,
                at: now,
            });
            account.open += 1;
            if quota.rate.is_some() {
                account.used += 1.0;
            }
            who
        });
        Ok(Seat {
            who: who.collect(),
            quotas: Arc::clone(self),
        })
    }
}

const USER: [&str; 2] = [
    "the user has as many connections as it may",
    "the user opens connections faster than it may",
];
const ORG: [&str; 2] = [
    "the organisation has as many connections as it may",
    "the organisation opens connections faster than it may",
];

impl Account {
    /// What was used up comes back with time, and all of it within a minute: by a higher rate of before, or of
    /// another connector, more may have been used up than there is. Who has no rate does not touch another's.
    fn settle(&mut self, rate: Option<usize>, now: Instant) {
        let Some(rate) = rate.map(|rate| rate as f64) else {
            return;
        };
        let minutes = now.saturating_duration_since(self.at).as_secs_f64() / MINUTE.as_secs_f64();
        self.used = (self.used.min(rate) - minutes * rate).max(0.0);
        self.at = now;
    }

    fn check(
        &self,
        quota: Quota,
        [too_many, too_fast]: [&'static str; 2],
    ) -> Result<(), &'static str> {
        if quota.connections.is_some_and(|most| self.open >= most) {
            return Err(too_many);
        }
        match quota.rate.is_some_and(|rate| self.used + 1.0 > rate as f64) {
            true => Err(too_fast),
            false => Ok(()),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let accounts = &self.quotas.accounts;
        let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
        for who in &self.who {
            if let Some(account) = accounts.get_mut(who) {
                account.open -= 1;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    const NO_QUOTA: Quota = Quota {
        connections: None,
        rate: None,
    };

    fn connections(most: usize) -> Quota {
        Quota {
            connections: Some(most),
            ..NO_QUOTA
        }
    }

    fn rate(rate: usize) -> Quota {
        Quota {
            rate: Some(rate),
            ..NO_QUOTA
        }
    }

    /// Takes a seat for a user of an organisation.
    fn take(
        quotas: &Arc<Quotas>,
        who: (&str, &str),
        limits: [Quota; 2],
        now: Instant,
    ) -> Result<Seat, &'static str> {
        take_of("example.com", quotas, who, limits, now)
    }

    /// The same, of that trust domain.
    fn take_of(
        issuer: &str,
        quotas: &Arc<Quotas>,
        (org, user): (&str, &str),
        limits: [Quota; 2],
        now: Instant,
    ) -> Result<Seat, &'static str> {
        let (org, user) = (&org.into(), &user.into());
        quotas.take(Member { issuer, org, user }, limits, now)
    }

    #[test]
    fn the_same_names_in_another_trust_domain_are_other_users() {
        let (quotas, now) = (Arc::new(Quotas::default()), Instant::now());
        for limits in [[connections(1), NO_QUOTA], [NO_QUOTA, connections(1)]] {
            let take = |issuer| take_of(issuer, &quotas, ("acme", "alice"), limits, now);
            let seat = take("example.com");
            assert!(seat.is_ok() && take("example.com").is_err());
            assert!(take("example.org").is_ok());
        }
    }

    #[test]
    fn a_lower_rate_holds_at_once_and_keeps_nobody_out_for_longer_than_it_takes() {
        let (quotas, start) = (Arc::new(Quotas::default()), Instant::now());
        let alice = ("acme", "alice");
        let higher = [rate(600), NO_QUOTA];
        assert!((0..600).all(|_| take(&quotas, alice, higher, start).is_ok()));
        let lower = [rate(6), NO_QUOTA];
        assert!(take(&quotas, alice, lower, start).is_err());
        assert!(take(&quotas, alice, lower, start + MINUTE / 6).is_ok());
    }

    #[test]
    fn who_comes_by_another_connector_without_a_rate_leaves_the_rate_alone() {
        let (quotas, start) = (Arc::new(Quotas::default()), Instant::now());
        let (alice, limits) = (("acme", "alice"), [rate(1), NO_QUOTA]);
        assert!(take(&quotas, alice, limits, start).is_ok());
        let other = [connections(100), NO_QUOTA];
        let soon = start + Duration::from_millis(1);
        assert!((0..10).all(|_| take(&quotas, alice, other, soon).is_ok()));
        assert!(take(&quotas, alice, limits, soon).is_err());
        assert!(take(&quotas, alice, limits, start + MINUTE).is_ok());
    }

    #[test]
    fn each_user_has_so_many_connections_and_another_when_one_has_gone() {
        let (quotas, now) = (Arc::new(Quotas::default()), Instant::now());
        let limits = [connections(2), NO_QUOTA];
        let alice = ("acme", "alice");
        let seats = (0..2).map(|_| take(&quotas, alice, limits, now));
        let mut seats: Vec<Seat> = seats.flatten().collect();
        assert_eq!(take(&quotas, alice, limits, now).err(), Some(USER[0]));
        for other in [("acme", "bob"), ("globex", "alice")] {
            assert!(take(&quotas, other, limits, now).is_ok());
        }
        seats.pop();
        assert!(take(&quotas, alice, limits, now).is_ok());
    }

    #[test]
    fn an_organisations_connections_are_those_of_all_its_users() {
        let (quotas, now) = (Arc::new(Quotas::default()), Instant::now());
        let limits = [NO_QUOTA, connections(2)];
        let seats = [("acme", "alice"), ("acme", "bob")].map(|who| take(&quotas, who, limits, now));
        assert!(seats.iter().all(Result::is_ok));
        let refused = take(&quotas, ("acme", "dave"), limits, now);
        assert_eq!(refused.err(), Some(ORG[0]));
        assert!(take(&quotas, ("globex", "carol"), limits, now).is_ok());
    }

    #[test]
    fn a_rate_is_used_up_and_comes_back_with_time() {
        let (quotas, start) = (Arc::new(Quotas::default()), Instant::now());
        let (limits, alice) = ([rate(6), NO_QUOTA], ("acme", "alice"));
        let so_many = |now: Instant| {
            (0..100)
                .take_while(|_| take(&quotas, alice, limits, now).is_ok())
                .count()
        };
        assert_eq!(so_many(start), 6);
        assert_eq!(so_many(start + MINUTE / 6), 1);
        assert_eq!(so_many(start + MINUTE / 2), 2);
        assert_eq!(so_many(start + 10 * MINUTE), 6);
        assert_eq!(take(&quotas, alice, limits, start).err(), Some(USER[1]));
    }

    #[test]
    fn who_is_refused_uses_nothing_up_and_who_is_not_limited_is_not_counted() {
        let (quotas, now) = (Arc::new(Quotas::default()), Instant::now());
        let limits = [connections(1), rate(2)];
        let seat = take(&quotas, ("acme", "alice"), limits, now);
        for _ in 0..5 {
            assert!(take(&quotas, ("acme", "alice"), limits, now).is_err());
        }
        assert!(take(&quotas, ("acme", "bob"), limits, now).is_ok());
        drop(seat);
        let others = Arc::new(Quotas::default());
        assert!(take(&others, ("acme", "alice"), [NO_QUOTA; 2], now).is_ok());
        assert!(
            others
                .accounts
                .lock()
                .is_ok_and(|accounts| accounts.is_empty())
        );
    }

    #[test]
    fn what_is_kept_in_mind_is_bounded() {
        let (quotas, start) = (Arc::new(Quotas::default()), Instant::now());
        let limits = [rate(1), NO_QUOTA];
        let user = |n: usize| take(&quotas, ("acme", &n.to_string()), limits, start);
        assert!((0..KNOWN_MAX).all(|n| user(n).is_ok()));
        assert!(user(KNOWN_MAX).is_err());
        assert!(take(&quotas, ("acme", "late"), limits, start + MINUTE).is_ok());
        assert!(
            quotas
                .accounts
                .lock()
                .is_ok_and(|accounts| accounts.len() == 1)
        );
    }
}
