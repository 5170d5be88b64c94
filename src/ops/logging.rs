//! The log: lines on standard error that never make a worker wait.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use env_logger::Target;
use log::LevelFilter;

/// Lines that may wait for a slow reader of standard error; more are dropped and counted.
const QUEUE_LINES: usize = 8192;

/// How long the end of the program waits for lines to be taken.
const LAST_WORDS: Duration = Duration::from_secs(1);

enum Line {
    Text(Vec<u8>),
    End,
}

/// Writes the queued lines out when dropped.
pub struct LogGuard {
    queue: Sender<Line>,
    /// Closed once the writer is done.
    written: Receiver<()>,
}

/// Starts the log. The environment variable `RUST_LOG` has the last word on levels.
pub fn start(level: LevelFilter) -> io::Result<LogGuard> {
    let (queue, lines) = crossbeam_channel::bounded(QUEUE_LINES);
    let dropped = Arc::new(AtomicU64::new(0));
    let (done, written) = crossbeam_channel::bounded::<()>(0);
    let writer = {
        let dropped = Arc::clone(&dropped);
        move || {
            write_lines(&lines, &dropped);
            drop(done);
        }
    };
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(writer)?;
    let sink = Sink {
        queue: queue.clone(),
        dropped,
        line: Vec::new(),
    };
    formatted(level).target(Target::Pipe(Box::new(sink))).init();
    // Written to standard error directly, a panic could wait for its reader before anybody heard of it.
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    Ok(LogGuard { queue, written })
}

/// A logger that writes to standard error itself, at the levels of `RUST_LOG` alone, for a short-lived
/// process that shows something else.
pub fn direct() -> env_logger::Logger {
    formatted(LevelFilter::Off).build()
}

fn formatted(level: LevelFilter) -> env_logger::Builder {
    let mut builder = env_logger::Builder::new();
    builder
        .filter_level(level)
        .parse_default_env()
        .format(|out, record| {
            let time = out.timestamp_millis();
            let (level, target) = (record.level(), short(record.target()));
            writeln!(out, "{time} {level:<5} {target}: {}", record.args())
        });
    builder
}

/// `access` stays, a module's path is shown as the program.
fn short(target: &str) -> &str {
    target.split("::").next().unwrap_or(target)
}

fn write_lines(lines: &Receiver<Line>, dropped: &AtomicU64) {
    let mut out = io::stderr();
    while let Ok(Line::Text(line)) = lines.recv() {
        // Nowhere to tell of a closed standard error.
        let _ = out.write_all(&line);
        let missed = dropped.swap(0, Ordering::Relaxed);
        if missed > 0 {
            let _ = writeln!(
                out,
                "{missed} log lines were dropped: standard error is too slow"
            );
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        // A reader of standard error that has stopped reading must not keep the program from ending.
        if self.queue.send_timeout(Line::End, LAST_WORDS).is_ok() {
            let _ = self.written.recv_timeout(LAST_WORDS);
        }
    }
}

/// Collects a line and queues it whole.
struct Sink {
    queue: Sender<Line>,
    dropped: Arc<AtomicU64>,
    line: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(data);
        if self.line.ends_with(b"\n") {
            let line = Line::Text(std::mem::take(&mut self.line));
            if let Err(TrySendError::Full(_)) = self.queue.try_send(line) {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
