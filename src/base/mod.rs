//! What everything else stands on; no knowledge of TLS or sockets.

pub mod buffer;
pub mod counters;
pub mod deadline;
pub mod id;
pub mod reason;
pub mod scratch;
pub mod tally;
