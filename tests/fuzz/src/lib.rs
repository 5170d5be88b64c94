//! What the fuzz targets share. Each target is a small wrapper around what the program does with bytes
//! that strangers send, and holds it to more than that it does not panic: the same answer however the
//! bytes are cut, what was accepted comes back when it is written and read again, and nothing grows
//! beyond its bound.

pub mod configs;
pub mod cuts;
pub mod peer;
pub mod records;
pub mod script;
pub mod tls;

/// Of what the integration tests share, what makes certificates.
#[path = "../../support"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::disallowed_methods
)]
mod support {
    pub mod certs;
    pub mod peers;
    pub mod wait;
}
