//! What a line of the log looks like: for a person, for the journal, or for a collector of logs.

use std::fmt::Display;
use std::io::{self, Write};

use log::kv::{self, Key, Value, VisitSource, VisitValue};
use log::{Level, Record};

use crate::config::LogFormat;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Time, level, target, text, and `key=value`.
    Text,
    /// The same for the journal, which has the time itself and wants the level as sd-daemon(3) has it.
    Journal,
    /// `time=… level=INFO msg="…" key=value`.
    Logfmt,
    /// One JSON object with the same keys.
    Json,
}

impl Form {
    /// What is written where standard error is the journal, or is not.
    pub(super) fn of(format: LogFormat, is_journal: bool) -> Form {
        match format {
            LogFormat::Text if is_journal => Form::Journal,
            LogFormat::Text => Form::Text,
            LogFormat::Logfmt => Form::Logfmt,
            LogFormat::Json => Form::Json,
        }
    }

    /// Writes one line with its end. `time` is written as it is: RFC 3339 in UTC.
    pub(super) fn write(
        self,
        out: &mut dyn Write,
        time: &dyn Display,
        record: &Record<'_>,
    ) -> io::Result<()> {
        match self {
            Form::Text => write!(out, "{time} {:<5} ", record.level())?,
            Form::Journal => write!(out, "<{}>", priority(record.level()))?,
            Form::Logfmt => write!(out, "time={time} level={} msg=", record.level())?,
            Form::Json => write!(
                out,
                "{{\"time\":\"{time}\",\"level\":\"{}\",\"msg\":",
                record.level()
            )?,
        }
        self.text(out, record)?;
        let mut failed = None;
        let mut pairs = Pairs {
            form: self,
            out,
            failed: &mut failed,
        };
        // Its own errors are those of writing, which are kept.
        let _ = record.key_values().visit(&mut pairs);
        match (failed, self) {
            (Some(error), _) => Err(error),
            (None, Form::Json) => out.write_all(b"}\n"),
            (None, _) => out.write_all(b"\n"),
        }
    }

    /// A line without a text is called by its target.
    fn text(self, out: &mut dyn Write, record: &Record<'_>) -> io::Result<()> {
        let target = short(record.target());
        let is_empty = record.args().as_str() == Some("");
        match self {
            Form::Text | Form::Journal if is_empty => write!(out, "{target}:"),
            Form::Text | Form::Journal => write!(out, "{target}: {}", record.args()),
            _ if is_empty => self.string(out, target),
            _ => self.string(out, &record.args().to_string()),
        }
    }

    fn string(self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        match self {
            Form::Json => Ok(serde_json::to_writer(out, text)?),
            _ if is_plain(text) => out.write_all(text.as_bytes()),
            _ => write!(out, "{text:?}"),
        }
    }
}

/// `access` stays, a module's path is shown as the program.
fn short(target: &str) -> &str {
    target.split("::").next().unwrap_or(target)
}

/// The level as syslog numbers it (RFC 5424, 6.2.1).
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// Whether `key=value` can hold it without quotes.
fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '=' && c != '\\';
    !text.is_empty() && text.chars().all(is_plain)
}

/// Writes what a record carries besides its text.
struct Pairs<'a> {
    form: Form,
    out: &'a mut dyn Write,
    failed: &'a mut Option<io::Error>,
}

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        if self.failed.is_some() {
            return Ok(());
        }
        let begun = match self.form {
            Form::Json => write!(self.out, ",\"{key}\":"),
            _ => write!(self.out, " {key}="),
        };
        match begun {
            Ok(()) => value.visit(self),
            Err(error) => self.keep(Err(error)),
        }
    }
}

impl Pairs<'_> {
    fn keep(&mut self, outcome: io::Result<()>) -> Result<(), kv::Error> {
        if let Err(error) = outcome {
            self.failed.get_or_insert(error);
        }
        Ok(())
    }
}

