//! What joins the two legs of a connection: bytes, ends and failures of each direction.
//!
//! A [`Flow`] moves bytes from a source leg to a sink leg; its table of events and states is the
//! specification of half-close. The [`Relay`] turns both flows and joins them with one rule. Neither
//! knows a socket or a clock: legs are reached through [`Leg`], deadlines are the caller's.

mod flow;
mod leg;
#[allow(clippy::module_inception)] // the folder's one type and its file share the name
mod relay;

pub use flow::{Flow, FlowEvent, FlowState, Truncation};
pub use leg::{Failure, Fill, Flush, Leg};
pub use relay::{Relay, RelayStep, TURN_BYTES, TURN_ROUNDS, Waiting};
