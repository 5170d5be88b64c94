//! Writing.

use std::net::{IpAddr, SocketAddr};

use super::{Ends, FIXED_BYTES, HEADER_BYTES_MAX, SIGNATURE};

/// Types of what follows the addresses in version 2 (2.2, 2.2.6).
mod kind {
    pub(super) const AUTHORITY: u8 = 0x02;
    pub(super) const SSL: u8 = 0x20;
    pub(super) const SSL_VERSION: u8 = 0x21;
    pub(super) const SSL_CN: u8 = 0x22;
    pub(super) const SSL_CIPHER: u8 = 0x23;
    pub(super) const SSL_SIG_ALG: u8 = 0x24;
    pub(super) const SSL_KEY_ALG: u8 = 0x25;
    /// Of the range for applications' own (2.2.8): no type is registered for a URI of a certificate.
    pub(super) const URI: u8 = 0xE0;
}

/// Bits of the first byte of `SSL`.
const IS_TLS: u8 = 1;
const HAS_CERT_IN_CONNECTION: u8 = 2;
const HAS_CERT_IN_SESSION: u8 = 4;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A line of text.
    V1,
    /// Binary, with more than addresses.
    V2,
}

/// Whom a connection is made for.
#[derive(Clone, Debug, Default)]
pub struct Client<'a> {
    /// The ends of its connection; none where they have no IP addresses.
    pub ends: Option<Ends>,
    /// Its TLS, if it has spoken any; for version 2.
    pub tls: Option<TlsClient<'a>>,
}

/// A client that has spoken TLS. What is empty is not told.
#[derive(Clone, Debug, Default)]
pub struct TlsClient<'a> {
    /// `TLSv1.3`.
    pub version: &'a str,
    /// The cipher suite, as OpenSSL calls it.
    pub cipher: &'a str,
    /// The algorithm that our certificate is signed with, as OpenSSL calls it.
    pub signature: &'a str,
    /// The algorithm and size of our key: `RSA2048`, `EC256`.
    pub key: &'a str,
    /// The server name that it has asked for.
    pub server_name: &'a str,
    /// Its certificate, which was verified.
    pub cert: Option<ClientCert<'a>>,
    /// An earlier session was resumed: the certificate is the one that was shown there.
    pub is_resumed: bool,
}

/// What is told of a client's certificate.
#[derive(Clone, Debug, Default)]
pub struct ClientCert<'a> {
    /// The common name.
    pub cn: &'a str,
    /// The URIs among its alternative names.
    pub uris: Vec<&'a str>,
}

/// The header of a connection that is made for a client.
pub fn write(version: Version, client: &Client<'_>) -> Vec<u8> {
    match version {
        Version::V1 => line(client.ends),
        Version::V2 => {
            let mut header = Binary::new(PROXY, client.ends);
            if let Some(tls) = &client.tls {
                header.put_tls(tls);
            }
            header.done()
        }
    }
}

/// The header of a connection that is made for nobody but us, such as a check. Version 1 has none for
/// that, and is told the connection's own `ends`.
pub fn write_unproxied(version: Version, ends: Option<Ends>) -> Vec<u8> {
    match version {
        Version::V1 => line(ends),
        Version::V2 => Binary::new(LOCAL, None).done(),
    }
}

fn line(ends: Option<Ends>) -> Vec<u8> {
    let Some(ends) = ends.map(of_one_family) else {
        return b"PROXY UNKNOWN\r\n".to_vec();
    };
    let family = match ends.source {
        SocketAddr::V4(_) => "TCP4",
        SocketAddr::V6(_) => "TCP6",
    };
    let Ends {
        source,
        destination,
    } = ends;
    let (from, to) = (source.ip(), destination.ip());
    let (from_port, to_port) = (source.port(), destination.port());
    format!("PROXY {family} {from} {to} {from_port} {to_port}\r\n").into_bytes()
}

/// Where only one of two ends is IPv4, it is written as IPv6.
fn of_one_family(ends: Ends) -> Ends {
    let as_v6 = |end: SocketAddr| match end {
        SocketAddr::V4(v4) => SocketAddr::new(IpAddr::V6(v4.ip().to_ipv6_mapped()), v4.port()),
        v6 => v6,
    };
    match ends.source.is_ipv4() == ends.destination.is_ipv4() {
        true => ends,
        false => Ends {
            source: as_v6(ends.source),
            destination: as_v6(ends.destination),
        },
    }
}

const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

/// A header of version 2 that is being written.
struct Binary(Vec<u8>);

impl Binary {
    fn new(command: u8, ends: Option<Ends>) -> Binary {
        let mut bytes = SIGNATURE.to_vec();
        bytes.push(command);
        let ends = ends.map(of_one_family);
        bytes.push(match ends {
            None => 0x00,
            Some(ends) if ends.source.is_ipv4() => 0x11,
            Some(_) => 0x21,
        });
        // The length is known at the end.
        bytes.extend([0, 0]);
        if let Some(ends) = ends {
            let ends = [ends.source, ends.destination];
            for end in ends {
                match end.ip() {
                    IpAddr::V4(ip) => bytes.extend(ip.octets()),
                    IpAddr::V6(ip) => bytes.extend(ip.octets()),
                }
            }
            for end in ends {
                bytes.extend(end.port().to_be_bytes());
            }
        }
        Binary(bytes)
    }

    fn put_tls(&mut self, tls: &TlsClient<'_>) {
        self.put(kind::AUTHORITY, tls.server_name.as_bytes());
        let mut flags = IS_TLS;
        if tls.cert.is_some() {
            flags |= HAS_CERT_IN_SESSION;
            if !tls.is_resumed {
                flags |= HAS_CERT_IN_CONNECTION;
            }
        }
        // Zero where a certificate was shown and verified.
        let mut ssl = vec![flags];
        ssl.extend(u32::from(tls.cert.is_none()).to_be_bytes());
        let room = HEADER_BYTES_MAX.saturating_sub(self.0.len() + 3);
        let cn = tls.cert.as_ref().map_or("", |cert| cert.cn);
        for (kind, text) in [
            (kind::SSL_VERSION, tls.version),
            (kind::SSL_CIPHER, tls.cipher),
            (kind::SSL_SIG_ALG, tls.signature),
            (kind::SSL_KEY_ALG, tls.key),
            (kind::SSL_CN, cn),
        ] {
            put(&mut ssl, room, kind, text.as_bytes());
        }
        self.put(kind::SSL, &ssl);
        for uri in tls.cert.iter().flat_map(|cert| &cert.uris) {
            self.put(kind::URI, uri.as_bytes());
        }
    }

    fn put(&mut self, kind: u8, value: &[u8]) {
        put(&mut self.0, HEADER_BYTES_MAX, kind, value);
    }

    fn done(mut self) -> Vec<u8> {
        let rest = self.0.len() - FIXED_BYTES;
        let rest = u16::try_from(rest).unwrap_or_default();
        self.0[14..FIXED_BYTES].copy_from_slice(&rest.to_be_bytes());
        self.0
    }
}

/// Adds a value with its type and length. What is empty or would lead beyond `most` bytes is left out as a
/// whole: a part of a name is another name.
fn put(to: &mut Vec<u8>, most: usize, kind: u8, value: &[u8]) {
    let Ok(len) = u16::try_from(value.len()) else {
        return;
    };
    if value.is_empty() || to.len() + 3 + value.len() > most {
        return;
    }
    to.push(kind);
    to.extend(len.to_be_bytes());
    to.extend(value);
}
