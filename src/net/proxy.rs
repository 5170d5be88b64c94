//! The header of the PROXY protocol, versions 1 and 2 (HAProxy's `proxy-protocol.txt`): who a connection
//! is made for, in the bytes before all others.
//!
//! Reading and writing are pure. The crates that do this were looked at, and take what the specification
//! refuses (a port of `+80`, leading zeros) or refuse what it wants to be taken (the command LOCAL with
//! any address family); and the rules are not many.

mod parse;
mod write;

use std::net::SocketAddr;

pub use parse::{Header, HeaderError, parse};
pub use write::{Client, ClientCert, TlsClient, Version, write, write_unproxied};

#[cfg(test)]
mod tests;

/// The longest header that is read or written, in bytes. Version 2 could announce 64 KiB; what is sent in
/// fact is a few hundred bytes, or some thousand with a certificate in it. nginx has the same bound.
pub const HEADER_BYTES_MAX: usize = 4096;

/// The longest header of version 1, its end included, in bytes (2.1).
const LINE_BYTES_MAX: usize = 107;

/// What a header of version 1 begins with.
const WORD: &[u8] = b"PROXY ";

/// What a header of version 2 begins with (2.2).
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and protocol, and the length of the rest: in bytes (2.2).
const FIXED_BYTES: usize = 16;

/// The two ends of the connection that another one is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Who opened it.
    pub source: SocketAddr,
    /// Whom it was opened to.
    pub destination: SocketAddr,
}
