//! The native form: an object whose keys `config/README.md` lists. Here are those of its top level.

mod admin;
mod allow;
pub(super) mod directory;
mod files;
mod lists;
mod pair;
pub(super) mod print;
mod proxy;
mod trust;

use log::LevelFilter;

use self::files::Files;
use self::lists::Lists;
use self::pair::{Defaults, pair};
use crate::config::model::{
    Admin, Config, DRAIN, Fips, Limits, LogFormat, OnPeerExpiry, OnReload, Pair, ReloadTriggers,
    Resumption, TcpOptions, Timeouts, TlsVersion,
};
use crate::config::reader::{ObjectReader, Reported};
use crate::config::tree::Value;
use crate::config::validate::{Claim, collisions, crowded, warning};
use crate::config::value;

const PAIRS_HINT: &str =
    "write [{\"inbound\": \"localhost:5432\", \"outbound\": \"remote.domain.com:5432\"}]";

/// Reads the root object.
pub(super) fn read(reader: &mut ObjectReader<'_>) -> Result<Config, Reported> {
    let reload = ReloadTriggers {
        hour: reader.take_or("reload_hour", None, |value| value::hour(value).map(Some)),
        interval: reader.take_or("reload_interval", None, value::interval),
        watch: reader.take_or("watch", false, value::switch),
    };
    let workers = reader.take_or("workers", 0, value::workers);
    let limits = reader.take_object("limits", limits).unwrap_or_default();
    let mut drain = DRAIN;
    let timeouts = reader.take_object("timeouts", |r| {
        drain = r.take_or("drain", DRAIN, value::deadline);
        timeouts(r, &Timeouts::default())
    });
    let log = reader.take_object("log", |r| {
        let level = r.take_or("level", LevelFilter::Info, log_level);
        (level, r.take_or("format", LogFormat::default(), log_format))
    });
    let (log_level, log_format) = log.unwrap_or((LevelFilter::Info, LogFormat::default()));
    let admin = reader.take_object("admin", admin::read).unwrap_or_default();
    let (fips, fips_pq) = read_fips(reader);
    let landlock = reader.take_or("landlock", true, value::switch);
    let mut defaults = Defaults {
        files: Files::read(reader),
        min_version: reader.take_or("min_version", TlsVersion::default(), value::min_version),
        resumption: reader.take_or("resumption", Resumption::default(), resumption),
        timeouts: timeouts.unwrap_or_default(),
        tcp: reader.take_object("tcp", tcp_options).unwrap_or_default(),
        revocation: Lists::read(reader),
        on_reload: reader.take_or("on_reload", OnReload::default(), on_reload),
        on_peer_expiry: reader.take_or("on_peer_expiry", OnPeerExpiry::default(), on_peer_expiry),
    };
    let pairs = pairs(reader, &mut defaults, &admin)?;
    Ok(Config {
        pairs,
        reload,
        workers,
        limits,
        drain,
        log_level,
        log_format,
        admin,
        fips,
        fips_pq,
        landlock,
    })
}

fn pairs(
    reader: &mut ObjectReader<'_>,
    defaults: &mut Defaults,
    admin: &Admin,
) -> Result<Vec<Pair>, Reported> {
    let entries = reader.required_objects("address_pairs", PAIRS_HINT, |r| pair(r, defaults))?;
    let mut claims = Vec::new();
    let mut pairs = Vec::new();
    for entry in entries {
        match entry {
            Ok((claim, pair)) => {
                claims.push(claim);
                pairs.push(pair);
            }
            Err(reported) => pairs.push(Err(reported)),
        }
    }
    reader.report_all(collisions(&claims));
    let taken = claims.iter().filter_map(Claim::listener);
    reader.report_all(crowded(taken, admin::listeners(admin)));
    let pairs = pairs.into_iter().collect::<Result<Vec<_>, _>>()?;
    let told = pairs.iter().zip(&claims);
    let warning =
        |(pair, claim): (&Pair, &Claim)| warning(pair.mode, &pair.inbound, &claim.inbound_path());
    reader.warn_all(told.filter_map(warning));
    Ok(pairs)
}

fn limits(reader: &mut ObjectReader<'_>) -> Limits {
    let default = Limits::default();
    Limits {
        connections: reader.take_or("connections", default.connections, value::bound),
        handshakes: reader.take_or("handshakes", default.handshakes, value::bound),
    }
}

/// The waits that the top level and the pairs both may give.
fn timeouts(reader: &mut ObjectReader<'_>, default: &Timeouts) -> Timeouts {
    Timeouts {
        connect: reader.take_or("connect", default.connect, value::deadline),
        handshake: reader.take_or("handshake", default.handshake, value::deadline),
        idle: reader.take_or("idle", default.idle, value::idle),
        half_close: reader.take_or("half_close", default.half_close, value::deadline),
        lifetime: reader.take_or("lifetime", default.lifetime, value::idle),
    }
}

fn tcp_options(reader: &mut ObjectReader<'_>) -> TcpOptions {
    let default = TcpOptions::default();
    TcpOptions {
        keepalive: reader.take_or("keepalive", default.keepalive, value::keepalive),
        nodelay: reader.take_or("nodelay", default.nodelay, value::switch),
    }
}

fn read_fips(reader: &mut ObjectReader<'_>) -> (Fips, bool) {
    let words = |value: &Value| value::one_of(value, &Fips::WORDS);
    let fips = reader.take_or("fips", Fips::default(), words);
    let wants_pq = reader.take_or("fips_pq", false, value::switch);
    if wants_pq && fips == Fips::Off {
        reader.report(
            "fips_pq",
            "means nothing while fips is \"off\": leave it out, or write \"fips\": \"require\"",
        );
    }
    (fips, wants_pq)
}

fn resumption(value: &Value) -> Result<Resumption, String> {
    Ok(match value::switch(value)? {
        true => Resumption::On,
        false => Resumption::Off,
    })
}

fn on_reload(value: &Value) -> Result<OnReload, String> {
    let choices = [
        ("keep", OnReload::Keep),
        ("drain", OnReload::Drain),
        ("close", OnReload::Close),
    ];
    value::one_of(value, &choices)
}

fn on_peer_expiry(value: &Value) -> Result<OnPeerExpiry, String> {
    value::one_of(
        value,
        &[("keep", OnPeerExpiry::Keep), ("close", OnPeerExpiry::Close)],
    )
}

fn log_format(value: &Value) -> Result<LogFormat, String> {
    let formats = [
        ("text", LogFormat::Text),
        ("logfmt", LogFormat::Logfmt),
        ("json", LogFormat::Json),
    ];
    value::one_of(value, &formats)
}

fn log_level(value: &Value) -> Result<LevelFilter, String> {
    let levels = [
        ("error", LevelFilter::Error),
        ("warn", LevelFilter::Warn),
        ("info", LevelFilter::Info),
        ("debug", LevelFilter::Debug),
        ("trace", LevelFilter::Trace),
    ];
    value::one_of(value, &levels)
}

#[cfg(test)]
mod tests;
