//! A lane: named threads that do blocking jobs from one bounded queue.
//!
//! Each kind of blocking work has a lane of its own, so that one that is stuck (a database, say)
//! cannot stop another (names).

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

/// Threads and their queue of jobs `J`. Share it between the workers behind an `Arc`.
///
/// Dropping it closes the queue: jobs that nobody has begun are thrown away, and each thread ends
/// after the job it is at. Nobody waits for that, because a job may hang in the system for as long
/// as it likes (`getaddrinfo` knows no time limit), and the process must be able to exit all the
/// same.
pub struct Lane<J> {
    name: Arc<str>,
    submit: Sender<J>,
    /// Takes back what is queued when the lane is dropped.
    queued: Receiver<J>,
}

impl<J: Send + 'static> Lane<J> {
    /// Starts `threads` threads, called `name-0` and so on, that call `work` for one job each, with
    /// room for `capacity` more jobs that wait.
    ///
    /// `work` says what became of a job by itself; if it panics, that is logged and the thread
    /// takes the next job, so whoever waits for the answer needs a deadline.
    ///
    /// # Errors
    /// The system's error if a thread could not be started (those that were end again), and
    /// `InvalidInput` for a lane without threads, in which jobs would wait for ever.
    pub fn start(
        name: &str,
        threads: usize,
        capacity: usize,
        work: impl Fn(J) + Send + Sync + Clone + 'static,
    ) -> io::Result<Lane<J>> {
        if threads == 0 {
            let message = format!("the {name} lane has no thread: give it at least one");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let name: Arc<str> = Arc::from(name);
        let (submit, queued) = bounded(capacity);
        for number in 0..threads {
            let (lane, jobs, work) = (Arc::clone(&name), queued.clone(), work.clone());
            let thread = thread::Builder::new().name(format!("{name}-{number}"));
            thread.spawn(move || run(&lane, &jobs, work))?;
        }
        Ok(Lane {
            name,
            submit,
            queued,
        })
    }

    /// How many jobs wait.
    pub fn waiting(&self) -> usize {
        self.queued.len()
    }

    /// Queues `job`, and never blocks.
    ///
    /// # Errors
    /// [`Full`] if as many jobs wait as may; the job is dropped.
    pub fn submit(&self, job: J) -> Result<(), Full> {
        self.submit.try_send(job).map_err(|_| Full {
            lane: Arc::clone(&self.name),
            capacity: self.queued.capacity().unwrap_or_default(),
        })
    }
}

impl<J> Drop for Lane<J> {
    fn drop(&mut self) {
        // A closed queue still gives out what is in it, so it is emptied first.
        while self.queued.try_recv().is_ok() {}
    }
}

/// One thread's life: it ends when the lane is dropped.
fn run<J>(lane: &str, jobs: &Receiver<J>, work: impl Fn(J)) {
    for job in jobs {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(job))) {
            let said = panic_message(&*panic);
            log::error!("a job in the {lane} lane panicked and has no answer: {said}");
        }
    }
}

/// What a panic said, if it said it in words.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let words = panic.downcast_ref::<&str>().copied();
    words
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// A lane took no more jobs: those before it take too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    lane: Arc<str>,
    capacity: usize,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Full { lane, capacity } = self;
        write!(
            f,
            "the {lane} lane is full: {capacity} jobs wait; see why those before them take long"
        )
    }
}

impl std::error::Error for Full {}

#[cfg(test)]
mod tests;
