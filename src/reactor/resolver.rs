//! Names to addresses, for one worker: its cache, and the lane that all workers share.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::mailbox::Mailbox;
use super::message::WorkerMsg;
use super::throttle::Throttle;
use crate::base::id::ConnId;
use crate::base::reason::CloseReason;
use crate::offload::dns::{self, DnsCache, DnsError, Lookup};
use crate::offload::lane::Lane;

/// Threads that wait for the system's resolver, and names that wait for them.
const LANE_THREADS: usize = 2;
const LANE_QUEUE: usize = 1024;

/// How often a resolver in trouble is told of.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A name to be resolved for a worker.
pub struct ResolveJob {
    host: Arc<str>,
    reply_to: Mailbox<WorkerMsg>,
}

/// The lane of the workers' look-ups.
pub type ResolveLane = Lane<ResolveJob>;

/// Starts the lane.
pub fn resolve_lane() -> io::Result<ResolveLane> {
    Lane::start("dns", LANE_THREADS, LANE_QUEUE, |job: ResolveJob| {
        let result = dns::resolve(&job.host);
        let host = job.host;
        job.reply_to.post(WorkerMsg::Resolved { host, result });
    })
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
                self.submit(host, now);
                (vec![who], Some(Ok(addresses)))
            }
            Lookup::Failed(error) => (vec![who], Some(Err(told(&error)))),
            Lookup::Waiting => (Vec::new(), None),
            Lookup::Ask => match self.submit(host, now) {
                Some((waiting, answer)) => (waiting, Some(answer)),
                None => (Vec::new(), None),
            },
        }
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
        let job = ResolveJob {
            host: Arc::clone(host),
            reply_to: self.reply_to.clone(),
        };
        if self.lane.submit(job).is_ok() {
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
