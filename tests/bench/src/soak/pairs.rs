//! The pairs of the program, and its configuration.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

/// A pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Pair {
    /// A client before nginx.
    Nginx,
    /// A client before an nginx that is killed and started again.
    Shaky,
    /// A client before `openssl s_server`, which is killed and started again.
    Openssl,
    /// A client before the service with moods, which never speaks TLS.
    Mute,
    /// A server before the service.
    Server,
    /// A server before the service with moods.
    Moody,
    /// A server before the service that reloads remove and add.
    Extra,
    /// A bridge before nginx.
    Bridge,
}

impl Pair {
    pub(super) const ALL: [Pair; 8] = [
        Pair::Nginx,
        Pair::Shaky,
        Pair::Openssl,
        Pair::Mute,
        Pair::Server,
        Pair::Moody,
        Pair::Extra,
        Pair::Bridge,
    ];

    /// Its name in log and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Pair::Nginx => "nginx",
            Pair::Shaky => "shaky",
            Pair::Openssl => "openssl",
            Pair::Mute => "mute",
            Pair::Server => "server",
            Pair::Moody => "moody",
            Pair::Extra => "extra",
            Pair::Bridge => "bridge",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Pair> {
        Pair::ALL.into_iter().find(|pair| pair.name() == name)
    }

    /// Whether its clients speak TLS.
    pub(super) fn has_tls_inbound(self) -> bool {
        matches!(
            self,
            Pair::Server | Pair::Moody | Pair::Extra | Pair::Bridge
        )
    }

    fn mode(self) -> &'static str {
        match self {
            Pair::Bridge => "bridge",
            pair if pair.has_tls_inbound() => "server",
            _ => "client",
        }
    }

    /// A handshake that nobody answers is waited for: not long where that is what the pair is for, and
    /// so long elsewhere that a busy machine is not taken for a fault.
    fn handshake_seconds(self) -> u32 {
        match self {
            Pair::Mute | Pair::Moody => 3,
            _ => 60,
        }
    }
}

/// Where everybody listens.
pub(super) struct Addresses {
    pub(super) admin: SocketAddr,
    pub(super) service: SocketAddr,
    pub(super) nginx: SocketAddr,
    pub(super) shaky: SocketAddr,
    pub(super) openssl: SocketAddr,
    pub(super) moody: SocketAddr,
    /// Of the pairs, in their order.
    pub(super) inbound: Vec<SocketAddr>,
}

impl Addresses {
    pub(super) fn inbound(&self, pair: Pair) -> SocketAddr {
        self.inbound[pair as usize]
    }

    fn outbound(&self, pair: Pair) -> SocketAddr {
        match pair {
            Pair::Nginx | Pair::Bridge => self.nginx,
            Pair::Shaky => self.shaky,
            Pair::Openssl => self.openssl,
            Pair::Mute | Pair::Moody => self.moody,
            Pair::Server | Pair::Extra => self.service,
        }
    }
}

/// The program's configuration, with or without [`Pair::Extra`]. Its identities lie in `own`.
pub(super) fn config(addresses: &Addresses, own: &Path, ca: &Path, has_extra: bool) -> Value {
    let pairs = Pair::ALL.into_iter();
    let pairs = pairs.filter(|pair| has_extra || *pair != Pair::Extra);
    let pair = |pair: Pair| {
        let mut value = json!({
            "name": pair.name(),
            "mode": pair.mode(),
            "inbound": addresses.inbound(pair).to_string(),
            "outbound": addresses.outbound(pair).to_string(),
            "timeouts": { "handshake": pair.handshake_seconds(), "connect": 60, "half_close": 600 },
        });
        if pair.mode() != "server" {
            value["server_name"] = json!("localhost");
        }
        if matches!(pair, Pair::Nginx | Pair::Bridge) {
            // nginx sends none to whoever has sent one.
            value["on_truncation"] = json!("end");
        }
        if pair.has_tls_inbound() {
            value["cert"] = json!(own.join("localhost.pem"));
            value["key"] = json!(own.join("localhost.key"));
        }
        value
    };
    json!({
        "cert": own.join("soak.pem"),
        "key": own.join("soak.key"),
        "ca": ca,
        "watch": true,
        "log": { "format": "json" },
        "admin": { "listen": addresses.admin.to_string() },
        "address_pairs": pairs.map(pair).collect::<Vec<_>>(),
    })
}
