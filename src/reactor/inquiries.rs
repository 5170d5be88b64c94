//! One directory's database: the lane that asks it, what is known of it, and who hears of its changes.

use std::cell::{Cell, RefCell};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::directories::Asking;
use super::figures::{Figures, Held};
use super::journal::Journal;
use super::mailbox::Mailbox;
use super::message::WorkerMsg;
use crate::base::id::ConnId;
use crate::config::Directory;
use crate::conn::{Decision, Denial};
use crate::offload::database::{Found, News, Settings, Store, listen};
use crate::offload::lane::Lane;
use crate::route::{Asked, Changes, Decisions, Question, Row, Settled, Terms};
use crate::tls::Profile;

/// How long grants of live connections are believed where no change is heard of and none is kept.
const UNHEARD_LIFETIME: Duration = Duration::from_secs(30);

/// Questions that may wait for a connection to the database.
const LANE_QUEUE: usize = 1024;

type Asker = (ConnId, Mailbox<WorkerMsg>);
type Known = Mutex<Decisions<Arc<str>, Asker>>;

/// A question for the lane.
struct Job {
    question: Question,
    asked: Instant,
    _waiting: Held,
}

/// What a directory's database is asked by.
pub(super) struct Inquiries {
    directory: Arc<Directory>,
    lane: Lane<Job>,
    known: Arc<Known>,
    /// Where connections that have ended go, if they are wanted.
    journal: Option<Journal>,
    figures: Arc<Figures>,
    is_over: Arc<AtomicBool>,
}

impl Drop for Inquiries {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl Inquiries {
    /// Starts the threads; the database is connected to when it is first asked, and heard at once.
    pub(super) fn start(
        directory: &Arc<Directory>,
        profile: Profile,
        (workers, figures): (Vec<Mailbox<WorkerMsg>>, Arc<Figures>),
    ) -> io::Result<Arc<Inquiries>> {
        let known = Arc::new(Known::new(Decisions::new(Terms {
            lifetime: directory.cache_lifetime,
            entries: directory.cache_entries,
        })));
        let settings = Settings {
            database: directory.database.clone(),
            profile,
            clock: unix_now,
        };
        let desk = Desk {
            store: Mutex::default(),
            directory: Arc::clone(directory),
            settings: settings.clone(),
            known: Arc::clone(&known),
            figures: Arc::clone(&figures),
        };
        let threads = directory.database.connections;
        let lane = Lane::start("db", threads, LANE_QUEUE, move |job| desk.work(job))?;
        let journal = match directory.logs_connections {
            true => Some(Journal::start(settings.clone(), Arc::clone(&figures))?),
            false => None,
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let inquiries = Inquiries {
            directory: Arc::clone(directory),
            lane,
            known: Arc::clone(&known),
            journal,
            figures: Arc::clone(&figures),
            is_over: Arc::clone(&is_over),
        };
        let listener = Listener {
            directory: Arc::clone(directory),
            known,
            workers,
            deaf: RefCell::new(Some(Held::deaf(&figures))),
            doubted_at: Cell::new(None),
            figures,
        };
        let hear = move || {
            if let Err(error) = listen(&settings, &is_over, |news| listener.hear(news)) {
                log::error!("the database's changes cannot be heard: {error}");
            }
        };
        std::thread::Builder::new()
            .name("db-listen".to_owned())
            .spawn(hear)?;
        Ok(Arc::new(inquiries))
    }

    /// Whether that directory has the same database, and the same is to be known of it.
    pub(super) fn are_of(&self, other: &Directory) -> bool {
        let own = &self.directory;
        own.database == other.database
            && own.cache_lifetime == other.cache_lifetime
            && own.cache_entries == other.cache_entries
            && own.logs_connections == other.logs_connections
    }

    /// Whether that directory has the same database, though other things may be to be known of it.
    pub(super) fn ask_database_of(&self, other: &Directory) -> bool {
        self.directory.database.is_same_as(&other.database)
    }

    /// Keeps a record of a connection that has ended.
    pub(super) fn keep(&self, record: Row) {
        match &self.journal {
            Some(journal) => journal.keep(record),
            None => self.figures.rows_lost.add_one(),
        }
    }

    /// Waits for what is still to be written.
    pub(super) fn finish(mut self, patience: Duration) {
        if let Some(journal) = self.journal.take() {
            journal.finish(patience);
        }
    }

    /// Asks for a connection; none if the answer comes later, as a message.
    pub(super) fn ask(
        &self,
        question: &Question,
        who: Asking<'_>,
        now: Instant,
    ) -> Option<Decision> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.ask(question, (who.id, who.mailbox.clone()), now) {
            Asked::Known(route) => {
                self.figures.known.add_one();
                return Some(Ok(route));
            }
            Asked::Waiting => return None,
            Asked::Ask => {}
        }
        let job = Job {
            question: question.clone(),
            asked: now,
            _waiting: Held::waiting(&self.figures),
        };
        // However many connections have to be looked at again, there is room for those that are new.
        let is_full = !who.is_new && self.lane.waiting() >= LANE_QUEUE / 2;
        if is_full || self.lane.submit(job).is_err() {
            post(known.given_up(question), &Err(Denial::Overloaded));
        }
        None
    }
}

/// What a thread of the lane works with. A copy makes a connection of its own.
struct Desk {
    store: Mutex<Option<Store>>,
    directory: Arc<Directory>,
    settings: Settings,
    known: Arc<Known>,
    figures: Arc<Figures>,
}

impl Clone for Desk {
    fn clone(&self) -> Desk {
        Desk {
            store: Mutex::default(),
            directory: Arc::clone(&self.directory),
            settings: self.settings.clone(),
            known: Arc::clone(&self.known),
            figures: Arc::clone(&self.figures),
        }
    }
}

impl Desk {
    #[allow(clippy::disallowed_methods, reason = "the clock of the lane's threads")]
    fn work(&self, job: Job) {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            let found = match now > job.asked + self.settings.database.timeout {
                true => Found::Unavailable("too many questions wait for the database".to_owned()),
                false => {
                    let found = find(&mut store, &self.settings, &job.question, now);
                    self.figures.asked(now.elapsed());
                    found
                }
            };
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let (grant, decision) = match found {
                Found::Granted(route) => (Some(route.clone()), Ok(route)),
                Found::Refused => (None, Err(Denial::Refused)),
                Found::Unavailable(what) => {
                    let denial = Denial::Unavailable(what.into());
                    return post(known.given_up(&job.question), &Err(denial));
                }
            };
            // Told under the lock, so that a worker hears of a decision before it hears of what changes it.
            match known.answered(&job.question, grant.as_ref(), now) {
                Settled::For(who) => return post(who, &decision),
                Settled::Doubtful(who) => {
                    let workers: Vec<_> = who.iter().map(|(_, worker)| worker.clone()).collect();
                    post(who, &decision);
                    let changes = Changes::of_host(&job.question.host);
                    return tell(&self.directory, changes, &workers);
                }
                Settled::AskAnew => {}
            }
        }
    }
}

