//! The table of connections: workers hand over what has ended, and a thread writes it in batches.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::figures::Figures;
use crate::offload::database::{Ledger, Settings};
use crate::route::Row;

/// Records that may wait for the database; more are lost, and counted.
const QUEUE: usize = 8192;

/// Rows of one batch.
const BATCH: usize = 512;

/// How long a record waits for others.
const GATHER: Duration = Duration::from_millis(500);

/// How long to wait for a database that took nothing.
const RETRY: Duration = Duration::from_secs(1);

/// Where records go.
pub(super) struct Journal {
    queue: Sender<Row>,
    lost: Arc<AtomicU64>,
    figures: Arc<Figures>,
    /// Nobody is left who hands anything over.
    end: End,
    /// Closed once all is written that can be.
    written: Receiver<()>,
}

/// Says so when it is dropped: who waits with a whole batch does not look at the queue.
struct End(Arc<AtomicBool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Journal {
    /// Starts the thread.
    pub(super) fn start(settings: Settings, figures: Arc<Figures>) -> io::Result<Journal> {
        let (queue, records) = bounded(QUEUE);
        let (done, written) = bounded::<()>(0);
        let lost = Arc::new(AtomicU64::new(0));
        let end = End(Arc::default());
        let mut writer = Writer {
            ledger: Ledger::new(settings)?,
            lost: Arc::clone(&lost),
            figures: Arc::clone(&figures),
            is_ending: Arc::clone(&end.0),
            is_failing: false,
        };
        let body = move || {
            writer.run(&records);
            drop(done);
        };
        std::thread::Builder::new()
            .name("db-log".to_owned())
            .spawn(body)?;
        Ok(Journal {
            queue,
            lost,
            figures,
            end,
            written,
        })
    }

    /// Keeps a record, or counts it among the lost ones; never waits.
    pub(super) fn keep(&self, record: Row) {
        if self.queue.try_send(record).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            self.figures.rows_lost.add_one();
        }
    }

    /// Waits until all is written, but no longer than that.
    pub(super) fn finish(self, patience: Duration) {
        drop((self.queue, self.end));
        // It never sends; it goes.
        let _ = self.written.recv_timeout(patience);
    }
}

struct Writer {
    ledger: Ledger,
    lost: Arc<AtomicU64>,
    figures: Arc<Figures>,
    is_ending: Arc<AtomicBool>,
    is_failing: bool,
}

impl Writer {
    /// Writes until nobody is left who hands anything over. What cannot be written waits, and the queue
    /// behind it fills.
    fn run(&mut self, records: &Receiver<Row>) {
        let mut batch = Vec::new();
        let mut is_over = false;
        while !is_over {
            is_over = gather(records, &mut batch) == Err(RecvTimeoutError::Disconnected);
            if batch.is_empty() {
                continue;
            }
            match self.ledger.write(&batch) {
                Ok(()) => {
                    batch.clear();
                    self.told_success();
                }
                Err(what) => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        log::error!("the table of connections cannot be written: {what}");
                    }
                    is_over |= self.is_ending.load(Ordering::Relaxed);
                    if !is_over {
                        std::thread::park_timeout(RETRY);
                    }
                }
            }
        }
        let left = (batch.len() + records.len()) as u64;
        self.figures.rows_lost.add(left);
        let lost = left + self.lost.load(Ordering::Relaxed);
        if lost > 0 {
            log::error!("{lost} connections are missing from the table of connections");
        }
    }

    fn told_success(&mut self) {
        if std::mem::take(&mut self.is_failing) {
            let lost = self.lost.swap(0, Ordering::Relaxed);
            log::warn!("the table of connections is written again; {lost} are missing from it");
        }
    }
}

/// Adds what comes in that time, up to a batch.
fn gather(records: &Receiver<Row>, batch: &mut Vec<Row>) -> Result<(), RecvTimeoutError> {
    while batch.len() < BATCH {
        batch.push(records.recv_timeout(GATHER)?);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::{Database, DatabaseHost, DatabaseTls, Password};
    use crate::tls::Profile;

    /// A database that nobody can log in to.
    fn nowhere() -> Settings {
        Settings {
            database: Database {
                host: DatabaseHost::Folder("/nowhere".into()),
                port: 1,
                user: "nobody".to_owned(),
                password: Password::None,
                name: "nothing".to_owned(),
                tls: DatabaseTls::Disable,
                connections: 1,
                timeout: Duration::from_secs(1),
            },
            profile: Profile::Ordinary,
            clock: || 0,
        }
    }

    fn row() -> Row {
        Row {
            ended_at: 0,
            user: None,
            host: None,
            inbound: String::new(),
            outbound: None,
            bytes_outward: 0,
            bytes_inward: 0,
            duration: Duration::ZERO,
            reason: "completed",
        }
    }

    #[test]
    fn without_its_database_it_ends_all_the_same_and_counts_what_it_had() {
        for rows in [1, BATCH as u64, 3 * BATCH as u64] {
            let figures = Arc::new(Figures::default());
            let journal = Journal::start(nowhere(), Arc::clone(&figures)).unwrap();
            (0..rows).for_each(|_| journal.keep(row()));
            let written = journal.written.clone();
            drop(journal);
            let end = written.recv_timeout(Duration::from_secs(60));
            assert_eq!(end, Err(RecvTimeoutError::Disconnected), "{rows}");
            assert_eq!(figures.rows_lost.get(), rows);
        }
    }
}
