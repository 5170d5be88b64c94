//! Names to addresses, for one worker: its cache, and the lane that all workers share.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::mailbox::Mailbox;
use super::message::WorkerMsg;
use super::throttle::Throttle;
use crate::base::counters::SharedCounter;
use crate::base::id::ConnId;
use crate::base::reason::CloseReason;
use crate::offload::dns::{self, DnsCache, DnsError, Lookup};
use crate::offload::lane::Lane;

/// Threads that wait for the system's resolver, and names that wait for them.
const LANE_THREADS: usize = 4;
const LANE_QUEUE: usize = 1024;

/// How often a resolver in trouble is told of.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The look-ups of all workers. A name is asked for once at a time, whoever wants it, so that one name
/// that hangs holds one thread.
pub struct ResolveLane {
    lane: Lane<Arc<str>>,
    asking: Arc<Asking>,
    lookups: Arc<Lookups>,
}

/// What is counted of look-ups.
#[derive(Debug, Default)]
pub struct Lookups {
    /// The system's resolver was asked for a name.
    pub asked: SharedCounter,
    /// It had no address for it.
    pub failed: SharedCounter,
}

/// Who waits for which name.
type Asking = Mutex<HashMap<Arc<str>, Asked>>;

/// A look-up under way.
struct Asked {
    since: Instant,
    /// Each with the instant at which it asked.
    waiting: Vec<(Instant, Mailbox<WorkerMsg>)>,
}

/// Starts the lane.
pub fn resolve_lane() -> io::Result<ResolveLane> {
    let asking = Arc::new(Asking::default());
    let answers = Arc::clone(&asking);
    let lookups = Arc::new(Lookups::default());
    let counted = Arc::clone(&lookups);
    let work = move |host: Arc<str>| {
        counted.asked.add_one();
        let result = dns::resolve(&host);
        if !result.as_ref().is_ok_and(|found| !found.is_empty()) {
            counted.failed.add_one();
        }
        for (_, reply_to) in take(&answers, &host) {
            let (host, result) = (Arc::clone(&host), result.clone());
            reply_to.post(WorkerMsg::Resolved { host, result });
        }
    };
    Ok(ResolveLane {
        lane: Lane::start("dns", LANE_THREADS, LANE_QUEUE, work)?,
        asking,
        lookups,
    })
}

fn take(asking: &Asking, host: &str) -> Vec<(Instant, Mailbox<WorkerMsg>)> {
    let mut asking = asking.lock().unwrap_or_else(PoisonError::into_inner);
    asking
        .remove(host)
        .map(|asked| asked.waiting)
        .unwrap_or_default()
}

impl ResolveLane {
    /// What is counted of it.
    pub fn lookups(&self) -> &Arc<Lookups> {
        &self.lookups
    }

    /// Asks for a name, unless that is done already and not believed lost; false if the lane is full.
    fn ask(&self, host: &Arc<str>, reply_to: &Mailbox<WorkerMsg>, now: Instant) -> bool {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let is_lost = |asked: &Asked| now >= asked.since + dns::LOST;
        if asking.get(host).is_none_or(is_lost) && self.lane.submit(Arc::clone(host)).is_err() {
            return false;
        }
        let asked = asking.entry(Arc::clone(host)).or_insert_with(|| Asked {
            since: now,
            waiting: Vec::new(),
        });
        if is_lost(asked) {
            asked.since = now;
            // Who has waited since the lost look-up asks again itself.
            asked.waiting.retain(|(since, _)| now < *since + dns::LOST);
        }
        asked.waiting.push((now, reply_to.clone()));
        true
    }
}

/// An answer for a connection: addresses, or why there are none.
pub(super) type Addresses = Result<Arc<[IpAddr]>, (CloseReason, String)>;

/// One worker's view of the names.
pub(super) struct Resolver {
    cache: DnsCache<ConnId>,
    lane: Arc<ResolveLane>,
    reply_to: Mailbox<WorkerMsg>,
    stale_log: Throttle,
}

impl Resolver {
    pub(super) fn new(lane: Arc<ResolveLane>, reply_to: Mailbox<WorkerMsg>) -> Resolver {
        Resolver {
            cache: DnsCache::default(),
            lane,
            reply_to,
            stale_log: Throttle::new(LOG_INTERVAL),
        }
    }