fn find(slot: &mut Option<Store>, settings: &Settings, question: &Question, now: Instant) -> Found {
    if slot.is_none() {
        match Store::new(settings.clone()) {
            Ok(store) => *slot = Some(store),
            Err(error) => return Found::Unavailable(error.to_string()),
        }
    }
    match slot {
        Some(store) => store.find(question, now),
        None => Found::Unavailable(String::new()),
    }
}

fn post(askers: Vec<Asker>, decision: &Decision) {
    for (id, mailbox) in askers {
        mailbox.post(WorkerMsg::Decided {
            who: vec![id],
            decision: decision.clone(),
        });
    }
}

/// Who hears of the database's changes.
struct Listener {
    directory: Arc<Directory>,
    known: Arc<Known>,
    workers: Vec<Mailbox<WorkerMsg>>,
    figures: Arc<Figures>,
    /// There while it hears of none.
    deaf: RefCell<Option<Held>>,
    /// When everything was last taken for changed.
    doubted_at: Cell<Option<Instant>>,
}

impl Listener {
    fn hear(&self, news: News) {
        match news {
            News::Hears => {
                self.deaf.take();
                self.figures.changes.add_one();
                self.doubt_all();
            }
            News::Changed(changes) => {
                self.figures.changes.add_one();
                self.spread(changes);
            }
            News::Deaf => {
                self.deaf
                    .borrow_mut()
                    .get_or_insert_with(|| Held::deaf(&self.figures));
                self.doubt_what_is_old();
            }
        }
    }

    /// Nobody tells of changes, so that no grant is believed for longer than its lifetime: neither those that
    /// are known, which end by themselves, nor those of live connections.
    #[allow(
        clippy::disallowed_methods,
        reason = "the clock of the listening thread"
    )]
    fn doubt_what_is_old(&self) {
        let lifetime = self.directory.cache_lifetime.unwrap_or(UNHEARD_LIFETIME);
        match self.doubted_at.get() {
            Some(at) if at.elapsed() < lifetime => {}
            Some(_) => self.doubt_all(),
            None => self.doubted_at.set(Some(Instant::now())),
        }
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "the clock of the listening thread"
    )]
    fn doubt_all(&self) {
        self.doubted_at.set(Some(Instant::now()));
        self.spread(Changes::all());
    }

    /// Forgets what may have changed, and tells the workers.
    fn spread(&self, changes: Changes) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.changed(&changes);
        tell(&self.directory, changes, &self.workers);
    }
}

/// Tells workers of changes, which may concern their live connections.
fn tell(directory: &Arc<Directory>, changes: Changes, workers: &[Mailbox<WorkerMsg>]) {
    let changes = Arc::new(changes);
    for worker in workers {
        worker.post(WorkerMsg::GrantsChanged {
            directory: Arc::clone(directory),
            changes: Arc::clone(&changes),
        });
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "certificates are judged by the time of day"
)]
fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}
