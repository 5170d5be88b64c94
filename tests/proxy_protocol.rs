//! The PROXY protocol, in and out: real connections, and HAProxy and nginx on the other end.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "proxy_protocol/inbound.rs"]
mod inbound;
#[path = "proxy_protocol/outbound.rs"]
mod outbound;
#[path = "proxy_protocol/proxies.rs"]
mod proxies;
#[path = "proxy_protocol/sources.rs"]
mod sources;
#[path = "proxy_protocol/tlvs.rs"]
mod tlvs;

use mtls_persona::tls::Role;
use serde_json::{Value, json};
use support::backend::ping;
use support::pairs;
use support::tls::{alice, localhost};

/// A header of version 1, of a client that is nobody.
const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.9 56324 443\r\n";

/// The same in version 2.
const BINARY: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x09\xdc\x04\x01\xbb";

/// A header of version 2 for nobody.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// The source in both of them.
const TOLD: &str = "192.0.2.7:56324";

/// The first pair of a configuration with what it has to do with headers.
fn with_proxy(config: Value, proxy_protocol: Value) -> Value {
    pairs::with(config, "/address_pairs/0/proxy_protocol", proxy_protocol)
}

/// A pair's connections from this machine must begin with a header.
fn from_here(config: Value) -> Value {
    with_proxy(config, json!({ "in": { "from": ["127.0.0.0/8", "::1"] } }))
}
