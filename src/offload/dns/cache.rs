//! What a worker remembers of the names that it dials.
//!
//! What it promises: a name is asked for once, however many connections want it; an answer is used
//! for [`FRESH`]; a name that once resolved goes on working while the resolver does not; and a name
//! that fails is asked for again by the next connection, but not more than once in [`FAILED`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::DnsError;

#[cfg(test)]
mod tests;

/// How long an answer is used without asking again. The records' own TTL cannot be honoured,
/// because `getaddrinfo` does not tell it; this is short enough to follow a failover.
pub const FRESH: Duration = Duration::from_secs(5);

/// How long a failed name is not asked again.
pub const FAILED: Duration = Duration::from_secs(1);

/// How long connections wait for a name that has an older answer before they use that (RFC 8767
/// section 5 recommends this figure to resolvers).
pub const PATIENCE: Duration = Duration::from_millis(1800);

/// How long a failure makes the older answer good enough at once. Later the resolver may well be in
/// order again, and the older answer is older still: then it is asked first.
const TROUBLED: Duration = Duration::from_secs(60);

/// A job without an answer for so long is believed lost and the name is asked again. The system's
/// resolver gives up within half a minute unless it is told otherwise.
pub const LOST: Duration = Duration::from_secs(60);

/// Who has waited for so long has gone away: a job that never answers must not gather waiters for
/// ever.
const WAITED: Duration = Duration::from_secs(600);

/// A name that nobody asked for in so long may be forgotten, and its last good answer with it.
const UNUSED: Duration = Duration::from_secs(3600);

/// How often forgotten names are looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// What [`DnsCache::lookup`] knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Use these.
    Cached(Arc<[IpAddr]>),
    /// Use these, which may be out of date, and submit a job, for which nobody waits: the
    /// resolver is in trouble.
    Refresh(Arc<[IpAddr]>),
    /// Submit a job and wait: `who` is noted and will be among those that its answer is for.
    Ask,
    /// A job is under way; `who` is noted for its answer.
    Waiting,
    /// The name failed just now and has never been known: do not ask again yet.
    Failed(DnsError),
}

/// Addresses for those that waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// At least one address, in the resolver's order.
    pub addrs: Arc<[IpAddr]>,
    /// Set if these are the last good addresses, used because asking failed for this reason: worth
    /// a warning.
    pub stale: Option<DnsError>,
}

/// What a worker knows of the names that it dials. `W` says who waits for a name; one that has gone
/// away meanwhile is still named in the answer, and the worker passes over it.
#[derive(Debug)]
pub struct DnsCache<W> {
    names: HashMap<Arc<str>, Name<W>>,
    /// When forgotten names were last looked for.
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Name<W> {
    /// The last good answer and when it came.
    good: Option<(Arc<[IpAddr]>, Instant)>,
    /// The last failure and when it came; `None` once there is a good answer again.
    failed: Option<(DnsError, Instant)>,
    /// When the job under way was submitted.
    asked: Option<Instant>,
    /// Whom its answer is for, and since when each waits.
    waiting: Vec<(W, Instant)>,
    /// When somebody last wanted it.
    used: Instant,
}

impl<W> Default for DnsCache<W> {
    fn default() -> Self {
        DnsCache {
            names: HashMap::new(),
            swept: None,
        }
    }
}

impl<W: Copy> DnsCache<W> {
    /// The addresses of `host` for `who`, or what to do to get them. After [`Lookup::Ask`] and
    /// [`Lookup::Refresh`] the worker submits one job, and calls [`DnsCache::answer`] with what
    /// comes of it, or [`DnsCache::refused`] if there was no room for it.
    pub fn lookup(&mut self, host: &Arc<str>, who: W, now: Instant) -> Lookup {
        let name = self
            .names
            .entry(Arc::clone(host))
            .or_insert_with(|| Name::new(now));
        name.used = now;
        let lookup = name.lookup(who, now);
        self.sweep(now);
        lookup
    }

