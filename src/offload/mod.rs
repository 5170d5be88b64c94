//! Blocking work, away from the threads that own connections; knows nothing of connections.

#[cfg(feature = "postgres")]
pub mod database;
pub mod dns;
pub mod lane;
