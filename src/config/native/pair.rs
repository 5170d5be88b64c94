//! One entry of `address_pairs`.

use super::allow::Allow;
use super::directory::{HOST_PORT, directory, id_source};
use super::files::Files;
use super::lists::Lists;
use super::proxy::proxy_protocol;
use super::trust::pins;
use super::{on_peer_expiry, on_reload, resumption, timeouts};
use std::sync::Arc;

use crate::config::address::{Address, Host};
use crate::config::host::ServerName;
use crate::config::model::{
    Directory, IdSource, Mode, OnPeerExpiry, OnReload, OnTruncation, Pair, Resumption, Revocation,
    TcpOptions, Timeouts, TlsFiles, TlsVersion,
};
use crate::config::reader::{ObjectReader, Reported, Taken};
use crate::config::tree::Value;
use crate::config::validate::{Claim, NO_SERVER_NAME, destination};
use crate::config::value::{self, ADDRESS_HINT};
use crate::identity::Pins;
use crate::route::ConnectId;

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
        .take("mode", value::any_mode)
        .map(Option::unwrap_or_default);
    let pins = pins(reader, mode);
    let outbound = match mode {
        Ok(Mode::Connector) => no_destination(reader),
        _ => destination(reader, "outbound", &inbound),
    };
    let server_name = reader.take("server_name", value::server_name);
    let server_name = match &pins {
        // What its key is says who it is, or that is to be told anew.
        Ok(Some(_)) | Err(_) => server_name.map(|_| None),
        Ok(None) => name_to_prove(reader, mode, &outbound, server_name),
    };
    let tls = tls(reader, defaults, pins);
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
    let client_cert_header = client_cert_header(reader, mode);
    let asked = asked(reader, mode, &tls);
    let (connect_id, directory) = asked?;
    let judges_nobody = |directory: &Arc<Directory>| !directory.outbound_mtls;
    if directory.as_ref().is_some_and(judges_nobody) && !allow.outbound.is_empty() {
        let what = "hosts of this connector are reached plainly, so that there is nobody to judge: leave it \
                    out, or write \"outbound_mtls\": true in directory";
        return Err(reader.report("allow_outbound", what));
    }
    let outbound = match &directory {
        Some(directory) => Ok(no_host(directory.default_port)),
        None => outbound,
    };
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
        client_cert_header: client_cert_header?,
        tcp: defaults.tcp.clone(),
        connect_id,
        directory,
    })
}

/// What stands in the place of a destination where a database has the hosts.
fn no_host(default_port: u16) -> Address {
    Address::Tcp {
        host: Host::Any,
        port: default_port,
    }
}

fn no_destination(reader: &mut ObjectReader<'_>) -> Result<Address, Reported> {
    if reader.has("outbound") {
        let _ = reader.take("outbound", |_| Ok(()));
        let what = "a \"connector\" goes where its database says: leave it out";
        return Err(reader.report("outbound", what));
    }
    Ok(no_host(HOST_PORT))
}

/// The host that a client asks a connector for, or what a connector goes by.
fn asked(
    reader: &mut ObjectReader<'_>,
    mode: Result<Mode, Reported>,
    tls: &Result<TlsFiles, Reported>,
) -> Result<(Option<ConnectId>, Option<Arc<Directory>>), Reported> {
    let mode = mode?;
    if mode == Mode::Connector {
        let source = reader.take_or("connect_id", IdSource::default(), id_source);
        let ca = tls.as_ref().map(|tls| tls.ca.clone());
        let ca = ca.map_err(|reported| *reported);
        return Ok((None, Some(directory(reader, source, &ca)?)));
    }
    if reader.take("directory", |_| Ok(()))?.is_some() {
        let what = "only a \"connector\" has one: leave it out, or write \"mode\": \"connector\"";
        return Err(reader.report("directory", what));
    }
    let connect_id = reader.take("connect_id", value::connect_id)?;
    if connect_id.is_some() && !mode.outbound_tls() {
        let what = "a connector is asked over TLS, and the outbound leg of a \"server\" is plain: leave \
                    it out";
        return Err(reader.report("connect_id", what));
    }
    Ok((connect_id, None))
}

fn client_cert_header(
    reader: &mut ObjectReader<'_>,
    mode: Result<Mode, Reported>,
) -> Result<bool, Reported> {
    let is_on = reader.take_or("client_cert_header", false, value::switch);
    if is_on && mode? == Mode::Connector {
        let what = "the hosts of a \"connector\" need not speak HTTP: leave it out, or use a \"server\" for one \
                    that does";
        return Err(reader.report("client_cert_header", what));
    }
    Ok(is_on)
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
                "the outbound leg of a \"server\" and of a \"connector\" is plain and proves no name: \
                 leave it out, or write \"mode\": \"bridge\"",
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

fn tls(
    reader: &mut ObjectReader<'_>,
    defaults: &mut Defaults,
    pins: Taken<Pins>,
) -> Result<TlsFiles, Reported> {
    let own = Files::read(reader);
    let min_version = reader.take_or("min_version", defaults.min_version, value::min_version);
    let resumption = reader.take_or("resumption", defaults.resumption, resumption);
    let lists = Lists::read(reader);
    let identity = own.identity(&mut defaults.files, reader);
    let pins = pins?;
    let (ca, revocation) = match &pins {
        Some(_) => (Ok(Vec::new()), Ok(Revocation::default())),
        None => (
            own.authorities(&mut defaults.files, reader),
            lists.or(&defaults.revocation),
        ),
    };
    let (cert, key) = identity?;
    Ok(TlsFiles {
        cert,
        key,
        ca: ca?,
        pins,
        given: None,
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
