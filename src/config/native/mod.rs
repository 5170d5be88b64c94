//! The native form: an object whose keys `config/README.md` lists. Here are those of its top level.

mod allow;
mod files;
mod lists;
mod pair;

use log::LevelFilter;

use self::files::Files;
use self::lists::Lists;
use self::pair::{Defaults, address, pair};
use crate::config::Loaded;
use crate::config::model::{
    Admin, AdminListener, Config, DRAIN, Limits, OnPeerExpiry, OnReload, Pair, ReloadTriggers,
    Serves, TcpOptions, Timeouts, TlsVersion,
};
use crate::config::problem::Problem;
use crate::config::reader::{ObjectReader, Reported};
use crate::config::tree::Value;
use crate::config::validate::{collisions, warning};
use crate::config::value;

const PAIRS_HINT: &str =
    "write [{\"inbound\": \"localhost:5432\", \"outbound\": \"remote.domain.com:5432\"}]";

/// Reads the root object.
pub(super) fn read(reader: &mut ObjectReader<'_>) -> Result<Loaded, Reported> {
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
    let log_level = reader.take_object("log", |r| r.take_or("level", LevelFilter::Info, log_level));
    let admin = reader.take_object("admin", admin).unwrap_or_default();
    let mut defaults = Defaults {
        files: Files::read(reader),
        min_version: reader.take_or("min_version", TlsVersion::default(), min_version),
        resumption: reader.take_or("resumption", true, value::switch),
        timeouts: timeouts.unwrap_or_default(),
        tcp: reader.take_object("tcp", tcp_options).unwrap_or_default(),
        revocation: Lists::read(reader),
        on_reload: reader.take_or("on_reload", OnReload::default(), on_reload),
        on_peer_expiry: reader.take_or("on_peer_expiry", OnPeerExpiry::default(), on_peer_expiry),
    };
    let (pairs, warnings) = pairs(reader, &mut defaults)?;
    let log_level = log_level.unwrap_or(LevelFilter::Info);
    let config = Config {
        pairs,
        reload,
        workers,
        limits,
        drain,
        log_level,
        admin,
    };
    Ok(Loaded { config, warnings })
}

fn pairs(
    reader: &mut ObjectReader<'_>,
    defaults: &mut Defaults,
) -> Result<(Vec<Pair>, Vec<Problem>), Reported> {
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
    let pairs = pairs.into_iter().collect::<Result<Vec<_>, _>>()?;
    let warnings = pairs
        .iter()
        .zip(&claims)
        .filter_map(|(pair, claim)| warning(pair, claim))
        .collect();
    Ok((pairs, warnings))
}

fn admin(reader: &mut ObjectReader<'_>) -> Admin {
    let mut listeners = Vec::new();
    for (key, serves) in [
        ("listen", Serves::Everything),
        ("health", Serves::Health),
        ("metrics", Serves::Metrics),
    ] {
        let address = reader.take_or(key, None, |value| address(value).map(Some));
        listeners.extend(address.map(|address| AdminListener { address, serves }));
    }
    let default = Admin::default().metric_prefix;
    Admin {
        listeners,
        metric_prefix: reader.take_or("metric_prefix", default, value::metric_prefix),
    }
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

fn min_version(value: &Value) -> Result<TlsVersion, String> {
    value::one_of(
        value,
        &[("TLS1.2", TlsVersion::Tls12), ("TLS1.3", TlsVersion::Tls13)],
    )
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
