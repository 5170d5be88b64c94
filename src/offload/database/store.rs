//! Questions to the database.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio_postgres::types::Type;

use super::link::{Link, Trouble};
use super::settings::Settings;
use crate::route::{Backoff, Question};

/// How long a database that cannot be reached is left alone.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MOST: Duration = Duration::from_secs(2);

/// Decides and routes at once: no row is a refusal, and no row in between can change what was decided. Each
/// table is looked up by its primary key.
const STATEMENT: &str = "\
    SELECT h.internal_ip_addr \
    FROM backend_hosts h \
    WHERE h.connect_id = $1 \
      AND h.org_id = $3 \
      AND EXISTS (SELECT FROM users u WHERE u.user_id = $2 AND u.org_id = h.org_id) \
      AND ($2 = ANY (h.user_ids) \
           OR EXISTS (SELECT FROM teams t \
                      WHERE t.team_id = ANY (h.team_ids) \
                        AND t.org_id = h.org_id \
                        AND $2 = ANY (t.user_ids)))";

/// What the database says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The host is the user's to reach: where it is.
    Granted(Arc<str>),
    /// There is no such host, or none for this user.
    Refused,
    /// Nothing, and why.
    Unavailable(String),
}

/// A connection for questions, which is made when it is needed and again when it breaks. Belongs to one
/// thread.
pub struct Store {
    settings: Settings,
    runtime: Runtime,
    link: Option<Link>,
    backoff: Backoff,
    /// After a failure to connect: until when that is not tried again, and what it was.
    trouble: Option<(Instant, String)>,
}

impl Store {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// The system refuses a poller.
    pub fn new(settings: Settings) -> io::Result<Store> {
        Ok(Store {
            settings,
            runtime: runtime()?,
            link: None,
            backoff: Backoff::new(BACKOFF_FIRST, BACKOFF_MOST),
            trouble: None,
        })
    }

    /// Puts a question. Takes no longer than the database's time for connecting and for answering.
    pub fn find(&mut self, question: &Question, now: Instant) -> Found {
        if let Some((until, what)) = &self.trouble
            && now < *until
        {
            return Found::Unavailable(what.clone());
        }
        let Store {
            settings,
            runtime,
            link,
            ..
        } = self;
        let answer = runtime.block_on(ask(settings, link, question));
        match answer {
            Ok(found) => {
                if self.trouble.take().is_some() {
                    log::info!("the database answers again");
                }
                self.backoff.succeeded();
                found
            }
            Err(trouble) => {
                let what = trouble.to_string();
                self.link.take_if(|link| link.is_over());
                if self.trouble.is_none() {
                    log::error!("the database cannot be asked: {what}");
                }
                let wait = self.backoff.failed(chance());
                self.trouble = Some((now + wait, what.clone()));
                Found::Unavailable(what)
            }
        }
    }
}

/// Asks over the connection that there is, or over a new one if that is gone.
async fn ask(
    settings: &Settings,
    slot: &mut Option<Link>,
    question: &Question,
) -> Result<Found, Trouble> {
    slot.take_if(|link| link.is_over());
    if let Some(link) = slot {
        match put(settings, link, question).await {
            // It has broken since it was last used, which tells nothing of the database.
            Err(Trouble::Link(_)) => *slot = None,
            answer => return answer,
        }
    }
    let link = slot.insert(Link::open(settings).await?);
    put(settings, link, question).await
}

async fn put(settings: &Settings, link: &mut Link, question: &Question) -> Result<Found, Trouble> {
    let (host, user, org) = (&*question.host, &*question.user, &*question.org);
    let rows = link.run(settings.database.timeout, async |client| {
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
            [(&host, Type::TEXT), (&user, Type::TEXT), (&org, Type::TEXT)];
        client.query_typed(STATEMENT, &parameters).await
    });
    let rows = match rows.await {
        Err(Trouble::Nonsense) => return Ok(Found::Refused),
        rows => rows?,
    };
    match rows.first() {
        None => Ok(Found::Refused),
        // A host without an address is its row's fault, and no trouble of the database.
        Some(row) => match row.try_get::<_, Option<&str>>(0) {
            Ok(route) => Ok(Found::Granted(route.unwrap_or_default().into())),
            Err(error) => Err(Trouble::Refused(error.to_string())),
        },
    }
}

/// A runtime for the thread that waits in it.
pub(super) fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Something that nobody foresees, good enough to spread retries.
pub(super) fn chance() -> u32 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish() as u32
}
