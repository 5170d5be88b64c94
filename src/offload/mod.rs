//! Blocking work, away from the threads that own connections; knows nothing of connections.

pub mod lane;
