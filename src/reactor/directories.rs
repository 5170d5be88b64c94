//! The directories of connectors: each has a database that all workers ask.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::figures::Figures;
use super::generation::Generation;
#[cfg(feature = "postgres")]
use super::inquiries::Inquiries;
use super::mailbox::Mailbox;
use super::message::WorkerMsg;
use crate::base::id::ConnId;
use crate::config::Directory;
use crate::conn::{Decision, Denial};
use crate::route::{Member, Places, Question, Quota, Quotas, Row, Seat};
use crate::tls::Profile;

/// Why a directory cannot be served.
pub type Unserved = String;

/// Stands for what a build without PostgreSQL does not have.
#[cfg(not(feature = "postgres"))]
struct Inquiries;

/// A connection that asks.
#[cfg_attr(not(feature = "postgres"), allow(dead_code))]
pub(super) struct Asking<'a> {
    pub(super) id: ConnId,
    /// Where its answer goes.
    pub(super) mailbox: &'a Mailbox<WorkerMsg>,
    /// It has no host yet; others have to wait for those.
    pub(super) is_new: bool,
}

/// All directories that are served. Equal ones share a database, its connections and what is known of it.
pub struct Directories {
    served: Mutex<Vec<Arc<Inquiries>>>,
    workers: OnceLock<Vec<Mailbox<WorkerMsg>>>,
    places: Arc<Places>,
    figures: Arc<Figures>,
    /// Of all directories: a user is the same at each.
    quotas: Arc<Quotas>,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    profile: Profile,
}

impl Directories {
    /// None yet. `profile` is what TLS to databases may negotiate.
    pub fn new(profile: Profile) -> Directories {
        Directories {
            served: Mutex::default(),
            workers: OnceLock::new(),
            places: Arc::default(),
            figures: Arc::default(),
            quotas: Arc::default(),
            profile,
        }
    }

    /// Whom to tell of changes; said once, before anything is served.
    pub fn tell(&self, workers: Vec<Mailbox<WorkerMsg>>) {
        let _ = self.workers.set(workers);
    }

    /// Serves the directories of a generation: new ones begin, and those that it does not have end.
    ///
    /// # Errors
    /// The system refuses a thread; what could be started serves.
    pub fn serve(&self, generation: &Generation) -> Result<(), Unserved> {
        let directories = generation.posts().iter();
        let directories = directories.filter_map(|post| post.served.pair.directory.as_ref());
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next: Vec<Arc<Inquiries>> = Vec::new();
        let mut problem = Ok(());
        for directory in directories {
            if find(&next, directory).is_some() {
                continue;
            }
            match find(&served, directory) {
                Some(inquiries) => next.push(inquiries),
                None => match self.start(directory) {
                    Ok(inquiries) => next.push(inquiries),
                    Err(what) => problem = Err(what),
                },
            }
        }
        *served = next;
        problem
    }

    /// What is counted.
    pub fn figures(&self) -> &Arc<Figures> {
        &self.figures
    }

    /// How many connections each address has.
    pub(super) fn places(&self) -> &Arc<Places> {
        &self.places
    }

    /// A seat for a connection that wants to ask, within the quotas of its user; none where there are none.
    pub(super) fn admit(
        &self,
        directory: &Directory,
        question: &Question,
        now: Instant,
    ) -> Result<Option<Seat>, Denial> {
        if directory.quotas == <[Quota; 2]>::default() {
            return Ok(None);
        }
        let who = Member {
            issuer: directory.issuer.as_str(),
            org: &question.org,
            user: &question.user,
        };
        let seat = self.quotas.take(who, directory.quotas, now);
        seat.map(Some).map_err(Denial::Limited)
    }

    /// Keeps a record of a connection that has ended.
    pub(super) fn keep(&self, directory: &Directory, record: Row) {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        match find_latest(&served, directory) {
            Some(inquiries) => keep(&inquiries, record),
            None => self.figures.rows_lost.add_one(),
        }
    }

    /// Nothing is asked any more: waits for what is still to be written, but no longer than that.
    pub fn finish(&self, patience: Duration) {
        let served =
            std::mem::take(&mut *self.served.lock().unwrap_or_else(PoisonError::into_inner));
        for inquiries in served {
            finish(inquiries, patience);
        }
    }

    /// Asks for a connection; none if the answer comes later, as a message.
    pub(super) fn ask(
        &self,
        directory: &Directory,
        question: &Question,
        who: Asking<'_>,
        now: Instant,
    ) -> Option<Decision> {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let inquiries = find_latest(&served, directory);
        drop(served);
        match inquiries {
            Some(inquiries) => put(&inquiries, question, who, now),
            None => {
                let what = "its database is no longer configured";
                Some(Err(Denial::Unavailable(what.into())))
            }
        }
    }

    #[cfg(feature = "postgres")]
    fn start(&self, directory: &Arc<Directory>) -> Result<Arc<Inquiries>, Unserved> {
        let workers = self.workers.get().cloned().unwrap_or_default();
        let started = Inquiries::start(
            directory,
            self.profile,
            (workers, Arc::clone(&self.figures)),
        );
        started.map_err(|error| format!("the database cannot be asked: {error}"))
    }

    #[cfg(not(feature = "postgres"))]
    fn start(&self, _: &Arc<Directory>) -> Result<Arc<Inquiries>, Unserved> {
        Err("this program was built without PostgreSQL and serves no connectors".to_owned())
    }
}

#[cfg(feature = "postgres")]
fn find(served: &[Arc<Inquiries>], directory: &Directory) -> Option<Arc<Inquiries>> {
    let mut served = served.iter();
    served
        .find(|inquiries| inquiries.are_of(directory))
        .cloned()
}

/// As [`find`]; for a directory that a reload has changed, what its database is asked by now: the connections
/// that it has let in are still to hear of what they may.
#[cfg(feature = "postgres")]
fn find_latest(served: &[Arc<Inquiries>], directory: &Directory) -> Option<Arc<Inquiries>> {
    let of_database = |inquiries: &&Arc<Inquiries>| inquiries.ask_database_of(directory);
    find(served, directory).or_else(|| served.iter().find(of_database).cloned())
}

#[cfg(feature = "postgres")]
fn put(
    inquiries: &Inquiries,
    question: &Question,
    who: Asking<'_>,
    now: Instant,
) -> Option<Decision> {
    inquiries.ask(question, who, now)
}

#[cfg(not(feature = "postgres"))]
fn find(_: &[Arc<Inquiries>], _: &Directory) -> Option<Arc<Inquiries>> {
    None
}

#[cfg(not(feature = "postgres"))]
fn find_latest(_: &[Arc<Inquiries>], _: &Directory) -> Option<Arc<Inquiries>> {
    None
}

#[cfg(not(feature = "postgres"))]
fn put(_: &Inquiries, _: &Question, _: Asking<'_>, _: Instant) -> Option<Decision> {
    None
}

#[cfg(feature = "postgres")]
fn keep(inquiries: &Inquiries, record: Row) {
    inquiries.keep(record);
}

#[cfg(not(feature = "postgres"))]
fn keep(_: &Inquiries, _: Row) {}

#[cfg(feature = "postgres")]
fn finish(inquiries: Arc<Inquiries>, patience: Duration) {
    if let Some(inquiries) = Arc::into_inner(inquiries) {
        inquiries.finish(patience);
    }
}

#[cfg(not(feature = "postgres"))]
fn finish(_: Arc<Inquiries>, _: Duration) {}
