//! What the reactor's threads tell each other.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::admission::Permit;
use super::generation::Generation;
use crate::net::{Endpoint, Socket};

/// What the acceptor may be told.
pub enum AcceptorMsg {
    /// Close the listeners and end.
    Stop,
}

/// What a worker may be told.
pub enum WorkerMsg {
    /// A new connection.
    Accepted(NewConnection),
    /// A name was looked up.
    Resolved {
        /// The name.
        host: Arc<str>,
        /// Its addresses, or what the resolver said.
        result: Result<Vec<IpAddr>, String>,
    },
    /// New credentials for new connections.
    Publish(Arc<Generation>),
    /// Live connections may end until then; the thread ends with the last.
    Drain(Instant),
    /// End every connection and the thread.
    Stop,
}

/// A connection as the acceptor hands it over.
pub struct NewConnection {
    pub(super) pair: usize,
    pub(super) socket: Socket,
    pub(super) peer: Endpoint,
    pub(super) permit: Permit,
}
