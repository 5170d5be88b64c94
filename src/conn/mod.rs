//! One connection, from accept to close.
//!
//! | phase | leaves on | deadline | on failure |
//! |---|---|---|---|
//! | inbound header (from a source that is listed in `proxy_protocol`) | header complete | handshake | `proxy_header_*` |
//! | inbound handshake (TLS inbound only) | handshake done | handshake | `tls_*`, `cert_*`, `handshake_*`; the alert is sent first |
//! | preamble (a connector's inbound leg only) | the client's first line | handshake | `preamble_*`, `spiffe_invalid` |
//! | deciding (a connector only) | the database's answer | lookup | `not_authorized`, `database_error`, `overloaded` |
//! | resolving (a host name only) | the resolver's answer | lookup | `dns_error`, `overloaded` |
//! | connecting | the first address that connects | connect | `connect_*` |
//! | outbound handshake (TLS outbound only) | handshake done | handshake | as inbound |
//! | asking (a client of a connector only) | the connector's answer | handshake, connect | `connector_*` |
//! | relaying | the relay's join rule | idle, half-close idle | the relay's reasons |
//! | closing | nothing is owed to a leg any more | linger, delivery | – |
//!
//! With `client_cert_header` the relay reads requests, see `insertion.rs`.
//! The phases of a connector are told of in `visit.rs`, those of its client in `asking.rs`.
//!
//! In every phase: its lifetime, the end of a peer's certificate, a reload ([`served`]) and a stop.
//!
//! ```text
//! accept ─┬─ TLS in ──▶ InboundHandshake ─┐           (InboundHeader before either, if one is due)
//!         └─ plain in ────────────────────┴─▶ Resolving ─▶ Connecting ─┬─ TLS out ──▶ OutboundHandshake ─┐
//!                                              (skipped for addresses) └─ plain out ────────────────────┴─▶ Relaying
//! ```
//!
//! A handshake that is done leads on only if the pair's access list admits the peer (`acl_denied`): then the
//! first thing is done with it, looking up the destination or the first byte of the application.
//!
//! Before `Relaying` the inbound leg is read by its handshake only, but its confirmed failure ends the
//! connection early. A peer that is not admitted never costs a destination a connection.
//! A connection that comes to nothing, like one that breaks, ends its plain legs with a reset: no
//! application takes a refusal for an empty answer.

pub mod race;

mod asking;
mod authorize;
mod closing;
mod connection;
mod dial;
mod ending;
mod header;
mod insertion;
mod leg;
mod opening;
mod renewal;
mod report;
mod served;
mod step;
mod summary;
mod visit;

pub use authorize::{Judgement, judge, no_rule};
pub use closing::Closing;
pub use connection::{Accepted, Connection};
pub use dial::{Dial, DialFailure, DialStep, Dialer};
pub use ending::{MUTE_END, no_answer};
pub use header::version;
pub use leg::{Leg, Readiness};
pub use opening::expected_name;
pub use report::Report;
pub use served::{Concern, Contents, PairId, Served};
pub use step::{Step, Turn};
pub use summary::{ACCESS_TARGET, Failure, LegFacts};
pub use visit::{Decision, Denial};
