//! Reading.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::{Ends, FIXED_BYTES, HEADER_BYTES_MAX, LINE_BYTES_MAX, SIGNATURE, WORD};

/// A header that is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its length in bytes; what stands behind is the connection's own.
    pub len: usize,
    /// What it tells; none where the connection is for its sender itself (LOCAL) or for ends that are
    /// unknown or no TCP addresses: then the real ones count.
    pub ends: Option<Ends>,
}

/// Why bytes begin with no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// They are something else.
    Missing,
    /// They begin like one and break its rules; which is said in one clause.
    Invalid(&'static str),
}

/// Reads the header at the beginning of `bytes`: none as long as more bytes are needed, which is never the
/// case for [`HEADER_BYTES_MAX`] of them. What begins like something else is refused at its first byte, and
/// not only when enough of them have come. More bytes never change an answer.
///
/// # Errors
/// It can become none.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    if begins_like(bytes, SIGNATURE) {
        binary(bytes)
    } else if begins_like(bytes, WORD) {
        line(bytes)
    } else {
        Err(HeaderError::Missing)
    }
}

/// Whether `bytes`, as far as they go, are `whole`.
fn begins_like(bytes: &[u8], whole: &[u8]) -> bool {
    bytes.iter().zip(whole).all(|(byte, other)| byte == other)
}

/// Version 1, a line of text (2.1).
fn line(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let end = end.unwrap_or(bytes.len());
    // Its end takes two bytes more.
    if end + 2 > LINE_BYTES_MAX {
        return Err(HeaderError::Invalid("its line is longer than 107 bytes"));
    }
    match bytes.get(end..) {
        Some([] | [b'\r']) | None => return Ok(None),
        Some([b'\r', b'\n', ..]) => {}
        Some(_) => return Err(HeaderError::Invalid("its line does not end with CR LF")),
    }
    let words = bytes.get(WORD.len()..end).unwrap_or_default();
    let words: Vec<&[u8]> = words.split(|byte| *byte == b' ').collect();
    let ends = match words.as_slice() {
        [b"TCP4", ends @ ..] => Some(ends_of::<Ipv4Addr>(ends)?),
        [b"TCP6", ends @ ..] => Some(ends_of::<Ipv6Addr>(ends)?),
        // Whatever follows is to be ignored.
        [b"UNKNOWN", ..] => None,
        _ => return Err(HeaderError::Invalid("it names no protocol that there is")),
    };
    let len = end + 2;
    Ok(Some(Header { len, ends }))
}

fn ends_of<Ip: FromStr + Into<IpAddr>>(words: &[&[u8]]) -> Result<Ends, HeaderError> {
    let [source, destination, source_port, destination_port] = words else {
        let what = "it does not hold two addresses and two ports";
        return Err(HeaderError::Invalid(what));
    };
    let end = |ip: &[u8], port: &[u8]| {
        let ip = text(ip).and_then(|ip| ip.parse::<Ip>().ok());
        let ip = ip.ok_or(HeaderError::Invalid("an address is none of its family"))?;
        let port = port_of(port).ok_or(HeaderError::Invalid("a port is none"))?;
        Ok(SocketAddr::new(ip.into(), port))
    };
    Ok(Ends {
        source: end(source, source_port)?,
        destination: end(destination, destination_port)?,
    })
}

/// A port in decimal digits, without zeros in front.
fn port_of(word: &[u8]) -> Option<u16> {
    let is_canonical = word == b"0" || !word.starts_with(b"0");
    let is_number = word.iter().all(u8::is_ascii_digit) && is_canonical;
    text(word).filter(|_| is_number)?.parse().ok()
}

fn text(word: &[u8]) -> Option<&str> {
    std::str::from_utf8(word).ok()
}

/// Version 2, binary (2.2).
fn binary(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let is_local = match bytes.get(12) {
        None => return Ok(None),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(byte) if byte >> 4 == 2 => {
            return Err(HeaderError::Invalid(
                "its command is neither LOCAL nor PROXY",
            ));
        }
        Some(_) => return Err(HeaderError::Invalid("its version is not 2")),
    };
    let kind = match bytes.get(13) {
        None => return Ok(None),
        // The family of LOCAL is to be ignored.
        Some(_) if is_local => Kind::Other,
        Some(byte) => kind(*byte)?,
    };
    let Some(&[high, low]) = bytes.get(14..FIXED_BYTES) else {
        return Ok(None);
    };
    let rest = usize::from(u16::from_be_bytes([high, low]));
    let len = FIXED_BYTES + rest;
    if rest < kind.bytes() {
        let what = "it is too short for its addresses";
        return Err(HeaderError::Invalid(what));
    }
    if len > HEADER_BYTES_MAX {
        return Err(HeaderError::Invalid("it is longer than 4096 bytes"));
    }
    let Some(rest) = bytes.get(FIXED_BYTES..len) else {
        return Ok(None);
    };
    let ends = match kind {
        Kind::Tcp4 => addresses::<4>(rest),
        Kind::Tcp6 => addresses::<16>(rest),
        Kind::Other => None,
    };
    Ok(Some(Header { len, ends }))
}

#[derive(Clone, Copy)]
enum Kind {
    Tcp4,
    Tcp6,
    /// What is not told to be TCP, and may be taken as unspecified: UDP, UNIX sockets.
    Other,
}

impl Kind {
    /// The bytes of its addresses and ports.
    fn bytes(self) -> usize {
        match self {
            Kind::Tcp4 => 2 * (4 + 2),
            Kind::Tcp6 => 2 * (16 + 2),
            Kind::Other => 0,
        }
    }
}

/// Of the byte of family and protocol.
fn kind(byte: u8) -> Result<Kind, HeaderError> {
    match (byte >> 4, byte & 0xf) {
        (1, 1) => Ok(Kind::Tcp4),
        (2, 1) => Ok(Kind::Tcp6),
        (0..=3, 0..=2) => Ok(Kind::Other),
        _ => Err(HeaderError::Invalid(
            "its address family or protocol is none that there is",
        )),
    }
}

/// Two addresses of `N` bytes and two ports.
fn addresses<const N: usize>(bytes: &[u8]) -> Option<Ends>
where
    IpAddr: From<[u8; N]>,
{
    let (source, rest) = bytes.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let (source_port, rest) = rest.split_first_chunk::<2>()?;
    let destination_port = rest.first_chunk::<2>()?;
    let end = |ip: &[u8; N], port: &[u8; 2]| {
        SocketAddr::new(IpAddr::from(*ip), u16::from_be_bytes(*port))
    };
    Some(Ends {
        source: end(source, source_port),
        destination: end(destination, destination_port),
    })
}
