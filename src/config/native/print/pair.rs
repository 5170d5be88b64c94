//! The entries of `address_pairs`, and what they have in common.

use std::path::PathBuf;

use super::{Entries, bound, directory, duration, limit, text};
use crate::config::model::{
    AllowMode, CrlScope, IdSource, Mode, OnPeerExpiry, OnReload, OnStaleCrl, OnTruncation, Pair,
    ProxyProtocol, Resumption, Revocation, Timeouts, TlsFiles, TlsVersion,
};
use crate::config::tree::Value;
use crate::identity::{Acl, Pin, Pins};
use crate::route::ConnectId;

/// What the top level says for every pair: what all of them have in common.
pub(super) struct Common {
    identity: Option<(PathBuf, PathBuf)>,
    ca: Option<Vec<PathBuf>>,
    inherited: Inherited,
}

/// What a pair takes from the top level unless it says otherwise.
#[derive(Default)]
struct Inherited {
    min_version: TlsVersion,
    resumption: Resumption,
    revocation: Revocation,
    timeouts: Timeouts,
    on_reload: OnReload,
    on_peer_expiry: OnPeerExpiry,
}

impl Common {
    pub(super) fn of(pairs: &[Pair]) -> Self {
        Self {
            identity: shared(pairs, |pair| identity(&pair.tls)),
            ca: shared(pairs, |pair| pair.tls.ca.clone()),
            inherited: Inherited {
                min_version: shared(pairs, |p| p.tls.min_version).unwrap_or_default(),
                resumption: shared(pairs, |p| p.tls.resumption).unwrap_or_default(),
                revocation: Revocation {
                    crl: shared(pairs, |p| p.tls.revocation.crl.clone()).unwrap_or_default(),
                    scope: shared(pairs, |p| p.tls.revocation.scope).unwrap_or_default(),
                    on_stale: shared(pairs, |p| p.tls.revocation.on_stale).unwrap_or_default(),
                },
                timeouts: common_timeouts(pairs),
                on_reload: shared(pairs, |p| p.on_reload).unwrap_or_default(),
                on_peer_expiry: shared(pairs, |p| p.on_peer_expiry).unwrap_or_default(),
            },
        }
    }

    /// Certificate, key and trust, and how they are used.
    pub(super) fn write_files(&self, file: &mut Entries) {
        if let Some(own) = &self.identity {
            write_identity(file, own);
        }
        if let Some(ca) = &self.ca {
            write_paths(file, "ca", ca);
        }
        let default = Inherited::default();
        self.inherited.write_tls(file, &default);
    }

    /// What becomes of connections.
    pub(super) fn write_policies(&self, file: &mut Entries) {
        self.inherited.write_policies(file, &Inherited::default());
    }

    pub(super) fn timeouts(&self) -> Entries {
        timeouts(&self.inherited.timeouts, &Timeouts::default())
    }

    /// One entry, without what the top level says already.
    pub(super) fn pair(&self, pair: &Pair) -> Value {
        let own = Inherited::of(pair);
        let mut entries = Entries::default();
        entries.if_other("name", &pair.name, &pair.inbound.to_string(), |name| {
            text(name)
        });
        entries.if_other("mode", &pair.mode, &Mode::default(), |mode| {
            text(mode.to_string())
        });
        entries.put("inbound", text(pair.inbound.to_string()));
        match &pair.directory {
            None => entries.put("outbound", text(pair.outbound.to_string())),
            Some(directory) => {
                entries.if_other("connect_id", &directory.connect_id, &IdSource::Line, |_| {
                    text("sni")
                });
                entries.put(
                    "directory",
                    directory::write(directory, &pair.tls.ca).done(),
                );
            }
        }
        entries.if_other("connect_id", &pair.connect_id, &None, |id| {
            text(id.as_ref().map_or("", ConnectId::as_str))
        });
        if pair.server_name.is_some() && pair.server_name != pair.outbound.server_name() {
            let name = pair.server_name.as_ref().map(ToString::to_string);
            entries.put("server_name", text(name.unwrap_or_default()));
        }
        if self.identity.is_none() {
            write_identity(&mut entries, &identity(&pair.tls));
        }
        write_pins(&mut entries, &pair.tls);
        if self.ca.is_none() {
            write_paths(&mut entries, "ca", &pair.tls.ca);
        }
        own.write_tls(&mut entries, &self.inherited);
        let timeouts = timeouts(&own.timeouts, &self.inherited.timeouts);
        entries.object("timeouts", timeouts);
        let mut limits = Entries::default();
        limits.if_other("connections", &pair.connections, &None, |c| bound(*c));
        entries.object("limits", limits);
        write_allow(&mut entries, pair);
        entries.if_other(
            "on_truncation",
            &pair.on_truncation,
            &OnTruncation::Abort,
            |_| text("end"),
        );
        entries.object("proxy_protocol", proxy_protocol(&pair.proxy_protocol));
        let has_header = &pair.client_cert_header;
        entries.if_other("client_cert_header", has_header, &false, |is_on| {
            Value::Bool(*is_on)
        });
        own.write_policies(&mut entries, &self.inherited);
        entries.done()
    }
}

impl Inherited {
    fn of(pair: &Pair) -> Self {
        Self {
            min_version: pair.tls.min_version,
            resumption: pair.tls.resumption,
            revocation: pair.tls.revocation.clone(),
            timeouts: pair.timeouts.clone(),
            on_reload: pair.on_reload,
            on_peer_expiry: pair.on_peer_expiry,
        }
    }

