//! TLS sessions over memory: two of ours back to back, and one of ours against the `openssl` command.
//!
//! Names in a certificate: what is held here is our part (SAN alone, whole-label wildcards, addresses
//! by address). Name constraints and internationalised names are the library's.

#![allow(clippy::unwrap_used, unreachable_pub)]

mod support;

#[path = "tls_pair/again.rs"]
mod again;
#[path = "tls_pair/by_hand.rs"]
mod by_hand;
#[path = "tls_pair/credentials.rs"]
mod credentials;
#[path = "tls_pair/damage.rs"]
mod damage;
#[path = "tls_pair/data.rs"]
mod data;
#[path = "tls_pair/dates.rs"]
mod dates;
#[path = "tls_pair/endings.rs"]
mod endings;
#[path = "tls_pair/facts.rs"]
mod facts;
#[path = "tls_pair/fips.rs"]
mod fips;
#[path = "tls_pair/fips_hellos.rs"]
mod fips_hellos;
#[path = "tls_pair/garbage.rs"]
mod garbage;
#[path = "tls_pair/key_update.rs"]
mod key_update;
#[path = "tls_pair/mutations.rs"]
mod mutations;
#[path = "tls_pair/names.rs"]
mod names;
#[path = "tls_pair/negotiation.rs"]
mod negotiation;
#[path = "tls_pair/pair.rs"]
mod pair;
#[path = "tls_pair/pinned.rs"]
mod pinned;
#[path = "tls_pair/refusals.rs"]
mod refusals;
#[path = "tls_pair/refused.rs"]
mod refused;
#[path = "tls_pair/resumed.rs"]
mod resumed;
#[path = "tls_pair/resumption.rs"]
mod resumption;
#[path = "tls_pair/revocation.rs"]
mod revocation;
#[path = "tls_pair/revocation_files.rs"]
mod revocation_files;
#[path = "tls_pair/stranger.rs"]
mod stranger;
#[path = "tls_pair/trust.rs"]
mod trust;
