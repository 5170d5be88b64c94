//! A connector's side of things, as far as it is pure: what a client asks for, what it is told, and which
//! decisions of the database still hold.
//!
//! | file | what |
//! |---|---|
//! | `connect_id.rs` | the name of a host, and where a client says it |
//! | `preamble.rs` | a client's first line, as it comes in |
//! | `answer.rs` | the line that a client is told, and how it reads that |
//! | `question.rs` | who wants to reach what, and the changes that concern it |
//! | `decisions.rs` | the decisions that are known, and who waits for others |
//! | `places.rs` | which of a host's addresses has the fewest connections |
//! | `quotas.rs` | how many connections users and organisations have |
//! | `row.rs` | what is kept of a connection that has ended |
//! | `backoff.rs` | how long to leave a database alone |

mod answer;
mod backoff;
mod connect_id;
mod decisions;
mod places;
mod preamble;
mod question;
mod quotas;
mod row;

pub use answer::{Answer, AnswerReader, refusal};
pub use backoff::Backoff;
pub use connect_id::{ConnectId, ConnectIdError};
pub use decisions::{Asked, Decisions, LOST, Settled, Terms};
pub use places::{Place, Places};
pub use preamble::{LINE_BYTES_MAX, Preamble, PreambleError};
pub use question::{Changes, Question};
pub use quotas::{Member, Quota, Quotas, Seat};
pub use row::Row;
