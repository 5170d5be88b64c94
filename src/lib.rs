//! mtls-persona gives applications that speak plain TCP a mutual-TLS identity.
//!
//! A connection is two **legs** (inbound, outbound) and two **flows** (one per direction) joined by
//! a **relay**. What decides is pure and takes the time as an argument; what does I/O decides
//! nothing. Each worker thread owns its connections outright, and threads talk only by messages.
//!
//! A module uses only modules of lower layers (or of its own folder); `tests/layers.rs` holds this:
//!
//! | layer | modules | what they know |
//! |---|---|---|
//! | 0 | [`base`] | nothing of TLS or sockets |
//! | 1 | [`identity`], [`relay`], [`route`], [`http`] | pure: certificates' names as data, who is admitted; the half-close table; who asks a connector for what; a certificate in requests |
//! | 2 | [`config`], [`tls`], [`net`] | text to a validated model; the TLS library; sockets without policy |
//! | 3 | [`conn`], [`offload`] | one connection; blocking work |
//! | 4 | [`reactor`] | threads that own connections |
//! | 5 | [`ops`] | the operator's side: start, reload, drain, log, metrics, health |
//! | 6 | [`cli`], `main` | arguments and exit codes |
//!
//! What the design owes to measurement (`tests/bench`): half a mebibyte in one receive and one send
//! ([`base::scratch`]); events noted from a socket's registration on, so that no call only finds that
//! there is nothing ([`conn`]); options that listeners hand down ([`net`]); chains that are verified once
//! in the life of a context, and tickets ([`tls`]); and memory that goes back when a crowd has gone
//! ([`reactor`]).
//!
//! Words: *inbound* and *outbound* for legs; *source* and *sink* inside a flow; *client* and
//! *server* only for the TLS role; *end* for a clean end of stream, *truncated* for an
//! unauthenticated one, *reset* for RST, *abort* for our own hard close, *drain* for a graceful stop.

pub mod base;
pub mod cli;
pub mod config;
pub mod conn;
pub mod http;
pub mod identity;
pub mod net;
pub mod offload;
pub mod ops;
pub mod reactor;
pub mod relay;
pub mod route;
pub mod tls;
