//! One scenario on one subject.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::load::{
    Activity, ClientTls, Identity, Job, Latencies, ServerTls, Service, Short, Totals,
};
use crate::peers::Pki;
use crate::scenario::{Direction, Scenario, TAIL_BYTES, TAIL_CONNECTIONS, TAIL_RATE};
use crate::subject::Subject;
use crate::{processors, stats};

/// How long the load may take to get going, and to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(5);

/// Resumed handshakes below this share are no measurement of resumption.
pub(crate) const RESUMED_MIN: f64 = 0.8;

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Which of a subject's legs are TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Legs {
    /// Towards the activity.
    pub(crate) inbound_tls: bool,
    /// Towards the service.
    pub(crate) outbound_tls: bool,
}

/// What one measurement found. Times are in seconds, memory is in KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// CPU time for one GiB, connection or message; memory of one connection; the tail's p99.
    pub(crate) cost: f64,
    /// GiB, connections or messages a second.
    pub(crate) rate: f64,
    /// Latencies: half, 99 of 100 and 999 of 1000 are below.
    pub(crate) percentiles: Option<[f64; 3]>,
    /// Share of the handshakes that were resumed.
    pub(crate) resumed: f64,
    /// Of the tail: the latencies without the load.
    pub(crate) alone: Option<[f64; 3]>,
    /// Of idle connections: memory before, with each number of them, and behind.
    pub(crate) memory: Option<Memory>,
}

/// Memory of a process, in KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Before the first connection of the crowd.
    pub(crate) empty: u64,
    /// With that many held.
    pub(crate) held: Vec<(usize, u64)>,
    /// When all have ended.
    pub(crate) after: u64,
}

/// The load's side of every measurement.
pub(crate) struct Bench {
    plain: Service,
    tls: Service,
    known: Arc<ClientTls>,
    strangers: Vec<(&'static str, Arc<ClientTls>)>,
}

impl Bench {
    /// Starts the services. `stranger` is an authority that no subject knows, `group` that of every
    /// key exchange.
    pub(crate) fn new(pki: &Pki, stranger: &Pki, group: &str) -> io::Result<Bench> {
        let client = |identity| {
            let tls = ClientTls::new(pki, stranger, identity, group).map_err(io::Error::other);
            tls.map(Arc::new)
        };
        let server = ServerTls::new(pki, stranger, group).map_err(io::Error::other)?;
        Ok(Bench {
            plain: Service::start(None)?,
            tls: Service::start(Some(server))?,
            known: client(Identity::Known)?,
            strangers: vec![
                ("a client without a certificate", client(Identity::Nobody)?),
                ("a client of another authority", client(Identity::Stranger)?),
            ],
        })
    }

    /// The service for a subject with such legs.
    pub(crate) fn service(&self, legs: Legs) -> &Service {
        match legs.outbound_tls {
            true => &self.tls,
            false => &self.plain,
        }
    }

    fn client(&self, legs: Legs) -> Option<Arc<ClientTls>> {
        legs.inbound_tls.then(|| Arc::clone(&self.known))
    }

    fn start(
        &self,
        subject: &Subject,
        legs: Legs,
        job: Job,
        connections: usize,
    ) -> io::Result<Activity> {
        let service = self.service(legs);
        let base = service.asked();
        let activity = Activity::start(subject.inbound, self.client(legs), job, connections)?;
        let needed = match job {
            Job::Connect(_) => 2 * connections as u64,
            _ => connections as u64,
        };
        // By the thousand they would not get through beside those that are in full swing.
        wait_for("the connections to arrive", || {
            let arrived = service.asked() - base;
            (arrived >= needed || activity.totals().failed > 0).then_some(())
        })?;
        activity.go();
        service.be_silent(false);
        wait_for("the load to get going", || {
            let totals = activity.totals();
            (totals.served >= needed || totals.failed > 0).then_some(())
        })?;
        Ok(activity)
    }

    /// Whoever must not be served is not.
    pub(crate) fn check_refusals(&self, subject: &Subject, legs: Legs) -> io::Result<()> {
        if legs.inbound_tls {
            for (who, tls) in &self.strangers {
                let tls = Some(Arc::clone(tls));
                self.is_refused(subject, tls, who)?;
            }
        }
        if legs.outbound_tls {
            self.tls.show(Identity::Stranger, false);
            let outcome = self.is_refused(subject, None, "a server of another authority");
            self.tls.show(Identity::Known, false);
            outcome?;
        }
        Ok(())
    }

