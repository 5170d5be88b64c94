//! The native form of a model: what `check --print` shows, and how older forms are left behind.
//!
//! It says what is not the default, and says once at the top what all pairs have in common. Read again, it
//! is the same model.

mod directory;
mod pair;

use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::friendly::{Spacing, SpanPrinter};
use log::LevelFilter;

use self::pair::Common;
use super::admin;
use crate::config::json;
use crate::config::model::{Admin, Config, DRAIN, Fips, Limits, LogFormat, TcpOptions};
use crate::config::tree::Value;

/// The text of a configuration in the native form, in lines for a person.
pub fn print(config: &Config) -> String {
    json::write(&tree(config))
}

fn tree(config: &Config) -> Value {
    let common = Common::of(&config.pairs);
    let mut file = Entries::default();
    common.write_files(&mut file);
    file.if_other("reload_hour", &config.reload.hour, &None, |hour| {
        Value::Whole(hour.unwrap_or_default().into())
    });
    let interval = config.reload.interval;
    file.if_other("reload_interval", &interval, &None, |i| limit(*i));
    file.if_other("watch", &config.reload.watch, &false, |w| Value::Bool(*w));
    common.write_policies(&mut file);
    file.if_other("workers", &config.workers, &0, |w| whole(*w));
    file.object("limits", limits(&config.limits));
    let mut timeouts = common.timeouts();
    timeouts.if_other("drain", &config.drain, &DRAIN, |d| duration(*d));
    file.object("timeouts", timeouts);
    // Pairs have no options of their own in this form.
    if let Some(pair) = config.pairs.first() {
        file.object("tcp", tcp(&pair.tcp));
    }
    file.object("log", log(config));
    file.object("admin", admin(&config.admin));
    file.if_other("fips", &config.fips, &Fips::Off, |fips| {
        text(fips.to_string())
    });
    file.if_other("fips_pq", &config.fips_pq, &false, |p| Value::Bool(*p));
    file.if_other("landlock", &config.landlock, &true, |l| Value::Bool(*l));
    let pairs = config.pairs.iter().map(|pair| common.pair(pair));
    file.put("address_pairs", Value::List(pairs.collect()));
    file.done()
}

fn limits(limits: &Limits) -> Entries {
    let default = Limits::default();
    let mut entries = Entries::default();
    entries.if_other(
        "connections",
        &limits.connections,
        &default.connections,
        |c| bound(*c),
    );
    entries.if_other("handshakes", &limits.handshakes, &default.handshakes, |h| {
        bound(*h)
    });
    entries
}

fn tcp(tcp: &TcpOptions) -> Entries {
    let default = TcpOptions::default();
    let mut entries = Entries::default();
    entries.if_other(
        "keepalive",
        &tcp.keepalive,
        &default.keepalive,
        |k| match k {
            Some(silence) => duration(*silence),
            None => Value::Bool(false),
        },
    );
    entries.if_other("nodelay", &tcp.nodelay, &default.nodelay, |n| {
        Value::Bool(*n)
    });
    entries
}

fn log(config: &Config) -> Entries {
    let mut entries = Entries::default();
    entries.if_other("level", &config.log_level, &LevelFilter::Info, |level| {
        text(level.as_str().to_ascii_lowercase())
    });
    entries.if_other("format", &config.log_format, &LogFormat::Text, |format| {
        text(match format {
            LogFormat::Text => "text",
            LogFormat::Logfmt => "logfmt",
            LogFormat::Json => "json",
        })
    });
    entries
}

fn admin(admin: &Admin) -> Entries {
    let mut entries = Entries::default();
    for (key, addresses) in admin::by_key(admin) {
        entries.one_or_list(
            key,
            addresses.iter().map(|address| text(address.to_string())),
        );
    }
    let default = Admin::default();
    entries.if_other(
        "metric_prefix",
        &admin.metric_prefix,
        &default.metric_prefix,
        |prefix| text(prefix),
    );
    entries
}

/// The keys of an object, as they come to be known.
#[derive(Default)]
struct Entries(Vec<(String, Value)>);

impl Entries {
    fn put(&mut self, key: &str, value: Value) {
        self.0.push((key.to_owned(), value));
    }

    /// What differs from what it is without the key.
    fn if_other<T: PartialEq>(
        &mut self,
        key: &str,
        value: &T,
        without: &T,
        write: impl FnOnce(&T) -> Value,
    ) {
        if value != without {
            self.put(key, write(value));
        }
    }

    /// One value, or a list of several, or nothing.
    fn one_or_list(&mut self, key: &str, values: impl Iterator<Item = Value>) {
        let mut values: Vec<_> = values.collect();
        match values.len() {
            0 => {}
            1 => self.put(key, values.remove(0)),
            _ => self.put(key, Value::List(values)),
        }
    }

    /// An object within, if there is anything in it.
    fn object(&mut self, key: &str, entries: Entries) {
        if !entries.0.is_empty() {
            self.put(key, entries.done());
        }
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

fn text(text: impl AsRef<str>) -> Value {
    Value::Text(text.as_ref().to_owned())
}

fn whole(number: usize) -> Value {
    // No number of ours is beyond this type.
    Value::Whole(i128::try_from(number).unwrap_or(i128::MAX))
}

fn bound(bound: Option<usize>) -> Value {
    whole(bound.unwrap_or(0))
}

fn duration(duration: Duration) -> Value {
    let signed = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    let printer = SpanPrinter::new().spacing(Spacing::None);
    text(printer.duration_to_string(&signed))
}

/// A duration where 0 is no limit.
fn limit(limit: Option<Duration>) -> Value {
    limit.map_or(Value::Whole(0), duration)
}

#[cfg(test)]
mod tests;
