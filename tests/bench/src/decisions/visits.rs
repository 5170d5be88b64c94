//! Short connections through one subject.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::database::ROLE;
use super::metrics::Counts;
use super::{Ground, HOSTS, ISSUER};
use crate::load::{Activity, Job, Short};
use crate::measure::{RESUMED_MIN, wait_for};
use crate::peers::{Mode, Setup};
use crate::run::free_address;
use crate::scenario::CONNECTING;
use crate::stats;
use crate::subject::Subject;

/// Connections before the measurement: what is made once, such as connections to the database, is made.
const BEFORE: u64 = 500;

/// Hosts whose grants are all known after the first of those.
const KNOWN_HOSTS: u64 = 100;

/// Of known grants, at most one in so many is asked for: each is again when its lifetime is over.
const KNOWN_MIN: u64 = 10;

/// What the subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Case {
    /// A pair that decides nothing.
    Server,
    /// A connector that believes no grant.
    Asking,
    /// A connector that has all grants at hand.
    Knowing,
}

impl Case {
    /// All of them.
    pub(super) const ALL: [Case; 3] = [Case::Server, Case::Asking, Case::Knowing];

    fn hosts(self) -> Option<u64> {
        match self {
            Case::Server => None,
            Case::Asking => Some(HOSTS),
            Case::Knowing => Some(KNOWN_HOSTS),
        }
    }

    fn directory(self, database: SocketAddr) -> Option<Value> {
        let mut directory = json!({
            "issuer": ISSUER,
            "database": {
                "host": database.ip().to_string(), "port": database.port(),
                "user": ROLE, "name": ROLE,
            },
        });
        match self {
            Case::Server => return None,
            Case::Asking => directory["cache"] = json!({ "lifetime": 0 }),
            Case::Knowing => {}
        }
        Some(directory)
    }

    /// Whether so many look-ups go with so many grants.
    fn fits(self, counts: Counts, grants: u64) -> bool {
        let lookups = counts.lookups;
        let is_as_meant = match self {
            Case::Server => lookups == 0,
            Case::Asking => lookups == grants,
            Case::Knowing => lookups * KNOWN_MIN <= grants,
        };
        is_as_meant && counts.granted == grants && counts.others == 0
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Case::Server => f.write_str("server, which decides nothing"),
            Case::Asking => f.write_str("connector, each asked for"),
            Case::Knowing => write!(f, "connector, {KNOWN_HOSTS} hosts, known"),
        }
    }
}

/// What one measurement found. Times are in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visits {
    /// Connections a second.
    pub(super) rate: f64,
    /// CPU time of the subject for each.
    pub(super) cpu: f64,
    /// CPU time of the database for each.
    pub(super) database: f64,
    /// From the connect until the message is back: half, 99 of 100 and 999 of 1000 are below.
    pub(super) percentiles: [f64; 3],
    /// Questions for each, and how long one took on the average; NaN of none.
    pub(super) lookups: f64,
    pub(super) lookup: f64,
}

/// Starts such a subject and makes the run's number of connections through it.
///
/// # Errors
/// A connection failed, or was not decided in the way that is to be measured.
pub(super) fn measure(ground: &Ground, case: Case, resumes: bool) -> io::Result<Visits> {
    let folder = tempfile::Builder::new().tempdir_in(ground.folder.path())?;
    let (inbound, admin) = (free_address()?, free_address()?);
    let setup = Setup {
        mode: Mode::Server,
        folder: folder.path(),
        inbound,
        outbound: ground.service.address,
        pki: &ground.pki,
    };
    let directory = case.directory(ground.database.address());
    let command = ground.ours.command_with_metrics(&setup, admin, directory)?;
    let subject = Subject::start(command, folder.path(), inbound)?;
    ground.client.forget();
    let mut short = Short {
        resumes,
        count: Some(BEFORE),
        hosts: case.hosts(),
        ..Short::default()
    };
    visit(ground, &subject, short)?;
    short.count = Some(ground.count);
    let (cpu, database, counts) = look(ground, &subject, admin)?;
    let crowd = visit(ground, &subject, short)?;
    let after = look(ground, &subject, admin)?;
    let counts = after.2.since(counts);
    let grants = if case == Case::Server {
        0
    } else {
        ground.count
    };
    if !case.fits(counts, grants) {
        return Err(io::Error::other(format!("it counts {counts:?}")));
    }
    let each = |spent: Duration| spent.as_secs_f64() / ground.count as f64;
    Ok(Visits {
        rate: ground.count as f64 / crowd.took.as_secs_f64(),
        cpu: each(after.0 - cpu),
        database: each(after.1 - database),
        percentiles: crowd.percentiles,
        lookups: counts.lookups as f64 / ground.count as f64,
        lookup: counts.seconds / counts.lookups as f64,
    })
}

/// CPU time of subject and database so far, and the subject's counts.
fn look(
    ground: &Ground,
    subject: &Subject,
    admin: SocketAddr,
) -> io::Result<(Duration, Duration, Counts)> {
    let counts = Counts::fetch(admin)?;
    Ok((subject.cpu()?, ground.database.cpu()?, counts))
}

struct Crowd {
    took: Duration,
    percentiles: [f64; 3],
}

/// Makes the connections and waits until all have ended in order.
fn visit(ground: &Ground, subject: &Subject, short: Short) -> io::Result<Crowd> {
    let count = short.count.unwrap_or_default();
    let asked = ground.service.asked();
    let begun = Instant::now();
    let tls = Some(Arc::clone(&ground.client));
    let activity = Activity::start(subject.inbound, tls, Job::Connect(short), CONNECTING)?;
    activity.record(true);
    let mut served = 0;
    while served < count && activity.totals().failed == 0 {
        served = wait_for("more connections", || {
            let totals = activity.totals();
            (totals.served > served || totals.failed > 0).then_some(totals.served)
        })?;
    }
    let took = begun.elapsed();
    let totals = activity.totals();
    let (latencies, failure) = activity.finish()?;
    if let Some(failure) = failure {
        let words = subject.last_words();
        return Err(io::Error::other(format!("{failure}; it said: {words}")));
    }
    wait_for("the connections to end", || {
        (ground.service.open() == 0).then_some(())
    })?;
    let resumed = totals.resumed as f64 / (totals.resumed + totals.full) as f64;
    let is_as_meant = match short.resumes {
        true => resumed >= RESUMED_MIN,
        false => totals.resumed == 0,
    };
    if !is_as_meant || ground.service.asked() - asked != count {
        let what = format!("{served} came through, {:.0} % resumed", resumed * 100.0);
        return Err(io::Error::other(what));
    }
    let percentiles = stats::percentiles(latencies);
    Ok(Crowd {
        took,
        percentiles: percentiles.unwrap_or([f64::NAN; 3]),
    })
}
