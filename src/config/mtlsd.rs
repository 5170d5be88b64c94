//! The YAML of `mtlsd`: one pair, with its health and metrics.
//!
//! What is blank counts as left out, as it does in Go. What the original does not tell of 0 is decided
//! here, with a warning: no limit where that can be meant, else the default.

use std::time::Duration;

use log::LevelFilter;

use super::address::Address;
use super::host::ServerName;
use super::model::{
    Admin, AdminListener, Config, LogFormat, Mode, Pair, ReloadTriggers, Serves, TlsFiles,
    TlsVersion,
};
use super::problem::quoted;
use super::reader::{Convert, ObjectReader, Reported, Taken};
use super::tree::Value;
use super::validate::{NO_SERVER_NAME, crowded, destination, warning};
use super::value::{self, ADDRESS_HINT};
use crate::identity::{Acl, Rule, RuleKind};

const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
const MAX_CONNECTIONS: usize = 1000;
const HEALTH: &str = "127.0.0.1:9000";
const METRICS: &str = "127.0.0.1:9001";

/// What its metrics' names begin with.
const METRIC_PREFIX: &str = "mtlsd";

/// Reads the root object.
pub(super) fn read(reader: &mut ObjectReader<'_>) -> Result<Config, Reported> {
    let mode = reader.required("mode", "write server, client or bridge", value::mode);
    let inbound = reader.required("listen", ADDRESS_HINT, value::address);
    let outbound = destination(reader, "target", &inbound);
    let tls = reader.required_object("tls", "name cert, key and ca in it", |r| tls(r, mode));
    let allow = reader.take_object("acl", acl).unwrap_or_default();
    let proxy = reader.take_object("proxy", proxy).unwrap_or_default();
    let admin = admin(reader, &inbound);
    let log = reader.take_object("logging", Log::read).unwrap_or_default();
    let mode = mode?;
    let (tls, name) = tls?;
    let outbound = outbound?;
    let name = name_to_prove(reader, mode, &outbound, name)?;
    // The original tells of no list in this mode. To overlook one that somebody has written would be the
    // worse mistake.
    if mode == Mode::Client && !allow.is_empty() {
        let what = "judges the server that target leads to, as a \"client\" has no other peer with a \
                    certificate: leave it out if that is not meant";
        reader.warn("acl", what);
    }
    let inbound = inbound?;
    reader.warn_all(warning(mode, &inbound, "listen"));
    let mut pair = Pair::new(mode, [inbound, outbound], name, tls);
    pair.allow = allow;
    pair.connections = proxy.connections;
    pair.timeouts.connect = proxy.dial;
    pair.timeouts.idle = proxy.idle;
    // A stop ends after the usual time: the original waits for ever, until somebody kills it.
    Ok(Config {
        reload: ReloadTriggers {
            watch: true,
            ..ReloadTriggers::default()
        },
        log_level: log.level,
        log_format: log.format,
        admin,
        ..Config::new(vec![pair])
    })
}

/// The name that the server must prove, where there is a server.
fn name_to_prove(
    reader: &mut ObjectReader<'_>,
    mode: Mode,
    outbound: &Address,
    given: Option<ServerName>,
) -> Taken<ServerName> {
    if !mode.outbound_tls() {
        return Ok(None);
    }
    match given.or_else(|| outbound.server_name()) {
        None => Err(reader.report_at("tls.server_name", NO_SERVER_NAME)),
        name => Ok(name),
    }
}

/// The identity with what it trusts, and the name that the server must prove if it is given.
fn tls(
    reader: &mut ObjectReader<'_>,
    mode: Result<Mode, Reported>,
) -> Result<(TlsFiles, Option<ServerName>), Reported> {
    let cert = reader.required("cert", "name the PEM file of the certificate", value::path);
    let key = reader.required("key", "name the PEM file of its private key", value::path);
    let ca = reader.required(
        "ca",
        "name the PEM file of the authorities to trust",
        value::path,
    );
    if mode == Ok(Mode::Client) && reader.has("client_auth") {
        reader.warn("client_auth", "means nothing to a \"client\": leave it out");
    }
    let client_auth = reader.take("client_auth", client_auth);
    if mode == Ok(Mode::Server) && reader.has("server_name") {
        reader.warn(
            "server_name",
            "means nothing to a \"server\", whose target is plain: leave it out",
        );
    }
    let server_name = reader.take("server_name", value::server_name);
    let min_version = reader.take_or("min_version", TlsVersion::default(), value::min_version);
    let crl = reader.take_any_number("crl", value::path);
    client_auth?;
    let mut tls = TlsFiles::new(cert?, key?, vec![ca?]);
    tls.min_version = min_version;
    tls.revocation.crl = crl?.unwrap_or_default();
    Ok((tls, server_name?))
}

/// Every client must show a certificate. The two other words of the original are words of it, so they
/// are told as something else than a slip of the pen.
fn client_auth(value: &Value) -> Result<(), String> {
    match value {
        Value::Text(word) if word == "optional" || word == "none" => Err(format!(
            "{} would admit clients without a certificate, which is not supported: write \"required\"",
            quoted(word)
        )),
        other => value::one_of(other, &[("required", ())]),
    }
}