    /// Who can be answered at once, and with what; nobody if a job has to be waited for.
    pub(super) fn lookup(
        &mut self,
        host: &Arc<str>,
        who: ConnId,
        now: Instant,
    ) -> (Vec<ConnId>, Option<Addresses>) {
        match self.cache.lookup(host, who, now) {
            Lookup::Cached(addresses) => (vec![who], Some(Ok(addresses))),
            Lookup::Refresh(addresses) => {
                // Refused, it tells those who still wait the same last good addresses.
                let (mut answered, _) = self
                    .submit(host, now)
                    .unwrap_or((Vec::new(), Ok(addresses.clone())));
                answered.push(who);
                (answered, Some(Ok(addresses)))
            }
            Lookup::Failed(error) => (vec![who], Some(Err(told(&error)))),
            Lookup::Waiting => (Vec::new(), None),
            Lookup::Ask => match self.submit(host, now) {
                Some((waiting, answer)) => (waiting, Some(answer)),
                None => (Vec::new(), None),
            },
        }
    }

    /// The last good addresses of a name, however old.
    pub(super) fn last_good(&self, host: &str) -> Option<Arc<[IpAddr]>> {
        self.cache.last_good(host)
    }

    /// Takes the outcome of a job: whom it is for, and what to tell them.
    pub(super) fn answer(
        &mut self,
        host: &Arc<str>,
        result: Result<Vec<IpAddr>, String>,
        now: Instant,
    ) -> (Vec<ConnId>, Addresses) {
        let (waiting, answer) = self.cache.answer(host, result, now);
        (waiting, self.tell(answer, now))
    }

    /// Submits a job; if the lane is full, who waited for it and what to tell them.
    fn submit(&mut self, host: &Arc<str>, now: Instant) -> Option<(Vec<ConnId>, Addresses)> {
        if self.lane.ask(host, &self.reply_to, now) {
            return None;
        }
        let (waiting, answer) = self.cache.refused(host);
        Some((waiting, self.tell(answer, now)))
    }

    fn tell(&mut self, answer: Result<dns::Answer, DnsError>, now: Instant) -> Addresses {
        let answer = answer.map_err(|error| told(&error))?;
        if let Some(error) = &answer.stale
            && self.stale_log.allows(now)
        {
            log::warn!("{error}; the last good addresses are used");
        }
        Ok(answer.addrs)
    }
}

fn told(error: &DnsError) -> (CloseReason, String) {
    let reason = match error {
        DnsError::LaneFull { .. } => CloseReason::Overloaded,
        _ => CloseReason::DnsError,
    };
    (reason, error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use super::super::mailbox::mailbox;
    use super::*;

    /// A lane whose look-ups never come to an end, and how many were begun or wait.
    fn hanging() -> (ResolveLane, crossbeam_channel::Receiver<()>) {
        let (begin, begun) = crossbeam_channel::bounded(16);
        let work = move |_| {
            begin.send(()).unwrap();
            std::thread::park();
        };
        let lane = Lane::start("test", 4, 4, work).unwrap();
        let lane = ResolveLane {
            lane,
            asking: Arc::default(),
            lookups: Arc::default(),
        };
        (lane, begun)
    }

    #[test]
    fn a_name_is_asked_for_once_and_again_when_the_look_up_is_lost_and_nobody_is_forgotten() {
        let poll = mio::Poll::new().unwrap();
        let (worker, _receiver) = mailbox(&poll).unwrap();
        let (lane, begun) = hanging();
        let host: Arc<str> = "db.example".into();
        let start = Instant::now();
        let patience = Duration::from_secs(30);
        assert!(lane.ask(&host, &worker, start));
        begun.recv_timeout(patience).unwrap();
        let late = start + dns::LOST - Duration::from_secs(1);
        assert!(lane.ask(&host, &worker, late));
        assert!(begun.try_recv().is_err());
        assert!(lane.ask(&host, &worker, start + dns::LOST));
        begun.recv_timeout(patience).unwrap();
        // The first has given up; the late one and the one that asked again still wait.
        let waiting = take(&lane.asking, &host);
        let since: Vec<_> = waiting.iter().map(|(since, _)| *since).collect();
        assert_eq!(since, [late, start + dns::LOST]);
    }
}
