//! The table of connections: workers hand over what has ended, and a thread writes it in batches.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Closed once all is written that can be.
    written: Receiver<()>,
}

impl Journal {
    /// Starts the thread.
    pub(super) fn start(settings: Settings, figures: Arc<Figures>) -> io::Result<Journal> {
        let (queue, records) = bounded(QUEUE);
        let (done, written) = bounded::<()>(0);
        let lost = Arc::new(AtomicU64::new(0));
        let mut writer = Writer {
            ledger: Ledger::new(settings)?,
            lost: Arc::clone(&lost),
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
        drop(self.queue);
        // It never sends; it goes.
        let _ = self.written.recv_timeout(patience);
    }
}

struct Writer {
    ledger: Ledger,
    lost: Arc<AtomicU64>,
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
                    if !is_over {
                        std::thread::park_timeout(RETRY);
                    }
                }
            }
        }
        let left = batch.len() as u64 + self.lost.load(Ordering::Relaxed);
        if left > 0 {
            log::error!("{left} connections are missing from the table of connections");
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
