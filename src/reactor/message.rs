//! What the reactor's threads tell each other.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Sender;

use super::admission::Permit;
use super::generation::Generation;
use super::recent::Failed;
use super::roll::RollCall;
use crate::base::id::ConnId;
use crate::base::tally::Tally;
use crate::config::Directory;
use crate::conn::{Decision, PairId, Report, Served};
use crate::net::{Endpoint, Lent, Listener, Socket};
use crate::route::Changes;

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
    /// Other descriptors of all listeners, for another process.
    Lend(Sender<io::Result<Loans>>),
    /// Accept nothing more until [`AcceptorMsg::Resume`], as another process may. That the sender is dropped
    /// is the answer. Files of UNIX sockets stay, should it end meanwhile.
    Pause(Sender<()>),
    /// Accept, and have the files of UNIX sockets.
    Resume,
    /// Close the listeners and end.
    Stop,
}

/// Descriptors of listeners, and the pairs that they are of.
pub type Loans = Vec<(Arc<Served>, Lent)>;

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
    /// The database has decided, or could not.
    Decided {
        /// Who asked.
        who: Vec<ConnId>,
        /// Where the host is, or why it is not to be reached.
        decision: Decision,
    },
    /// What a directory's database has changed, which may concern live connections.
    GrantsChanged {
        /// The directory.
        directory: Arc<Directory>,
        /// What has changed.
        changes: Arc<Changes>,
    },
    /// There is another generation, which may concern live connections.
    Reload {
        /// What is served from now on.
        generation: Arc<Generation>,
        /// When those that it drains end.
        until: Instant,
    },
    /// Tell of connections.
    Report(Ask),
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
    pub(super) tally: Arc<Tally>,
}

/// A question about connections: those that live, and the last that failed.
pub struct Ask {
    /// How many of those that live are told of at most: all of it is done in one turn.
    pub most: usize,
    /// Takes the answer, on the worker's thread: it must not wait.
    pub reply: Box<dyn FnOnce(Answer) + Send>,
}

/// What a worker tells of its connections.
#[derive(Debug, Default)]
pub struct Answer {
    /// Each as it is now.
    pub reports: Vec<Report>,
    /// There are more.
    pub is_cut: bool,
    /// The last that failed, oldest first.
    pub failed: Vec<Failed>,
}
