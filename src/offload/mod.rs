//! Blocking work, away from the threads that own connections; knows nothing of connections.

pub mod dns;
pub mod lane;
