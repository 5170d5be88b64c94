//! The program's own access log, kept in memory: what it tells an operator is what is shown here.

use std::collections::HashMap;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use log::kv::{self, Key, Value, VisitSource};
use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};

use crate::conn::ACCESS_TARGET;
use crate::ops::logging;

/// Lines that are kept; later ones are dropped, as nobody asks for them any more.
const LINES_MAX: usize = 16;

/// How long to wait for the reasons of a failure; there may be none.
const REASON_PATIENCE: Duration = Duration::from_secs(1);

/// The lines of the access log.
pub(super) struct Accesses {
    lines: Receiver<Access>,
}

/// Keeps the access log. All of the log goes to standard error as well if `RUST_LOG` asks for it.
struct Recorder {
    lines: Sender<Access>,
    shown: Option<env_logger::Logger>,
}

impl Log for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let shown = self.shown.as_ref();
        metadata.target() == ACCESS_TARGET || shown.is_some_and(|shown| shown.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() == ACCESS_TARGET {
            // Full: nobody waits for this one.
            let _ = self.lines.try_send(Access::of(record));
        }
        if let Some(shown) = &self.shown {
            shown.log(record);
        }
    }

    fn flush(&self) {}
}

impl Accesses {
    /// Makes this the process's log.
    pub(super) fn watch() -> Result<Accesses, SetLoggerError> {
        let is_wanted = std::env::var_os("RUST_LOG").is_some();
        let shown = is_wanted.then(logging::direct);
        let level = shown.as_ref().map(env_logger::Logger::filter);
        let (sender, lines) = crossbeam_channel::bounded(LINES_MAX);
        log::set_boxed_logger(Box::new(Recorder {
            lines: sender,
            shown,
        }))?;
        log::set_max_level(level.unwrap_or(LevelFilter::Info).max(LevelFilter::Info));
        Ok(Accesses { lines })
    }

    /// The next line of a connection that has ended; none if there is none in that time.
    pub(super) fn next(&self, patience: Duration) -> Option<Access> {
        self.lines.recv_timeout(patience).ok()
    }

    /// What the access log says of connections that came to no good end, each in a line.
    pub(super) fn reasons(&self) -> Vec<String> {
        let lines = std::iter::from_fn(|| self.lines.recv_timeout(REASON_PATIENCE).ok());
        let bad = lines.filter(|a| a.get("reason") != "completed");
        bad.map(|access| {
            let [pair, reason, detail, remedy] =
                ["pair", "reason", "detail", "remedy"].map(|key| access.get(key));
            format!("{pair}: {reason} {detail} {remedy}")
        })
        .collect()
    }
}

/// One line's keys and values.
#[derive(Clone, Debug, Default)]
pub(super) struct Access(HashMap<String, String>);

impl Access {
    fn of(record: &Record<'_>) -> Access {
        let mut access = Access::default();
        // It cannot fail, as what is collected cannot.
        let _ = record.key_values().visit(&mut access);
        access
    }

    /// The value of a key, empty if it is not there.
    pub(super) fn get(&self, key: &str) -> String {
        self.0.get(key).cloned().unwrap_or_default()
    }
}

impl<'kvs> VisitSource<'kvs> for Access {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        self.0.insert(key.to_string(), value.to_string());
        Ok(())
    }
}
