//! PROXY headers: the one that an inbound connection begins with, and the one that an outbound one does.
//!
//! Whether one is due is settled by who has opened the connection, and never by what it sends: to guess
//! would let anybody claim any address (HAProxy's `proxy-protocol.txt`, 2).

use std::time::Instant;

use super::connection::{Connection, End, Next, Phase};
use super::step::{Step, Turn};
use crate::base::deadline::DeadlineKind;
use crate::base::id::Side;
use crate::base::reason::CloseReason;
use crate::config::{ProxyProtocol, ProxyVersion};
use crate::identity::{PeerCert, San};
use crate::net::proxy::{self, Client, ClientCert, HEADER_BYTES_MAX, HeaderError, TlsClient};
use crate::net::{Endpoint, Received};

/// Whether a connection that `peer` has opened must begin with a header.
pub(super) fn is_due(proxy: &ProxyProtocol, peer: &Endpoint) -> bool {
    proxy.from.contain(match peer {
        Endpoint::Tcp(address) => Some(address.ip()),
        Endpoint::Unix(_) => None,
    })
}

/// A version as it is configured, for the header itself.
pub fn version(configured: ProxyVersion) -> proxy::Version {
    match configured {
        ProxyVersion::V1 => proxy::Version::V1,
        ProxyVersion::V2 => proxy::Version::V2,
    }
}

impl Connection {
    /// Takes the header of the inbound connection, and not a byte of what stands behind it.
    pub(super) fn inbound_header(
        &mut self,
        now: Instant,
        turn: &mut Turn<'_>,
    ) -> Result<Next, End> {
        loop {
            match self.inbound.receive_early(HEADER_BYTES_MAX, turn.scratch) {
                Received::Bytes(_) => {}
                Received::WouldBlock => return Ok(Next::Step(Step::Wait)),
                Received::End | Received::Broken(_) => return Err(self.header_cut()),
            }
            match proxy::parse(self.inbound.early()) {
                Ok(None) => {}
                Ok(Some(header)) => {
                    self.inbound.skip_early(header.len);
                    if let Some(ends) = header.ends {
                        self.summary.told(ends);
                    }
                    return Ok(self.behind_header(now));
                }
                Err(error) => return Err(wrong(error)),
            }
        }
    }

    fn behind_header(&mut self, now: Instant) -> Next {
        if self.served.pair.mode.inbound_tls() {
            // What is left of the time is for the handshake.
            return Next::Phase(Phase::InboundHandshake);
        }
        self.deadlines.clear(DeadlineKind::Handshake);
        self.dial(now)
    }

    /// It has ended before its header was complete. Without a byte it is nobody's: a check whether we
    /// listen.
    fn header_cut(&self) -> End {
        match self.inbound.early().is_empty() {
            true => End(CloseReason::InboundGone, Some(Side::Inbound), String::new()),
            false => wrong(HeaderError::Invalid("the connection ends within it")),
        }
    }

    /// What the outbound connection begins with; none for nothing.
    pub(super) fn outbound_header(&self) -> Option<Vec<u8>> {
        let version = version(self.served.pair.proxy_protocol.out?);
        let session = self.inbound.session();
        let particulars = session.map(|session| session.particulars());
        let peer = self.summary.peer(Side::Inbound);
        let tls = particulars.as_ref().map(|particulars| {
            let negotiated = self.summary.inbound_negotiated();
            TlsClient {
                version: negotiated.map_or("", |negotiated| &negotiated.version),
                cipher: particulars.cipher,
                signature: particulars.signature,
                key: &particulars.key,
                server_name: &particulars.server_name,
                cert: peer.map(cert),
                is_resumed: negotiated.is_some_and(|negotiated| negotiated.is_resumed),
            }
        });
        let own = self.inbound.socket().own_address();
        let ends = self.summary.ends(own);
        Some(proxy::write(version, &Client { ends, tls }))
    }
}

fn cert(peer: &PeerCert) -> ClientCert<'_> {
    let uris = peer.sans.iter().filter_map(|san| match san {
        San::Uri(uri) => Some(uri.as_str()),
        _ => None,
    });
    ClientCert {
        cn: peer.cn.as_deref().unwrap_or_default(),
        uris: uris.collect(),
    }
}

fn wrong(error: HeaderError) -> End {
    let inbound = Some(Side::Inbound);
    match error {
        HeaderError::Missing => End(CloseReason::ProxyHeaderMissing, inbound, String::new()),
        HeaderError::Invalid(what) => {
            End(CloseReason::ProxyHeaderInvalid, inbound, what.to_owned())
        }
    }
}