    fn is_refused(
        &self,
        subject: &Subject,
        tls: Option<Arc<ClientTls>>,
        who: &str,
    ) -> io::Result<()> {
        let activity = Activity::start(subject.inbound, tls, Job::Hold, 1)?;
        let totals = wait_for("a refusal", || {
            let totals = activity.totals();
            (totals.served + totals.failed > 0).then_some(totals)
        })?;
        activity.finish()?;
        match totals.served {
            0 => Ok(()),
            _ => Err(io::Error::other(format!("{who} was served"))),
        }
    }

    /// Measures a scenario other than [`Scenario::Idle`] for that many seconds.
    pub(crate) fn measure(
        &self,
        subject: &Subject,
        legs: Legs,
        scenario: Scenario,
        seconds: f64,
    ) -> io::Result<Sample> {
        let span = Duration::from_secs_f64(seconds);
        match scenario.job() {
            Some((job @ Job::Messages(_), 1)) => {
                keep_apart(subject, true)?;
                let sample = self.steady(subject, legs, job, 1, span);
                keep_apart(subject, false)?;
                sample
            }
            Some((job, connections)) => self.steady(subject, legs, job, connections, span),
            None => self.tail(subject, legs, span),
        }
    }

    fn steady(
        &self,
        subject: &Subject,
        legs: Legs,
        job: Job,
        connections: usize,
        span: Duration,
    ) -> io::Result<Sample> {
        let service = self.service(legs);
        let resumes = matches!(job, Job::Connect(short) if short.resumes);
        service.show(Identity::Known, resumes);
        service.be_silent(true);
        self.known.forget();
        let base = (service.received(), service.sent());
        let activity = self.start(subject, legs, job, connections)?;
        std::thread::sleep(span / 5);
        let before = self.look(subject, service, &activity)?;
        activity.record(true);
        std::thread::sleep(span);
        let after = self.look(subject, service, &activity)?;
        activity.record(false);
        activity.stop();
        service.be_silent(true);
        let whole = wait_for("every byte to arrive", || {
            let totals = activity.totals();
            let is_whole = totals.sent == service.received() - base.0
                && totals.received == service.sent() - base.1;
            (is_whole || totals.failed > 0).then_some(())
        });
        let failed = activity.totals().failed;
        let (latencies, failure) = activity.finish()?;
        self.settle(service)?;
        if let Some(failure) = failure {
            return Err(io::Error::other(format!("{failed} failed: {failure}")));
        }
        whole?;
        let sample = sample(job, &before, &after, latencies);
        if resumes && (legs.inbound_tls || legs.outbound_tls) && sample.resumed < RESUMED_MIN {
            let percent = sample.resumed * 100.0;
            let what = format!("only {percent:.0} % of its connections were resumed");
            return Err(io::Error::other(what));
        }
        Ok(sample)
    }

    fn look(&self, subject: &Subject, service: &Service, activity: &Activity) -> io::Result<Look> {
        let totals = activity.totals();
        let (full, resumed) = service.handshakes();
        Ok(Look {
            at: Instant::now(),
            cpu: subject.cpu()?,
            totals,
            arrived: service.received(),
            full: full + totals.full,
            resumed: resumed + totals.resumed,
        })
    }

    fn settle(&self, service: &Service) -> io::Result<()> {
        wait_for("the connections to end", || {
            (service.open() == 0).then_some(())
        })
    }

    fn tail(&self, subject: &Subject, legs: Legs, span: Duration) -> io::Result<Sample> {
        let service = self.service(legs);
        service.show(Identity::Known, false);
        self.known.forget();
        let alone = self.messages(subject, legs, span)?;
        let churn = Job::Connect(Short {
            rate: Some(TAIL_RATE),
            ..Short::default()
        });
        let churn = self.start(subject, legs, churn, 64)?;
        let transfer = self.start(subject, legs, Job::Trickle(TAIL_BYTES), 1)?;
        let (before, begun) = (churn.totals().served, Instant::now());
        let loaded = self.messages(subject, legs, span)?;
        let rate = (churn.totals().served - before) as f64 / begun.elapsed().as_secs_f64();
        let mut failures = Vec::new();
        for activity in [churn, transfer] {
            failures.extend(activity.finish()?.1);
        }
        self.settle(service)?;
        if let Some(failure) = failures.first() {
            return Err(io::Error::other(failure.clone()));
        }
        let percentiles = stats::percentiles(loaded);
        Ok(Sample {
            cost: percentiles.map_or(f64::NAN, |p| p[1]),
            rate,
            percentiles,
            alone: stats::percentiles(alone),
            ..Sample::default()
        })
    }

    fn messages(&self, subject: &Subject, legs: Legs, span: Duration) -> io::Result<Latencies> {
        let activity = self.start(subject, legs, Job::Messages(64), TAIL_CONNECTIONS)?;
        std::thread::sleep(span / 5);
        activity.record(true);
        std::thread::sleep(span);
        activity.record(false);
        let (latencies, failure) = activity.finish()?;
        match failure {
            None => Ok(latencies),
            Some(failure) => Err(io::Error::other(failure)),
        }
    }

