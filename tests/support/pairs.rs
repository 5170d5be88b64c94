//! Configurations of the usual arrangements.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};

use super::certs::TestPki;
use super::program::free_port;

/// A persona before a gateway, in one program: pairs `persona` and `gateway`.
pub fn both(pki: &TestPki, outbound: SocketAddr) -> Value {
    let between = lone_address();
    let mut gateway = server(pki, outbound);
    let mut persona = client(pki, between);
    let mut pair = gateway["address_pairs"][0].take();
    pair["inbound"] = json!(between.to_string());
    for key in ["cert", "key"] {
        pair[key] = gateway[key].take();
    }
    let pairs = persona["address_pairs"].as_array_mut().unwrap();
    pairs.push(pair);
    persona
}

/// A persona alone: the pair `persona`, before a server that proves to be `localhost`.
pub fn client(pki: &TestPki, outbound: SocketAddr) -> Value {
    let files = pki.client("alice");
    json!({
        "ca": pki.ca, "cert": files.cert, "key": files.key,
        "address_pairs": [{
            "name": "persona", "inbound": "127.0.0.1:0",
            "outbound": outbound.to_string(), "server_name": "localhost",
        }],
    })
}

/// A gateway alone: the pair `gateway`.
pub fn server(pki: &TestPki, outbound: SocketAddr) -> Value {
    let files = pki.server("localhost");
    json!({
        "ca": pki.ca, "cert": files.cert, "key": files.key,
        "address_pairs": [{
            "name": "gateway", "mode": "server", "inbound": "127.0.0.1:0",
            "outbound": outbound.to_string(),
        }],
    })
}

/// A free port on a loopback address of its own: there no connection of another test has its near end,
/// which could be on that very port by the time that somebody listens.
pub fn lone_address() -> SocketAddr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let last = COUNT.fetch_add(1, Ordering::Relaxed);
    let address = Ipv4Addr::new(127, 128 | high, low, last);
    SocketAddr::from((address, free_port()))
}

/// Changes one key of a configuration, such as `/timeouts/idle`; makes the objects above it.
pub fn with(mut config: Value, path: &str, value: impl Into<Value>) -> Value {
    let mut at = &mut config;
    for key in path.trim_start_matches('/').split('/') {
        at = match key.parse::<usize>() {
            Ok(index) => &mut at[index],
            Err(_) => &mut at[key],
        };
    }
    *at = value.into();
    config
}

/// The same with a pair `nameless` in addition, as the first one but with a destination whose name nobody has.
pub fn with_nameless(mut config: Value) -> Value {
    let mut nameless = config["address_pairs"][0].clone();
    nameless["name"] = json!("nameless");
    nameless["outbound"] = json!("db.invalid:5432");
    let pairs = config["address_pairs"].as_array_mut().unwrap();
    pairs.push(nameless);
    config
}
