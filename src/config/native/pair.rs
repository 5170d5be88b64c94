//! One entry of `address_pairs`.

use super::allow::Allow;
use super::files::Files;
use super::lists::Lists;
use super::proxy::proxy_protocol;
use super::{on_peer_expiry, on_reload, resumption, timeouts};
use crate::config::address::Address;
use crate::config::host::ServerName;
use crate::config::model::{
    Mode, OnPeerExpiry, OnReload, OnTruncation, Pair, Resumption, TcpOptions, Timeouts, TlsFiles,
    TlsVersion,
};
use crate::config::reader::{ObjectReader, Reported, Taken};
use crate::config::tree::Value;
use crate::config::validate::{Claim, NO_SERVER_NAME, destination};
use crate::config::value::{self, ADDRESS_HINT};

/// What the top level says for every pair that does not say otherwise.
pub(super) struct Defaults {
    pub(super) files: Files,
    pub(super) min_version: TlsVersion,
    pub(super) resumption: Resumption,
    pub(super) timeouts: Timeouts,
    pub(super) tcp: TcpOptions,
    pub(super) revocation: Lists,
    pub(super) on_reload: OnReload,
    pub(super) on_peer_expiry: OnPeerExpiry,
}

/// Reads one pair. What it claims is known even where the rest of it is wrong.
pub(super) fn pair(
    reader: &mut ObjectReader<'_>,
    defaults: &mut Defaults,
) -> (Claim, Result<Pair, Reported>) {
    let name = reader.take("name", value::name);
    let inbound = reader.required("inbound", ADDRESS_HINT, value::address);
    let name = match name {
        Ok(Some(name)) => Ok(name),
        Ok(None) => inbound
            .as_ref()
            .map(Address::to_string)
            .map_err(|reported| *reported),
        Err(reported) => Err(reported),
    };
    let claim = Claim {
        path: reader.path().to_owned(),
        name: name.clone().ok(),
        inbound: inbound.clone().ok(),
    };
    (claim, complete(reader, defaults, name, inbound))
}

fn complete(
    reader: &mut ObjectReader<'_>,
    defaults: &mut Defaults,
    name: Result<String, Reported>,
    inbound: Result<Address, Reported>,
) -> Result<Pair, Reported> {
    let mode = reader
        .take("mode", value::mode)
        .map(Option::unwrap_or_default);
    let outbound = destination(reader, "outbound", &inbound);
    let server_name = reader.take("server_name", value::server_name);
    let server_name = name_to_prove(reader, mode, &outbound, server_name);
    let tls = tls(reader, defaults);
    let timeouts = reader.take_object("timeouts", |r| timeouts(r, &defaults.timeouts));
    let limits = reader.take_object("limits", |r| r.take_or("connections", None, value::bound));
    let on_truncation = reader.take_or("on_truncation", OnTruncation::default(), on_truncation);
    let on_reload = reader.take_or("on_reload", defaults.on_reload, on_reload);
    let on_peer_expiry = reader.take_or("on_peer_expiry", defaults.on_peer_expiry, on_peer_expiry);
    let allow = Allow::read(reader, mode);
    let proxy_protocol = reader
        .take_object("proxy_protocol", |r| {
            proxy_protocol(r, inbound.as_ref().ok())
        })
        .transpose();
    Ok(Pair {
        name: name?,
        mode: mode?,
        inbound: inbound?,
        outbound: outbound?,
        server_name: server_name?,
        tls: tls?,
        timeouts: timeouts.unwrap_or_else(|| defaults.timeouts.clone()),
        connections: limits.flatten(),
        on_truncation,
        on_reload,
        on_peer_expiry,
        allow: allow.list,
        allow_outbound: allow.outbound,
        allow_mode: allow.mode,
        proxy_protocol: proxy_protocol?.unwrap_or_default(),
        tcp: defaults.tcp.clone(),
    })
}

/// The name that the server must prove: the configured one, or else the host of `outbound`.
fn name_to_prove(
    reader: &mut ObjectReader<'_>,
    mode: Result<Mode, Reported>,
    outbound: &Result<Address, Reported>,
    configured: Taken<ServerName>,
) -> Taken<ServerName> {
    let configured = configured?;
    if !mode?.outbound_tls() {
        return match configured {
            None => Ok(None),
            Some(_) => Err(reader.report(
                "server_name",
                "the outbound leg of a \"server\" is plain and proves no name: leave it out, or \
                 write \"mode\": \"bridge\"",
            )),
        };
    }
    match (configured, outbound) {
        (Some(name), _) => Ok(Some(name)),
        (None, Ok(outbound)) => match outbound.server_name() {
            Some(name) => Ok(Some(name)),
            None => Err(reader.report("server_name", NO_SERVER_NAME)),
        },
        (None, Err(reported)) => Err(*reported),
    }
}

fn tls(reader: &mut ObjectReader<'_>, defaults: &mut Defaults) -> Result<TlsFiles, Reported> {
    let own = Files::read(reader);
    let min_version = reader.take_or("min_version", defaults.min_version, value::min_version);
    let resumption = reader.take_or("resumption", defaults.resumption, resumption);
    let revocation = Lists::read(reader).or(&defaults.revocation);
    let identity = own.identity(&mut defaults.files, reader);
    let ca = own.authorities(&mut defaults.files, reader);
    let (cert, key) = identity?;
    Ok(TlsFiles {
        cert,
        key,
        ca: ca?,
        min_version,
        resumption,
        revocation: revocation?,
    })
}

fn on_truncation(value: &Value) -> Result<OnTruncation, String> {
    value::one_of(
        value,
        &[("abort", OnTruncation::Abort), ("end", OnTruncation::End)],
    )
}

#[cfg(test)]
mod tests;