    /// Holds crowds of growing size; `subject` was just started.
    pub(crate) fn idle(
        &self,
        subject: &Subject,
        legs: Legs,
        steps: &[usize],
    ) -> io::Result<Sample> {
        let service = self.service(legs);
        service.show(Identity::Known, true);
        self.known.forget();
        // What is allocated once is allocated behind this.
        self.start(subject, legs, Job::Hold, 64)?.finish()?;
        self.settle(service)?;
        let mut memory = Memory {
            empty: rest(subject)?,
            ..Memory::default()
        };
        let mut crowds = Vec::new();
        let mut held = 0;
        for step in steps {
            crowds.push(self.start(subject, legs, Job::Hold, step - held)?);
            held = *step;
            memory.held.push((held, rest(subject)?));
            if crowds.iter().any(|crowd| crowd.totals().failed > 0) {
                break;
            }
        }
        let mut failure = None;
        for crowd in crowds {
            failure = failure.or(crowd.finish()?.1);
        }
        self.settle(service)?;
        memory.after = rest(subject)?;
        if let Some(failure) = failure {
            return Err(io::Error::other(failure));
        }
        let last = memory.held.last();
        let cost = last.map_or(f64::NAN, |(count, kib)| {
            kib.saturating_sub(memory.empty) as f64 / *count as f64
        });
        Ok(Sample {
            cost,
            memory: Some(memory),
            ..Sample::default()
        })
    }
}

/// Gives load and subject a processor each, or lets both run on all.
fn keep_apart(subject: &Subject, apart: bool) -> io::Result<()> {
    processors::keep_apart(std::process::id() as i32, subject.pids(), apart)
}

/// What a moment looks like.
struct Look {
    at: Instant,
    cpu: Duration,
    totals: Totals,
    arrived: u64,
    full: u64,
    resumed: u64,
}

fn sample(job: Job, before: &Look, after: &Look, latencies: Latencies) -> Sample {
    let wall = after.at.duration_since(before.at).as_secs_f64();
    let resumed = (after.resumed - before.resumed) as f64;
    let handshakes = resumed + (after.full - before.full) as f64;
    let sunk = (after.arrived - before.arrived) as f64;
    let given = (after.totals.received - before.totals.received) as f64;
    let units = match job {
        Job::Push => sunk / GIB,
        Job::Pull => given / GIB,
        Job::Both => (sunk + given) / GIB,
        _ => (after.totals.messages - before.totals.messages) as f64,
    };
    Sample {
        cost: (after.cpu - before.cpu).as_secs_f64() / units,
        rate: units / wall,
        percentiles: stats::percentiles(latencies),
        resumed: resumed / handshakes.max(1.0),
        ..Sample::default()
    }
}

/// Memory once it has stopped to change.
fn rest(subject: &Subject) -> io::Result<u64> {
    const SAME: u32 = 10;
    let mut last = subject.memory_kib()?;
    let mut same = 0;
    let begun = Instant::now();
    while same < SAME && begun.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(30));
        let now = subject.memory_kib()?;
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    Ok(last)
}

/// Looks until it is found, though not for ever.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> io::Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            return Err(io::Error::other(format!("waited in vain for {what}")));
        }
        std::thread::sleep(TICK);
    }
}

/// The floor's cost of a scenario: the plain relay's, and the TLS library's own work for it.
pub(crate) fn floor(
    scenario: Scenario,
    legs: Legs,
    relay: f64,
    crypto: &crate::floor::Crypto,
) -> Option<f64> {
    const RECORDS: f64 = 65_536.0;
    let is_client = legs.outbound_tls;
    let work = match scenario {
        Scenario::Bulk(direction, _) => {
            let sealed = RECORDS * crypto.seal_large;
            let opened = RECORDS * crypto.open_large;
            match (direction, is_client) {
                (Direction::Up, true) | (Direction::Down, false) => sealed,
                (Direction::Up, false) | (Direction::Down, true) => opened,
                (Direction::Both, _) => f64::midpoint(sealed, opened),
            }
        }
        Scenario::Connect { resumes } => match (is_client, resumes) {
            (true, false) => crypto.client_full,
            (true, true) => crypto.client_resumed,
            (false, false) => crypto.server_full,
            (false, true) => crypto.server_resumed,
        },
        Scenario::Messages(bytes, _) if bytes <= 1024 => crypto.seal_small + crypto.open_small,
        Scenario::Messages(..) => crypto.seal_large + crypto.open_large,
        Scenario::Idle | Scenario::Tail => return None,
    };
    Some(relay + work)
}