    /// Takes the outcome of a job and gives those it is for, and what to tell them: the addresses,
    /// or the last good ones if this failed, or the failure if there never were any. An answer
    /// without an address is a failure. A name that was forgotten meanwhile has nobody waiting.
    pub fn answer(
        &mut self,
        host: &str,
        result: Result<Vec<IpAddr>, String>,
        now: Instant,
    ) -> (Vec<W>, Result<Answer, DnsError>) {
        let host_shared = self.shared(host);
        let result = match result {
            Ok(addrs) if addrs.is_empty() => Err(DnsError::NoAddress { host: host_shared }),
            Ok(addrs) => Ok(Arc::from(addrs)),
            Err(detail) => Err(DnsError::Failed {
                host: host_shared,
                detail: detail.into(),
            }),
        };
        let Some(name) = self.names.get_mut(host) else {
            return (
                Vec::new(),
                result.map(|addrs| Answer { addrs, stale: None }),
            );
        };
        match result {
            Ok(addrs) => {
                name.good = Some((Arc::clone(&addrs), now));
                name.failed = None;
                (name.take_waiting(), Ok(Answer { addrs, stale: None }))
            }
            Err(error) => {
                name.failed = Some((error.clone(), now));
                (name.take_waiting(), name.or_last_good(error))
            }
        }
    }

    /// The job for `host` was not taken, because the lane was full: gives those who hoped for it,
    /// and what to tell them, as [`DnsCache::answer`] does. The next lookup asks again.
    pub fn refused(&mut self, host: &str) -> (Vec<W>, Result<Answer, DnsError>) {
        let error = DnsError::LaneFull {
            host: self.shared(host),
        };
        match self.names.get_mut(host) {
            Some(name) => (name.take_waiting(), name.or_last_good(error)),
            None => (Vec::new(), Err(error)),
        }
    }

    /// The last good addresses of `host`, however old: better than an error for a connection that
    /// has waited for as long as it may.
    pub fn last_good(&self, host: &str) -> Option<Arc<[IpAddr]>> {
        self.names.get(host)?.last_good()
    }

    /// Forgets, once in a while, the names that nobody uses any more.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|at| now < at + SWEEP) {
            return;
        }
        self.swept = Some(now);
        self.names.retain(|_, name| now < name.used + UNUSED);
    }

    /// The name as an error keeps it; shared with the table's own where it can be.
    fn shared(&self, host: &str) -> Arc<str> {
        self.names
            .get_key_value(host)
            .map_or_else(|| Arc::from(host), |(known, _)| Arc::clone(known))
    }
}

impl<W: Copy> Name<W> {
    fn new(now: Instant) -> Self {
        Name {
            good: None,
            failed: None,
            asked: None,
            waiting: Vec::new(),
            used: now,
        }
    }

    fn lookup(&mut self, who: W, now: Instant) -> Lookup {
        if let Some((addrs, at)) = &self.good
            && now < *at + FRESH
        {
            return Lookup::Cached(Arc::clone(addrs));
        }
        // While the resolver fails or is slow, nobody waits for it who can do without.
        let fallback = if self.in_trouble(now) {
            self.last_good()
        } else {
            None
        };
        if self.asked.is_some_and(|at| now < at + LOST) {
            return fallback.map_or_else(|| self.wait(who, now, Lookup::Waiting), Lookup::Cached);
        }
        if let Some((error, at)) = &self.failed
            && now < *at + FAILED
        {
            return fallback.map_or_else(|| Lookup::Failed(error.clone()), Lookup::Cached);
        }
        self.asked = Some(now);
        self.waiting.retain(|(_, since)| now < *since + WAITED);
        fallback.map_or_else(|| self.wait(who, now, Lookup::Ask), Lookup::Refresh)
    }

    /// The last job failed a short while ago, or the one under way takes its time.
    fn in_trouble(&self, now: Instant) -> bool {
        let failed = self.failed.as_ref();
        failed.is_some_and(|(_, at)| now < *at + TROUBLED)
            || self.asked.is_some_and(|at| now >= at + PATIENCE)
    }

    fn wait(&mut self, who: W, now: Instant, lookup: Lookup) -> Lookup {
        self.waiting.push((who, now));
        lookup
    }

    fn last_good(&self) -> Option<Arc<[IpAddr]>> {
        self.good.as_ref().map(|(addrs, _)| Arc::clone(addrs))
    }

    fn or_last_good(&self, error: DnsError) -> Result<Answer, DnsError> {
        match self.last_good() {
            Some(addrs) => Ok(Answer {
                addrs,
                stale: Some(error),
            }),
            None => Err(error),
        }
    }

    /// The job under way is over: those who waited for it.
    fn take_waiting(&mut self) -> Vec<W> {
        self.asked = None;
        std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(who, _)| who)
            .collect()
    }
}
