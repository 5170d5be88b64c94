//! The log: lines on standard error that never make a worker wait.

mod form;

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use env_logger::Target;
use log::LevelFilter;

use self::form::Form;
use super::fips;
use crate::config::LogFormat;

/// Lines that may wait for a slow reader of standard error; more are dropped and counted.
const QUEUE_LINES: usize = 8192;

/// How long the end of the program waits for lines to be taken.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Lines that were dropped since the start. There is one log in a process, and one standard error.
static DROPPED: AtomicU64 = AtomicU64::new(0);

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

/// Starts the log. What is told of FIPS has a level of its own, which is that at least; the environment
/// variable `RUST_LOG` has the last word on levels.
pub fn start(level: LevelFilter, format: LogFormat) -> io::Result<LogGuard> {
    let form = Form::of(format, stderr_is_journal());
    let (queue, lines) = crossbeam_channel::bounded(QUEUE_LINES);
    let (done, written) = crossbeam_channel::bounded::<()>(0);
    let writer = move || {
        write_lines(&lines, form);
        drop(done);
    };
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(writer)?;
    let sink = Sink {
        queue: queue.clone(),
        line: Vec::new(),
    };
    let mut levels = env_logger::Builder::new();
    levels.filter_level(level);
    levels.filter_module(fips::TARGET, level.max(LevelFilter::Info));
    formatted(levels, form)
        .target(Target::Pipe(Box::new(sink)))
        .init();
    // Written to standard error directly, a panic could wait for its reader before anybody heard of it.
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    Ok(LogGuard { queue, written })
}

/// A logger that writes to standard error itself, at the levels of `RUST_LOG` alone, for a short-lived
/// process that shows something else.
pub fn direct() -> env_logger::Logger {
    let mut levels = env_logger::Builder::new();
    levels.filter_level(LevelFilter::Off);
    formatted(levels, Form::Text).build()
}

/// Lines that were dropped since the start of the program, as standard error was too slow or took no more.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Whether the journal reads standard error, by what systemd.exec(5) says of `JOURNAL_STREAM`: device
/// and inode, as a program further down may have another standard error and the same environment.
fn stderr_is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let stderr = std::fs::metadata("/proc/self/fd/2");
    stderr.is_ok_and(|stderr| stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}

/// With the words of the environment behind those levels.
fn formatted(mut builder: env_logger::Builder, form: Form) -> env_logger::Builder {
    builder.parse_default_env().format(move |out, record| {
        let time = out.timestamp_millis();
        form.write(out, &time, record)
    });
    builder
}

fn write_lines(lines: &Receiver<Line>, form: Form) {
    let mut out = Paper::new(io::stderr());
    let mut told = dropped();
    while let Ok(Line::Text(line)) = lines.recv() {
        if out.write_line(&line).is_err() {
            // A full disk, or a reader that is gone: there is nowhere to tell of it now.
            DROPPED.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let missed = dropped() - told;
        if missed > 0 && tell_missed(&mut out, form, missed).is_ok() {
            told += missed;
        }
    }
}

/// What lines are written to, each on one of its own, whatever became of the one before.
struct Paper<W> {
    out: W,
    /// The last line broke off in its middle.
    is_torn: bool,
}

impl<W: Write> Paper<W> {
    fn new(out: W) -> Paper<W> {
        let is_torn = false;
        Paper { out, is_torn }
    }

    /// Writes a line; on an error a part of it may be there.
    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.out.write_all(b"\n")?;
            self.is_torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    rest = &rest[count..];
                    self.is_torn = !rest.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Not by the queue: it may be full.
#[allow(clippy::disallowed_methods)] // a line's own time
fn tell_missed(out: &mut Paper<impl Write>, form: Form, missed: u64) -> io::Result<()> {
    let mut line = Vec::new();
    form.write(
        &mut line,
        &jiff::Timestamp::now(),
        &log::Record::builder()
            .level(log::Level::Warn)
            .target(module_path!())
            .args(format_args!(
                "{missed} log lines were dropped: standard error was too slow, or took no more"
            ))
            .build(),
    )?;
    out.write_line(&line)
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
    line: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(data);
        if self.line.ends_with(b"\n") {
            let line = Line::Text(std::mem::take(&mut self.line));
            if let Err(TrySendError::Full(_)) = self.queue.try_send(line) {
                DROPPED.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_finds_no_place_is_dropped_and_counted_and_nobody_waits() {
        let (queue, lines) = crossbeam_channel::bounded(1);
        let mut sink = Sink {
            queue,
            line: Vec::new(),
        };
        let before = dropped();
        for part in ["first ", "line\n", "second line\n", "third line\n"] {
            sink.write_all(part.as_bytes()).unwrap();
        }
        assert_eq!(dropped() - before, 2);
        let Ok(Line::Text(first)) = lines.try_recv() else {
            unreachable!("it was queued");
        };
        assert_eq!(first, b"first line\n");
        assert!(lines.try_recv().is_err());
    }

    /// Takes so many bytes, and then no more until somebody makes room.
    struct Disk {
        room: usize,
        written: Vec<u8>,
    }

    impl Write for &mut Disk {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            let count = data.len().min(self.room);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= count;
            self.written.extend_from_slice(&data[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_breaks_off_on_a_full_disk_spoils_no_other() {
        let (room, written) = (9, Vec::new());
        let mut disk = Disk { room, written };
        let mut paper = Paper::new(&mut disk);
        assert!(paper.write_line(b"first\n").is_ok());
        assert!(paper.write_line(b"second\n").is_err());
        assert!(paper.write_line(b"third\n").is_err());
        paper.out.room = 100;
        for line in ["fourth\n", "fifth\n"] {
            assert!(paper.write_line(line.as_bytes()).is_ok());
        }
        assert_eq!(disk.written, b"first\nsec\nfourth\nfifth\n");
    }
}
