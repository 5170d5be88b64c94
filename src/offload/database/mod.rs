//! Who may reach what, by PostgreSQL: the one statement that decides and routes, and what tells of changes.
//!
//! Everything in here blocks, each [`Store`] and each listener on a thread of its own; tokio-postgres waits
//! in a runtime of that thread. Every wait has an end: a database that has gone silent costs its askers their
//! patience, and no thread for ever.
//!
//! | file | what |
//! |---|---|
//! | `settings.rs` | a database, with the files and passwords that are read when a connection is made |
//! | `secured.rs` | TLS to it, by the same sessions as everywhere |
//! | `link.rs` | one connection |
//! | `store.rs` | questions, over a connection that is made again when it breaks |
//! | `ledger.rs` | connections that have ended, as rows |
//! | `listen.rs` | changes, as they are notified |

mod ledger;
mod link;
mod listen;
mod secured;
mod settings;
mod store;

pub use ledger::Ledger;
pub use listen::{News, listen};
pub use settings::{Clock, Settings};
pub use store::{Found, Store};
