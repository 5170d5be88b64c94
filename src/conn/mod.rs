//! One connection, from accept to close.
//!
//! | phase | leaves on | deadline | on failure |
//! |---|---|---|---|
//! | inbound handshake (TLS inbound only) | handshake done | handshake | `tls_*`, `cert_*`, `handshake_*`; the alert is sent first |
//! | resolving (a host name only) | the resolver's answer | lookup | `dns_error`, `overloaded` |
//! | connecting | the first address that connects | connect | `connect_*` |
//! | outbound handshake (TLS outbound only) | handshake done | handshake | as inbound |
//! | relaying | the relay's join rule | idle, half-close idle, drain | the relay's reasons |
//! | closing | nothing is owed to a leg any more | linger, delivery | – |
//!
//! ```text
//! accept ─┬─ TLS in ──▶ InboundHandshake ─┐
//!         └─ plain in ────────────────────┴─▶ Resolving ─▶ Connecting ─┬─ TLS out ──▶ OutboundHandshake ─┐
//!                                              (skipped for addresses) └─ plain out ────────────────────┴─▶ Relaying
//! ```
//!
//! Before `Relaying` the inbound leg is read by its handshake only, but its confirmed failure ends the
//! connection early. A peer without an accepted certificate never costs a destination a connection.
//! A connection that comes to nothing, like one that breaks, ends its plain legs with a reset: no
//! application takes a refusal for an empty answer.

pub mod race;

mod closing;
mod connection;
mod dial;
mod ending;
mod leg;
mod opening;
mod step;
mod summary;

pub use closing::Closing;
pub use connection::{Accepted, Connection};
pub use dial::{Dial, DialFailure, DialStep, Dialer};
pub use ending::{MUTE_END, no_answer};
pub use leg::{Leg, Readiness};
pub use opening::expected_name;
pub use step::{Step, Turn};
pub use summary::ACCESS_TARGET;
