//! What the database notifies of changes.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::link::{Link, Trouble};
use super::settings::Settings;
use super::store::{chance, runtime};
use crate::route::{Backoff, Changes};

/// How long to wait before it is tried again.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MOST: Duration = Duration::from_secs(5);

/// How soon the end is noticed.
const LOOK: Duration = Duration::from_millis(500);

/// Looks without a notification after which the database is asked whether it is still there.
const LOOKS_UNTIL_ASKED: u32 = 20;

/// What is notified together is told together: a change of many rows comes as many notifications.
const GATHER: Duration = Duration::from_millis(20);
const GATHERED_MAX: usize = 4096;

/// What is heard of a database.
pub enum News {
    /// It tells of changes from now on. What was before, nobody knows.
    Hears,
    /// That has changed.
    Changed(Changes),
    /// It tells of none. Said at every attempt to hear.
    Deaf,
}

/// Tells of changes until `is_over`.
///
/// # Errors
/// The system refuses a poller.
pub fn listen(settings: &Settings, is_over: &AtomicBool, tell: impl Fn(News)) -> io::Result<()> {
    let runtime = runtime()?;
    let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MOST);
    let mut was_told = false;
    while !is_over.load(Ordering::Relaxed) {
        let heard = async |link: Result<Link, Trouble>| hear(settings, link?, is_over, &tell).await;
        let outcome = runtime.block_on(async {
            let link = Link::open(settings).await;
            if link.is_ok() {
                backoff.succeeded();
                was_told = false;
            }
            heard(link).await
        });
        let Err(trouble) = outcome else { continue };
        if !std::mem::replace(&mut was_told, true) {
            log::warn!(
                "the database does not tell of changes: {trouble}; what is known holds until its lifetime is over"
            );
        }
        tell(News::Deaf);
        let wait = backoff.failed(chance());
        runtime.block_on(async { tokio::time::sleep(wait).await });
    }
    Ok(())
}

async fn hear(
    settings: &Settings,
    mut link: Link,
    is_over: &AtomicBool,
    tell: &impl Fn(News),
) -> Result<(), Trouble> {
    let patience = settings.database.timeout;
    link.run(patience, async |client| {
        client.batch_execute("LISTEN mtls_persona_grants").await
    })
    .await?;
    tell(News::Hears);
    let mut looks = 0;
    while !is_over.load(Ordering::Relaxed) {
        let mut changes = Changes::default();
        let heard = gather(&mut link, patience, &mut looks, &mut changes).await;
        // What was heard holds, even if the connection has broken behind it.
        if !changes.is_empty() {
            tell(News::Changed(changes));
        }
        heard?;
    }
    Ok(())
}

/// Notes what is notified at a time. After so many `looks` at which that was nothing, asks the database whether
/// it is still there.
async fn gather(
    link: &mut Link,
    patience: Duration,
    looks: &mut u32,
    changes: &mut Changes,
) -> Result<(), Trouble> {
    if let Some(payload) = link.next(LOOK).await? {
        *looks = 0;
        changes.note(&payload);
        tokio::time::sleep(GATHER).await;
        for _ in 0..GATHERED_MAX {
            match link.next(Duration::ZERO).await? {
                Some(payload) => changes.note(&payload),
                None => break,
            }
        }
    } else if *looks == LOOKS_UNTIL_ASKED {
        *looks = 0;
        let ping = async |client: &tokio_postgres::Client| client.check_connection().await;
        link.run_noting(patience, ping, |payload| changes.note(payload))
            .await?;
    } else {
        *looks += 1;
    }
    Ok(())
}
