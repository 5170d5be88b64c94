//! What is measured.

use std::fmt;

use crate::load::{Job, Short};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// From who connected.
    Up,
    /// To who connected.
    Down,
    /// Both at once.
    Both,
}

/// One row of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scenario {
    /// Bytes as fast as they go.
    Bulk(Direction, usize),
    /// Connections one after the other, each with one message of 64 bytes; with tickets or without.
    Connect {
        /// With tickets.
        resumes: bool,
    },
    /// Messages of so many bytes that come back, on so many connections.
    Messages(usize, usize),
    /// Memory of connections that are only held.
    Idle,
    /// Messages of 64 bytes on 16 connections, alone and beside new connections and a transfer.
    Tail,
}

/// Connections of the tail scenario that exchange messages.
pub(crate) const TAIL_CONNECTIONS: usize = 16;

/// New connections a second beside them.
pub(crate) const TAIL_RATE: u32 = 500;

/// Bytes a second of the transfer beside them: the same load for everybody, who takes it at what cost.
pub(crate) const TAIL_BYTES: u64 = 128 * 1024 * 1024;

/// Connections that are opened side by side where their rate is measured.
pub(crate) const CONNECTING: usize = 8;

impl Scenario {
    /// All of them, in the order of the report.
    pub(crate) fn all() -> Vec<Scenario> {
        use Direction::{Both, Down, Up};
        let mut all = Vec::new();
        for direction in [Up, Down, Both] {
            all.extend([1, 8].map(|connections| Scenario::Bulk(direction, connections)));
        }
        all.extend([false, true].map(|resumes| Scenario::Connect { resumes }));
        all.extend([(64, 1), (64, 64), (16 * 1024, 64)].map(|(b, c)| Scenario::Messages(b, c)));
        all.extend([Scenario::Idle, Scenario::Tail]);
        all
    }

    /// What the load does, where it is one thing.
    pub(crate) fn job(self) -> Option<(Job, usize)> {
        match self {
            Scenario::Bulk(Direction::Up, connections) => Some((Job::Push, connections)),
            Scenario::Bulk(Direction::Down, connections) => Some((Job::Pull, connections)),
            Scenario::Bulk(Direction::Both, connections) => Some((Job::Both, connections)),
            Scenario::Connect { resumes } => {
                let short = Short {
                    resumes,
                    ..Short::default()
                };
                Some((Job::Connect(short), CONNECTING))
            }
            Scenario::Messages(bytes, connections) => Some((Job::Messages(bytes), connections)),
            Scenario::Idle | Scenario::Tail => None,
        }
    }

    /// The unit of the primary figure, and how many of it are in a second, KiB or the like.
    pub(crate) fn unit(self) -> (&'static str, f64) {
        match self {
            Scenario::Bulk(..) => ("CPU s/GiB", 1.0),
            Scenario::Connect { .. } => ("CPU ms each", 1e3),
            Scenario::Messages(..) => ("CPU µs each", 1e6),
            Scenario::Idle => ("KiB each", 1.0),
            Scenario::Tail => ("p99 µs", 1e6),
        }
    }

    /// What the program wants to reach: against the best peer, and against the floor.
    pub(crate) fn goals(self) -> (Option<f64>, Option<f64>) {
        match self {
            Scenario::Bulk(Direction::Both, _) | Scenario::Tail => (None, None),
            Scenario::Bulk(..) => (Some(0.80), Some(1.30)),
            Scenario::Connect { resumes: false } => (Some(0.75), Some(1.35)),
            Scenario::Connect { resumes: true } => (Some(0.65), Some(1.50)),
            Scenario::Messages(64, 1) => (Some(0.90), Some(1.15)),
            Scenario::Messages(64, _) => (Some(0.95), Some(1.15)),
            Scenario::Messages(..) => (Some(0.80), Some(1.35)),
            Scenario::Idle => (Some(0.45), None),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: &usize| if *count == 1 { "" } else { "s" };
        match self {
            Scenario::Bulk(direction, count) => {
                let way = match direction {
                    Direction::Up => "up",
                    Direction::Down => "down",
                    Direction::Both => "both ways",
                };
                write!(f, "bulk {way}, {count} connection{}", plural(count))
            }
            Scenario::Connect { resumes: false } => f.write_str("new connections, full handshake"),
            Scenario::Connect { resumes: true } => f.write_str("new connections, resumed"),
            Scenario::Messages(bytes, count) => {
                let size = match bytes {
                    64 => "64 B".to_owned(),
                    bytes => format!("{} KiB", bytes / 1024),
                };
                write!(f, "messages of {size}, {count} connection{}", plural(count))
            }
            Scenario::Idle => f.write_str("idle connections"),
            Scenario::Tail => f.write_str("tail of messages under load"),
        }
    }
}
