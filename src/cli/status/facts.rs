//! What is looked at of the answer. The README describes all of it; what a newer program tells besides is
//! passed over.

use serde::Deserialize;

use super::ask::{Told, stranger};

/// Both pages.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) status: Status,
    pub(super) connections: Connections,
}

impl Facts {
    /// Reads what was told.
    ///
    /// # Errors
    /// It is not what this program tells.
    pub(super) fn read(told: &Told) -> Result<Facts, String> {
        let strange = |error: serde_json::Error| stranger(&error);
        Ok(Facts {
            status: serde_json::from_str(&told.status).map_err(strange)?,
            connections: serde_json::from_str(&told.connections).map_err(strange)?,
        })
    }
}

/// The page `/status`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Status {
    pub(super) time: String,
    pub(super) uptime_ms: u64,
    pub(super) stage: String,
    pub(super) program: Program,
    pub(super) process: Process,
    pub(super) generation: Generation,
    pub(super) reloads: Reloads,
    pub(super) fips: Fips,
    pub(super) connections: Option<Room>,
    pub(super) pairs: Vec<Pair>,
    pub(super) pairs_total: usize,
    pub(super) failures: Vec<Failure>,
    pub(super) silent_workers: usize,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Program {
    pub(super) version: String,
    pub(super) tls_library: String,
    pub(super) pid: u32,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Process {
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
    pub(super) resident_memory_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) since: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Reloads {
    pub(super) failing: bool,
    pub(super) last: Vec<Load>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Load {
    pub(super) at: String,
    pub(super) occasion: String,
    pub(super) generation: Option<u64>,
    #[serde(default)]
    pub(super) problems: Vec<String>,
    pub(super) times: u64,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Fips {
    pub(super) in_effect: bool,
    pub(super) verdict: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Room {
    pub(super) open: u64,
    pub(super) limit: u64,
    pub(super) handshakes: u64,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) mode: String,
    pub(super) inbound: String,
    pub(super) outbound: String,
    pub(super) listening: Vec<String>,
    pub(super) state: String,
    pub(super) failing: Option<Failing>,
    pub(super) connections: Count,
    pub(super) bytes_outward: u64,
    pub(super) bytes_inward: u64,
    pub(super) rates: Rates,
    pub(super) certificate: Certificate,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Failing {
    pub(super) reason: String,
    pub(super) remedy: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Count {
    pub(super) active: u64,
    pub(super) total: u64,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Rates {
    pub(super) outward: Vec<u64>,
    pub(super) inward: Vec<u64>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Certificate {
    pub(super) not_before: String,
    pub(super) not_after: String,
    pub(super) days_left: i64,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Failure {
    pub(super) at: String,
    pub(super) times: u64,
    pub(super) pair: String,
    pub(super) reason: String,
    pub(super) remedy: String,
    pub(super) leg: Option<String>,
    pub(super) detail: String,
    pub(super) inbound: Leg,
    pub(super) outbound: Leg,
}

/// The page `/connections`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Connections {
    pub(super) open: usize,
    pub(super) silent_workers: usize,
    pub(super) connections: Vec<Connection>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Connection {
    pub(super) pair: String,
    pub(super) phase: String,
    pub(super) age_ms: u64,
    pub(super) idle_ms: u64,
    pub(super) bytes_outward: u64,
    pub(super) bytes_inward: u64,
    pub(super) inbound: Leg,
    pub(super) outbound: Leg,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Leg {
    pub(super) endpoint: Option<String>,
    pub(super) tls: Option<Tls>,
    pub(super) peer: Option<Peer>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Tls {
    pub(super) version: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Peer {
    pub(super) subject: String,
    pub(super) sans: Vec<String>,
    #[serde(default)]
    pub(super) observed: bool,
}
