//! The threads that own connections.
//!
//! One acceptor owns the listeners and hands each new connection to the worker that has the fewest.
//! Each worker owns its connections outright: their sockets, sessions, buffers and deadlines. Threads
//! talk by messages through mailboxes; what they share is counters ([`Admission`],
//! [`base::tally`](crate::base::tally)) and immutable credentials ([`Generation`]).

mod acceptor;
mod admission;
mod crowd;
mod directories;
mod door;
mod entry;
mod figures;
mod generation;
#[cfg(feature = "postgres")]
mod inquiries;
#[cfg(feature = "postgres")]
mod journal;
mod mailbox;
mod message;
mod recent;
mod resolver;
mod roll;
mod throttle;
mod worker;

pub use acceptor::Acceptor;
pub use admission::{Admission, Gauge};
pub use directories::{Directories, Unserved};
pub use figures::Figures;
pub use generation::{Generation, Post, inherited};
pub use mailbox::{Bell, Mailbox, Receiver, mailbox};
pub use message::{AcceptorMsg, Answer, Ask, Loans, WorkerMsg};
pub use recent::Failed;
pub use resolver::{Lookups, ResolveLane, resolve_lane};
pub use roll::RollCall;
pub use worker::Worker;
