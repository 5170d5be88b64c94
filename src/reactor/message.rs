//! What the reactor's threads tell each other.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::admission::Permit;
use super::generation::Generation;
use super::roll::RollCall;
use crate::conn::{PairId, Served};
use crate::net::{Endpoint, Listener, Socket};

/// What the acceptor may be told.
pub enum AcceptorMsg {
    /// Serve the pairs of this generation, whose new listeners come along; listeners of pairs that it
    /// does not have are closed.
    Publish {
        /// What is served from now on.
        generation: Arc<Generation>,
        /// Listeners that it has in addition.
        opened: Vec<(Listener, PairId)>,
    },
    /// Drop it: that is the answer.
    RollCall(RollCall),
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
    /// There is another generation, which may concern live connections.
    Reload {
        /// What is served from now on.
        generation: Arc<Generation>,
        /// When those that it drains end.
        until: Instant,
    },
    /// Drop it: that is the answer.
    RollCall(RollCall),
    /// Live connections may end until then; the thread ends with the last.
    Drain(Instant),
    /// End every connection and the thread.
    Stop,
}

/// A connection as the acceptor hands it over.
pub struct NewConnection {
    pub(super) served: Arc<Served>,
    pub(super) socket: Socket,
    pub(super) peer: Endpoint,
    pub(super) permit: Permit,
}
