//! The program's own access log, kept in memory: what it tells an operator is what is shown here.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};

use crate::conn::ACCESS_TARGET;
use crate::ops::logging;

/// Lines that are kept; later ones are dropped, as nobody asks for them any more.
const LINES_MAX: usize = 16;

/// How long to wait for the reasons of a failure; there may be none.
const REASON_PATIENCE: Duration = Duration::from_secs(1);

/// The lines of the access log.
pub(super) struct Accesses {
    lines: Receiver<String>,
}

/// Keeps the access log. All of the log goes to standard error as well if `RUST_LOG` asks for it.
struct Recorder {
    lines: Sender<String>,
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
            let _ = self.lines.try_send(record.args().to_string());
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
        self.lines.recv_timeout(patience).ok().map(Access)
    }

    /// What the access log says of connections that came to no good end, each in a line.
    pub(super) fn reasons(&self) -> Vec<String> {
        let lines = std::iter::from_fn(|| self.lines.recv_timeout(REASON_PATIENCE).ok());
        let bad = lines.map(Access).filter(|a| a.get("reason") != "completed");
        bad.map(|access| {
            let [pair, reason, detail, remedy] =
                ["pair", "reason", "detail", "remedy"].map(|key| access.get(key));
            format!("{pair}: {reason} {detail} {remedy}")
        })
        .collect()
    }
}

/// One line of `key=value`, a value in quotes with `\` before what is special in it.
#[derive(Clone, Debug)]
pub(super) struct Access(String);

impl Access {
    /// The value of a key, empty if it is not there.
    pub(super) fn get(&self, key: &str) -> String {
        let mut rest = self.0.as_str();
        while let Some((found, after)) = rest.split_once('=') {
            let (value, behind) = value(after);
            if found.trim_start() == key {
                return value;
            }
            rest = behind;
        }
        String::new()
    }
}

/// The value at the beginning, and what is behind it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(' ').unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_a_line_with_and_without_quotes() {
        let line = r#"pair="a=\"b\" c" inbound=127.0.0.1:1 x="" reason=completed"#;
        let access = Access(line.to_owned());
        assert_eq!(access.get("pair"), r#"a="b" c"#);
        assert_eq!(access.get("inbound"), "127.0.0.1:1");
        assert_eq!(access.get("x"), "");
        assert_eq!(access.get("reason"), "completed");
        assert_eq!(access.get("c"), "");
    }
}
