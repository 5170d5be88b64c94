//! Credentials of all pairs, published together.

use std::sync::Arc;

use crate::tls::Credentials;

/// The credentials of every configured pair, made by one load. Immutable: a reload publishes the next
/// generation by one pointer, and each connection keeps what it was accepted with.
pub struct Generation {
    /// Counts the loads, from 1.
    pub number: u64,
    /// By the pair's place in the configuration.
    pub credentials: Vec<Arc<Credentials>>,
}
