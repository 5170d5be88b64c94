//! Envoy with its TCP proxy filter.

use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::tools::{self, Files};
use super::{About, Mode, SERVER_NAME, Setup};

const TLS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const TCP_PROXY: &str =
    "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";

/// It says `version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`.
pub(super) fn about(program: &Path) -> Result<About, String> {
    let said = tools::said(program, "--version")?;
    let parts = tools::words_after(&said, "version:", 1).unwrap_or_default();
    let mut parts = parts.split('/');
    let version = parts.nth(1);
    Ok(About {
        version: version
            .ok_or_else(|| tools::not_understood("version", &said))?
            .to_owned(),
        library: parts.next_back().unwrap_or("unknown").to_owned(),
    })
}

pub(super) fn command(program: &Path, setup: &Setup<'_>, files: &Files) -> io::Result<Command> {
    let config = files.config("envoy.json", &format!("{:#}\n", bootstrap(setup, files)))?;
    let mut command = Command::new(program);
    command.args(["-c", &config, "--concurrency", &tools::WORKERS.to_string()]);
    command.args(["--log-level", "warning"]);
    // Shared memory and a socket for a successor that will not come; they would also be in the way
    // of a second process.
    command.arg("--disable-hot-restart");
    Ok(command)
}

fn bootstrap(setup: &Setup<'_>, files: &Files) -> Value {
    json!({
        "static_resources": {
            "listeners": [listener(setup, files)],
            "clusters": [cluster(setup, files)],
        },
        // Its statistics cannot be turned off, but none needs to be kept under a name.
        "stats_config": { "stats_matcher": { "reject_all": true } },
    })
}

fn listener(setup: &Setup<'_>, files: &Files) -> Value {
    let filter = json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": TCP_PROXY,
            "stat_prefix": "bench",
            "cluster": "far",
            "idle_timeout": seconds(tools::IDLE_SECONDS),
        },
    });
    let mut chain = json!({ "filters": [filter] });
    if setup.mode == Mode::Server {
        chain["transport_socket"] = inbound_tls(files);
    }
    json!({
        "name": "bench",
        "address": address(setup.inbound),
        "tcp_backlog_size": tools::BACKLOG,
        // Its documentation advises this for few long connections, of which chance could give most
        // to one worker.
        "connection_balance_config": { "exact_balance": {} },
        "filter_chains": [chain],
    })
}

fn cluster(setup: &Setup<'_>, files: &Files) -> Value {
    let most = tools::connections();
    let mut cluster = json!({
        "name": "far",
        "type": "STATIC",
        "connect_timeout": seconds(tools::CONNECT_SECONDS),
        // The defaults end at 1024.
        "circuit_breakers": { "thresholds": [{
            "max_connections": most,
            "max_pending_requests": most,
            "max_requests": most,
        }] },
        "load_assignment": {
            "cluster_name": "far",
            "endpoints": [{ "lb_endpoints": [{
                "endpoint": { "address": address(setup.outbound) },
            }] }],
        },
    });
    if setup.mode == Mode::Client {
        cluster["transport_socket"] = outbound_tls(files);
    }
    cluster
}

fn inbound_tls(files: &Files) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("{TLS}.DownstreamTlsContext"),
            "require_client_certificate": true,
            "common_tls_context": common(files, json!({ "trusted_ca": { "filename": files.ca } })),
        },
    })
}

fn outbound_tls(files: &Files) -> Value {
    let trust = json!({
        "trusted_ca": { "filename": files.ca },
        "match_typed_subject_alt_names": [{
            "san_type": "DNS",
            "matcher": { "exact": SERVER_NAME },
        }],
    });
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("{TLS}.UpstreamTlsContext"),
            "sni": SERVER_NAME,
            // A ticket of TLS 1.3 is used once, and the default keeps a single one, so that
            // connections made at once would not resume.
            "max_session_keys": tools::SESSIONS,
            "common_tls_context": common(files, trust),
        },
    })
}

/// The cipher suites of TLS 1.3 cannot be chosen, see [`tools::SUITE`].
fn common(files: &Files, trust: Value) -> Value {
    json!({
        "tls_params": {
            "tls_minimum_protocol_version": "TLSv1_3",
            "tls_maximum_protocol_version": "TLSv1_3",
            "ecdh_curves": [tools::GROUP],
        },
        "tls_certificates": [{
            "certificate_chain": { "filename": files.cert },
            "private_key": { "filename": files.key },
        }],
        "validation_context": trust,
    })
}

fn address(address: std::net::SocketAddr) -> Value {
    json!({ "socket_address": {
        "address": address.ip().to_string(),
        "port_value": address.port(),
    } })
}

fn seconds(count: u32) -> String {
    format!("{count}s")
}
