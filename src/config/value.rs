//! One value at a time: from the tree to a type of the model. Each function either converts or says
//! what is wrong and what to do, without the place, which is the reader's affair.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::friendly::SpanParser;

use super::address::Address;
use super::host::ServerName;
use super::model::{Mode, TlsVersion};
use super::problem::quoted;
use super::tree::Value;

/// Longer than any wait that is meant: beyond it a deadline is a slip of the pen.
const DURATION_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What Linux accepts for TCP_KEEPIDLE and TCP_KEEPINTVL, in whole seconds.
const KEEPALIVE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(32_767);

/// More threads than this is a slip of the pen as well.
const WORKERS_MAX: usize = 1024;

/// Above every table of descriptors, below every index of a connection.
const COUNT_MAX: usize = 1_000_000_000;

/// Characters of a name that still fit a log line.
const NAME_CHARS_MAX: usize = 100;

/// What to write for an address that is missing.
pub(super) const ADDRESS_HINT: &str = "write host:port, :port or unix:/path";

/// Any text.
pub(super) fn text(value: &Value) -> Result<&str, String> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(expected("a text in quotes", other)),
    }
}

/// True or false.
pub(super) fn switch(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(value) => Ok(*value),
        other => Err(expected("true or false", other)),
    }
}

/// A text, with or without quotes around it, as YAML has it: what would be a number or a word of its own
/// elsewhere is a text where one is asked for.
pub(super) fn text_of(value: &Value) -> Result<String, String> {
    match value {
        Value::Whole(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        other => text(other).map(str::to_owned),
    }
}

/// True or false, in any of the words that YAML had for them before its version 1.2.
pub(super) fn yes_or_no(value: &Value) -> Result<bool, String> {
    let word = match value {
        Value::Text(word) => word.to_ascii_lowercase(),
        _ => return switch(value),
    };
    match word.as_str() {
        "true" | "yes" | "on" | "y" => Ok(true),
        "false" | "no" | "off" | "n" => Ok(false),
        _ => switch(value),
    }
}

/// The path of a file. A relative one stays relative: it counts from the working directory.
pub(super) fn path(value: &Value) -> Result<PathBuf, String> {
    let Value::Text(text) = value else {
        return Err(expected("the path of a file, in quotes", value));
    };
    if text.is_empty() {
        return Err("the path is empty: name a file".to_owned());
    }
    if text.contains('\0') {
        return Err(format!(
            "{} holds a zero byte: no file has such a name",
            quoted(text)
        ));
    }
    Ok(PathBuf::from(text))
}

/// Where to listen or to connect.
pub(super) fn address(value: &Value) -> Result<Address, String> {
    text(value)?
        .parse::<Address>()
        .map_err(|error| error.to_string())
}

/// Where to connect, and not only to listen.
pub(super) fn destination(value: &Value) -> Result<Address, String> {
    let address = address(value)?;
    address
        .check_destination()
        .map_err(|error| error.to_string())?;
    Ok(address)
}

/// The name that a server must prove.
pub(super) fn server_name(value: &Value) -> Result<ServerName, String> {
    let text = text(value)?;
    text.parse()
        .map_err(|error| format!("{} {error}", quoted(text)))
}

/// The oldest version of TLS to speak.
pub(super) fn min_version(value: &Value) -> Result<TlsVersion, String> {
    one_of(
        value,
        &[("TLS1.2", TlsVersion::Tls12), ("TLS1.3", TlsVersion::Tls13)],
    )
}

/// Which legs are TLS.
pub(super) fn mode(value: &Value) -> Result<Mode, String> {
    if matches!(value, Value::Text(text) if text == "plain") {
        let what = "\"plain\" would leave both legs without TLS, which this program does not do: \
                    write \"client\" (TLS outbound), \"server\" (TLS inbound) or \"bridge\" (both)";
        return Err(what.to_owned());
    }
    let modes = [
        ("client", Mode::Client),
        ("server", Mode::Server),
        ("bridge", Mode::Bridge),
    ];
    one_of(value, &modes)
}

/// A name for logs and reports.
pub(super) fn name(value: &Value) -> Result<String, String> {
    let name = text(value)?;
    if name.trim().is_empty() {
        return Err("the name is empty: write one, or leave the key out".to_owned());
    }
    if name.chars().any(char::is_control) {
        return Err(format!(
            "{} holds a control character: leave it out",
            quoted(name)
        ));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(format!(
            "{} is too long: keep to {NAME_CHARS_MAX} characters",
            quoted(name)
        ));
    }
    Ok(name.to_owned())
}

/// What the names of metrics begin with, by Prometheus' rules for them.
pub(super) fn metric_prefix(value: &Value) -> Result<String, String> {
    let prefix = text(value)?;
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name = prefix.starts_with(is_letter)
        && prefix.chars().all(|c| is_letter(c) || c.is_ascii_digit())
        && prefix.len() <= NAME_CHARS_MAX;
    is_name.then(|| prefix.to_owned()).ok_or_else(|| {
        format!(
            "{} begins no metric's name: write letters, digits and underscores, no digit first",
            quoted(prefix)
        )
    })
}

/// An hour of the day.
pub(super) fn hour(value: &Value) -> Result<u8, String> {
    whole(value, 0..=23)
}

/// A number of worker threads; 0 stands for one per core.
pub(super) fn workers(value: &Value) -> Result<usize, String> {
    whole(value, 0..=WORKERS_MAX)
}

/// A bound, or none where it is 0.
pub(super) fn bound(value: &Value) -> Result<Option<usize>, String> {
    let count = whole(value, 0..=COUNT_MAX)?;
    Ok((count > 0).then_some(count))
}

/// How long something may take; never 0, which would end everything before it begins.
pub(super) fn deadline(value: &Value) -> Result<Duration, String> {
    let duration = duration(value)?;
    if duration.is_zero() {
        return Err("must be longer than 0: this wait has no \"no limit\"".to_owned());
    }
    Ok(duration)
}

/// How often something happens, in whole seconds at least; 0 is never.
pub(super) fn interval(value: &Value) -> Result<Option<Duration>, String> {
    match idle(value)? {
        Some(interval) if interval < Duration::from_secs(1) => Err(format!(
            "{} is too often: write \"1s\" or more",
            shown(value)
        )),
        interval => Ok(interval),
    }
}

/// How long nothing may happen, or no limit where it is 0.
pub(super) fn idle(value: &Value) -> Result<Option<Duration>, String> {
    let duration = duration(value)?;
    Ok((!duration.is_zero()).then_some(duration))
}

/// The silence after which TCP asks whether the peer is still there; `false` and 0 switch it off.
pub(super) fn keepalive(value: &Value) -> Result<Option<Duration>, String> {
    match value {
        Value::Bool(false) => return Ok(None),
        Value::Bool(true) => return Err("true says no length: write one such as \"5m\"".to_owned()),
        _ => {}
    }
    match idle(value)? {
        Some(silence) if !KEEPALIVE.contains(&silence) => Err(format!(
            "{} does not suit TCP: write between \"1s\" and \"9h\"",
            shown(value)
        )),
        silence => Ok(silence),
    }
}

/// One of a few words; `choices` pairs each with what it stands for.
pub(super) fn one_of<T: Copy>(value: &Value, choices: &[(&str, T)]) -> Result<T, String> {
    let words = || one_after_another(choices.iter().map(|(word, _)| quoted(word)).collect());
    let Value::Text(text) = value else {
        return Err(expected(&words(), value));
    };
    let choice = choices.iter().find(|(word, _)| word == text);
    choice.map(|(_, meaning)| *meaning).ok_or_else(|| {
        format!(
            "{} is not one of its words: write {}",
            quoted(text),
            words()
        )
    })
}

/// "10s", "15m", "1h30m", or a whole number of seconds.
fn duration(value: &Value) -> Result<Duration, String> {
    let signed = match value {
        Value::Whole(seconds) => {
            SignedDuration::from_secs(i64::try_from(*seconds).unwrap_or(i64::MAX))
        }
        Value::Text(text) => SpanParser::new().parse_duration(text).map_err(|_| {
            format!(
                "{} is no duration: write one such as \"10s\", \"15m\" or \"1h30m\" (hours are \
                 the largest unit), or a whole number of seconds",
                quoted(text)
            )
        })?,
        other => {
            return Err(expected(
                "a duration such as \"10s\" or a whole number of seconds",
                other,
            ));
        }
    };
    match Duration::try_from(signed) {
        Err(_) => Err(format!(
            "{} is negative: write how long it lasts",
            shown(value)
        )),
        Ok(duration) if duration > DURATION_MAX => Err(format!(
            "{} is longer than ten years: write less",
            shown(value)
        )),
        Ok(duration) => Ok(duration),
    }
}

fn whole<N>(value: &Value, range: RangeInclusive<N>) -> Result<N, String>
where
    N: TryFrom<i128> + PartialOrd + Display,
{
    let number = match value {
        Value::Whole(number) => N::try_from(*number).ok(),
        _ => None,
    };
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            expected(
                &format!("a whole number from {} to {}", range.start(), range.end()),
                value,
            )
        })
}

/// `a`, `a or b`, `a, b or c`.
fn one_after_another(mut words: Vec<String>) -> String {
    let last = words.pop().unwrap_or_default();
    if words.is_empty() {
        return last;
    }
    format!("{} or {last}", words.join(", "))
}

fn expected(what: &str, found: &Value) -> String {
    format!("expected {what}, found {found}")
}

/// `value` as the file writes it, for messages about values of the right type.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Whole(number) => number.to_string(),
        other => other.to_string(),
    }
}
