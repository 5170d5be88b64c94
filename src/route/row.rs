//! What is kept of a connection through a connector, for a table of the database.

use std::sync::Arc;
use std::time::Duration;

/// One connection that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When it ended, in seconds since 1970.
    pub ended_at: i64,
    /// The user's organisation, and the user; none if the certificate names none.
    pub user: Option<(Arc<str>, Arc<str>)>,
    /// The host that was asked for; none if none was.
    pub host: Option<Arc<str>>,
    /// Who connected.
    pub inbound: String,
    /// Which address was reached; none if none was.
    pub outbound: Option<String>,
    /// Bytes to the host.
    pub bytes_outward: u64,
    /// Bytes from the host.
    pub bytes_inward: u64,
    /// From accept to the end.
    pub duration: Duration,
    /// Why it ended, in the word of the log.
    pub reason: &'static str,
}