/// Either list admits; without an entry everybody whose certificate was verified is.
fn acl(reader: &mut ObjectReader<'_>) -> Acl {
    let mut rules = Vec::new();
    let lists: [(_, Convert<Rule>); 2] = [
        ("allow_cn", |value| rule(RuleKind::Cn, value)),
        ("allow_org", |value| rule(RuleKind::Org, value)),
    ];
    for (key, rule) in lists {
        let list = reader.take_any_number(key, rule);
        rules.extend(list.ok().flatten().unwrap_or_default());
    }
    Acl::new(rules)
}

/// Names are compared as they stand.
fn rule(kind: RuleKind, value: &Value) -> Result<Rule, String> {
    let text = value::text_of(value)?;
    if text.contains('*') {
        // A pattern would admit more than the name, and the name itself cannot be written as one.
        let what = "stars stand for themselves in this form: write the names out, or use a pattern in \
                    allow of the native form";
        return Err(format!("{}: {what}", quoted(&text)));
    }
    Rule::parse(kind, &text).map_err(|what| format!("{}: {what}", quoted(&text)))
}

struct Proxy {
    dial: Duration,
    idle: Option<Duration>,
    connections: Option<usize>,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            dial: DIAL_TIMEOUT,
            idle: Some(IDLE_TIMEOUT),
            connections: Some(MAX_CONNECTIONS),
        }
    }
}

fn proxy(reader: &mut ObjectReader<'_>) -> Proxy {
    let default = Proxy::default();
    let mut proxy = Proxy {
        dial: DIAL_TIMEOUT,
        idle: reader.take_or("idle_timeout", default.idle, duration),
        connections: reader.take_or("max_connections", default.connections, value::bound),
    };
    match reader.take_or("dial_timeout", Some(DIAL_TIMEOUT), duration) {
        Some(dial) => proxy.dial = dial,
        None => reader.warn("dial_timeout", "0 counts as left out: it is 10s"),
    }
    if proxy.idle.is_none() {
        reader.warn(
            "idle_timeout",
            "0 is no limit: leave it out for the default of 90s",
        );
    }
    if proxy.connections.is_none() {
        reader.warn(
            "max_connections",
            "0 is no limit: leave it out for the default of 1000",
        );
    }
    proxy
}

/// Go reads a number without a unit as nanoseconds or not at all, which nobody means.
fn duration(value: &Value) -> Result<Option<Duration>, String> {
    match value {
        Value::Whole(number) if *number != 0 => Err(format!(
            "{number} has no unit: write \"{number}s\" if it is seconds"
        )),
        other => value::idle(other),
    }
}

/// Both listeners are off unless they are asked for; at the same address they are one.
fn admin(reader: &mut ObjectReader<'_>, inbound: &Result<Address, Reported>) -> Admin {
    let health = reader
        .take_object("health", |r| listener(r, HEALTH))
        .flatten();
    let metrics = reader
        .take_object("metrics", |r| listener(r, METRICS))
        .flatten();
    let listeners = match (health, metrics) {
        (Some(health), Some(metrics)) if health == metrics => vec![(health, Serves::Everything)],
        (health, metrics) => {
            let health = health.map(|address| (address, Serves::Health));
            let metrics = metrics.map(|address| (address, Serves::Metrics));
            health.into_iter().chain(metrics).collect()
        }
    };
    let taken = inbound
        .as_ref()
        .ok()
        .map(|address| ("listen".to_owned(), address));
    let more = listeners.iter().map(|(address, serves)| {
        let key = match serves {
            Serves::Metrics => "metrics.listen",
            Serves::Everything | Serves::Health => "health.listen",
        };
        (key.to_owned(), address)
    });
    reader.report_all(crowded(taken, more));
    let listener = |(address, serves)| AdminListener { address, serves };
    Admin {
        listeners: listeners.into_iter().map(listener).collect(),
        metric_prefix: METRIC_PREFIX.to_owned(),
    }
}

fn listener(reader: &mut ObjectReader<'_>, default: &str) -> Option<Address> {
    let is_enabled = reader.take_or("enabled", false, value::yes_or_no);
    let address: Taken<Address> = reader.take("listen", value::address);
    let address = address.ok()?.or_else(|| default.parse().ok());
    address.filter(|_| is_enabled)
}

struct Log {
    level: LevelFilter,
    format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LevelFilter::Info,
            // What Go's slog calls text.
            format: LogFormat::Logfmt,
        }
    }
}

impl Log {
    fn read(reader: &mut ObjectReader<'_>) -> Self {
        let default = Self::default();
        let levels = |value: &Value| {
            let levels = [
                ("debug", LevelFilter::Debug),
                ("info", LevelFilter::Info),
                ("warn", LevelFilter::Warn),
                ("error", LevelFilter::Error),
            ];
            value::one_of(value, &levels)
        };
        let formats = |value: &Value| {
            value::one_of(
                value,
                &[("text", LogFormat::Logfmt), ("json", LogFormat::Json)],
            )
        };
        Self {
            level: reader.take_or("level", default.level, levels),
            format: reader.take_or("format", default.format, formats),
        }
    }
}

#[cfg(test)]
mod tests;