    fn write_tls(&self, to: &mut Entries, without: &Self) {
        to.if_other(
            "min_version",
            &self.min_version,
            &without.min_version,
            |v| {
                text(match v {
                    TlsVersion::Tls12 => "TLS1.2",
                    TlsVersion::Tls13 => "TLS1.3",
                })
            },
        );
        to.if_other("resumption", &self.resumption, &without.resumption, |r| {
            Value::Bool(*r != Resumption::Off)
        });
        let (own, other) = (&self.revocation, &without.revocation);
        if own.crl != other.crl {
            write_paths(to, "crl", &own.crl);
        }
        to.if_other("crl_scope", &own.scope, &other.scope, |scope| {
            text(match scope {
                CrlScope::Chain => "chain",
                CrlScope::Leaf => "leaf",
            })
        });
        to.if_other(
            "on_stale_crl",
            &own.on_stale,
            &other.on_stale,
            |on_stale| match on_stale {
                OnStaleCrl::Fail => text("fail"),
                OnStaleCrl::Warn => text("warn"),
                OnStaleCrl::Grace(grace) => duration(*grace),
            },
        );
    }

    fn write_policies(&self, to: &mut Entries, without: &Self) {
        to.if_other("on_reload", &self.on_reload, &without.on_reload, |policy| {
            text(match policy {
                OnReload::Keep => "keep",
                OnReload::Drain => "drain",
                OnReload::Close => "close",
            })
        });
        let (own, other) = (&self.on_peer_expiry, &without.on_peer_expiry);
        to.if_other("on_peer_expiry", own, other, |policy| {
            text(match policy {
                OnPeerExpiry::Keep => "keep",
                OnPeerExpiry::Close => "close",
            })
        });
    }
}

/// What is the same for all pairs.
fn shared<T: PartialEq>(pairs: &[Pair], of: impl Fn(&Pair) -> T) -> Option<T> {
    let mut values = pairs.iter().map(of);
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

fn common_timeouts(pairs: &[Pair]) -> Timeouts {
    let default = Timeouts::default();
    let of = |wait: fn(&Timeouts) -> std::time::Duration| shared(pairs, |p| wait(&p.timeouts));
    let limit_of = |wait: fn(&Timeouts) -> Option<std::time::Duration>| {
        shared(pairs, |pair| wait(&pair.timeouts)).flatten()
    };
    Timeouts {
        connect: of(|t| t.connect).unwrap_or(default.connect),
        handshake: of(|t| t.handshake).unwrap_or(default.handshake),
        idle: limit_of(|t| t.idle),
        half_close: of(|t| t.half_close).unwrap_or(default.half_close),
        lifetime: limit_of(|t| t.lifetime),
    }
}

fn timeouts(own: &Timeouts, without: &Timeouts) -> Entries {
    let mut entries = Entries::default();
    entries.if_other("connect", &own.connect, &without.connect, |d| duration(*d));
    entries.if_other("handshake", &own.handshake, &without.handshake, |d| {
        duration(*d)
    });
    entries.if_other("idle", &own.idle, &without.idle, |d| limit(*d));
    entries.if_other("half_close", &own.half_close, &without.half_close, |d| {
        duration(*d)
    });
    entries.if_other("lifetime", &own.lifetime, &without.lifetime, |d| limit(*d));
    entries
}

fn identity(tls: &TlsFiles) -> (PathBuf, PathBuf) {
    (tls.cert.clone(), tls.key.clone())
}

fn write_identity(to: &mut Entries, (cert, key): &(PathBuf, PathBuf)) {
    write_paths(to, "cert", std::slice::from_ref(cert));
    write_paths(to, "key", std::slice::from_ref(key));
}

/// The keys of the peer of the one TLS leg, or of both peers.
fn write_pins(to: &mut Entries, tls: &TlsFiles) {
    let Some(Pins { clients, servers }) = &tls.pins else {
        return;
    };
    to.put("trust", text("pinned"));
    let (pins, outbound) = match clients.is_empty() {
        true => (servers, clients),
        false => (clients, servers),
    };
    let written = |pins: &[Pin]| {
        pins.iter()
            .map(|pin| text(pin.to_string()))
            .collect::<Vec<_>>()
    };
    to.one_or_list("pins", written(pins).into_iter());
    to.one_or_list("pins_outbound", written(outbound).into_iter());
}

/// One path or a list of them.
pub(super) fn write_paths(to: &mut Entries, key: &str, paths: &[PathBuf]) {
    // They were text when they were read.
    to.one_or_list(key, paths.iter().map(|path| text(path.to_string_lossy())));
}

fn write_allow(to: &mut Entries, pair: &Pair) {
    to.object("allow", acl(&pair.allow));
    to.object("allow_outbound", acl(&pair.allow_outbound));
    to.if_other("allow_mode", &pair.allow_mode, &AllowMode::Enforce, |_| {
        text("observe")
    });
}

fn proxy_protocol(proxy: &ProxyProtocol) -> Entries {
    let mut from = Entries::default();
    from.one_or_list("from", proxy.from.0.iter().map(|s| text(s.to_string())));
    let mut entries = Entries::default();
    entries.object("in", from);
    if let Some(version) = proxy.out {
        entries.put("out", text(version.to_string()));
    }
    entries
}

fn acl(acl: &Acl) -> Entries {
    let mut entries = Entries::default();
    for list in acl
        .rules()
        .chunk_by(|one, other| one.kind() == other.kind())
    {
        if let Some(rule) = list.first() {
            let patterns = list.iter().map(|rule| text(rule.pattern()));
            entries.one_or_list(rule.kind().label(), patterns);
        }
    }
    entries
}