/// A string may come from a stranger; what is only displayed is a word of ours, a number or an address.
impl<'v> VisitValue<'v> for Pairs<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        let outcome = match self.form {
            Form::Text | Form::Journal => write!(self.out, "{value}"),
            form => form.string(self.out, &value.to_string()),
        };
        self.keep(outcome)
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        let outcome = write!(self.out, "{value}");
        self.keep(outcome)
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        let outcome = write!(self.out, "{value}");
        self.keep(outcome)
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        let outcome = match self.form {
            Form::Text | Form::Journal => write!(self.out, "{value:?}"),
            form => form.string(self.out, value),
        };
        self.keep(outcome)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TIME: &str = "2026-03-28T23:07:44.000Z";

    fn written(form: Form, record: &Record<'_>) -> String {
        let mut line = Vec::new();
        form.write(&mut line, &TIME, record).unwrap();
        String::from_utf8(line).unwrap()
    }

    /// One with a text, and one that consists of its keys.
    fn both(form: Form) -> [String; 2] {
        let endpoint = "127.0.0.1:80".parse::<std::net::SocketAddr>().unwrap();
        let listening = [
            ("pair", Value::from("a \"b\"\n=")),
            ("mode", Value::from("client")),
            ("outbound", Value::from_display(&endpoint)),
        ];
        let access = [
            ("bytes", Value::from(7u64)),
            ("resumed", Value::from(true)),
            ("subject", Value::from("")),
        ];
        let mut record = Record::builder();
        record.target("mtls_persona::ops::start").level(Level::Warn);
        let listening = written(
            form,
            &record
                .args(format_args!("listening on {}", ":80"))
                .key_values(&listening)
                .build(),
        );
        let mut record = Record::builder();
        record.target("access").level(Level::Info);
        let access = written(
            form,
            &record.args(format_args!("")).key_values(&access).build(),
        );
        [listening, access]
    }

    #[test]
    fn text_quotes_strings_and_nothing_else() {
        let [listening, access] = both(Form::Text);
        assert_eq!(
            listening,
            format!(
                "{TIME} WARN  mtls_persona: listening on :80 pair=\"a \\\"b\\\"\\n=\" mode=\"client\" \
                 outbound=127.0.0.1:80\n"
            )
        );
        assert_eq!(
            access,
            format!("{TIME} INFO  access: bytes=7 resumed=true subject=\"\"\n")
        );
    }

    #[test]
    fn the_journal_gets_the_level_in_front_and_no_time() {
        let [listening, access] = both(Form::Journal);
        assert!(listening.starts_with("<4>mtls_persona: listening on :80 pair="));
        assert_eq!(access, "<6>access: bytes=7 resumed=true subject=\"\"\n");
    }

    #[test]
    fn logfmt_quotes_what_needs_it() {
        let [listening, access] = both(Form::Logfmt);
        assert_eq!(
            listening,
            format!(
                "time={TIME} level=WARN msg=\"listening on :80\" pair=\"a \\\"b\\\"\\n=\" mode=client \
                 outbound=127.0.0.1:80\n"
            )
        );
        assert_eq!(
            access,
            format!("time={TIME} level=INFO msg=access bytes=7 resumed=true subject=\"\"\n")
        );
    }

    #[test]
    fn json_is_one_object_in_a_line_with_numbers_and_truth_as_such() {
        let [listening, access] = both(Form::Json);
        for line in [&listening, &access] {
            assert_eq!(line.find('\n'), Some(line.len() - 1));
        }
        let parsed: serde_json::Value = serde_json::from_str(&listening).unwrap();
        let expected = serde_json::json!({
            "time": TIME, "level": "WARN", "msg": "listening on :80",
            "pair": "a \"b\"\n=", "mode": "client", "outbound": "127.0.0.1:80",
        });
        assert_eq!(parsed, expected);
        let parsed: serde_json::Value = serde_json::from_str(&access).unwrap();
        let expected = serde_json::json!({
            "time": TIME, "level": "INFO", "msg": "access", "bytes": 7, "resumed": true, "subject": "",
        });
        assert_eq!(parsed, expected);
    }

    #[test]
    fn only_text_has_a_form_of_its_own_for_the_journal() {
        assert_eq!(Form::of(LogFormat::Text, true), Form::Journal);
        assert_eq!(Form::of(LogFormat::Text, false), Form::Text);
        for is_journal in [false, true] {
            assert_eq!(Form::of(LogFormat::Json, is_journal), Form::Json);
            assert_eq!(Form::of(LogFormat::Logfmt, is_journal), Form::Logfmt);
        }
    }
}
