//! What everything else stands on; no knowledge of TLS or sockets.

pub mod deadline;
