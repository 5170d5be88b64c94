//! How the program tells of itself: the form of its log, and what may be asked over HTTP.

use crate::config::address::Address;

/// How the lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For a person: time, level, target and the text.
    #[default]
    Text,
    /// `time=… level=INFO msg="…" key=value`, as Go's slog writes text and as log collectors read it.
    Logfmt,
    /// One JSON object with the same keys.
    Json,
}

/// What tells over plain HTTP how the program is: nothing, unless there is a listener. It knows no
/// clients from others, so an address of this machine alone is the usual one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it is asked; no two of them overlap, nor any of them with a pair's inbound address.
    pub listeners: Vec<AdminListener>,
    /// What the names of all metrics begin with, before an underscore: letters, digits and underscores
    /// of ASCII, and no digit first.
    pub metric_prefix: String,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listeners: Vec::new(),
            metric_prefix: "mtls_persona".to_owned(),
        }
    }
}

/// One address at which the program tells how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminListener {
    /// Where it listens.
    pub address: Address,
    /// What is told there; all else is not found.
    pub serves: Serves,
}

/// What a listener of [`Admin`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Serves {
    /// All there is.
    Everything,
    /// `/healthz` (its threads answer), `/readyz` (it serves) and `/certz` (days left).
    Health,
    /// `/metrics`, for Prometheus.
    Metrics,
}

impl Serves {
    /// Whether health is told.
    pub fn health(self) -> bool {
        matches!(self, Self::Everything | Self::Health)
    }

    /// Whether metrics are told.
    pub fn metrics(self) -> bool {
        matches!(self, Self::Everything | Self::Metrics)
    }
}
