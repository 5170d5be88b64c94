//! What a pair has to do with the PROXY protocol.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// Whose connections begin with a PROXY header, and what header outbound connections begin with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyProtocol {
    /// From whom an inbound connection has to begin with a header; from nobody else it may.
    pub from: Sources,
    /// The header of outbound connections; none for no header.
    pub out: Option<ProxyVersion>,
}

/// A version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary, with what is known of a client's TLS.
    V2,
}

impl fmt::Display for ProxyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProxyVersion::V1 => "v1",
            ProxyVersion::V2 => "v2",
        })
    }
}

/// Peers whose word counts for who their connections are made for; nobody if there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources(pub(super) Vec<ProxySource>);

/// One of them, or many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxySource {
    /// The addresses of a network; an IPv4 one is never in its IPv6 form.
    Network(IpNet),
    /// Whoever may connect to the UNIX socket.
    Unix,
}

impl Sources {
    /// Whether they are nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a peer is one of them, by its address; one without an address has come by a UNIX socket.
    pub fn contain(&self, peer: Option<IpAddr>) -> bool {
        let peer = peer.map(|ip| ip.to_canonical());
        self.0.iter().any(|source| match (source, &peer) {
            (ProxySource::Network(network), Some(ip)) => network.contains(ip),
            (ProxySource::Unix, None) => true,
            _ => false,
        })
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources: Vec<_> = self.0.iter().map(ProxySource::to_string).collect();
        f.write_str(&sources.join(", "))
    }
}

impl fmt::Display for ProxySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxySource::Unix => f.write_str(UNIX),
            ProxySource::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            ProxySource::Network(network) => network.fmt(f),
        }
    }
}

/// How the peers of a UNIX socket are written, as in nginx.
pub(super) const UNIX: &str = "unix:";
