//! TLS sessions over memory, and the only folder that names the TLS library.

mod again;
pub mod authority;
mod backend;
mod context;
mod credentials;
mod crl;
mod dates;
mod describe;
mod error;
mod facts;
mod fips;
mod fit;
mod known;
mod lifetime;
mod name;
mod onward;
mod pinned;
mod pool;
mod profile;
mod proof;
mod request;
mod resumption;
mod revocation;
mod room;
mod session;
mod signing;
mod slot;
mod staple;
mod tally;
mod verify;
mod wire;

pub use context::{ExpectedName, MinVersion, Resumption, TlsContext};
pub use credentials::{Credentials, CredentialsError, Material, PemFile};
pub use crl::{ListFacts, describe_lists};
pub use describe::{CertFacts, describe};
pub use error::TlsError;
pub use fips::{FipsCheck, FipsFacts, FipsFault, FipsModule, hybrid_fault};
pub use onward::Particulars;
pub use profile::Profile;
pub use revocation::{CrlScope, ListDates, OnStaleCrl, Revocation};
pub use session::{Handshake, Negotiated, ReadOutcome, Role, Session};
pub use tally::{Seen, count, seen};

/// The TLS library and its release.
pub fn library_version() -> String {
    backend::version()
}

/// Lets the TLS library read its own files now and not when it is used first.
pub fn prepare() {
    backend::prepare();
}

/// Whether the TLS library runs as a FIPS module.
pub fn is_fips() -> bool {
    backend::is_fips()
}

/// The SHA-256 of some bytes, in hexadecimal; empty if the library, as a FIPS module in its error state,
/// computes none.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = facts::sha256(bytes);
    let digest = digest.iter().flatten();
    digest.map(|byte| format!("{byte:02x}")).collect()
}

/// Gives memory that the library and the sessions had back to the system. Up to 20 ms were seen for 80 MiB,
/// in which other threads may have to wait for memory.
pub fn return_memory() {
    backend::return_memory();
}
