//! The descriptor limit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than this is of no use, and some systems' hard limit is a thousand times higher.
const DESCRIPTORS_MAX: u64 = 1 << 20;

/// Descriptors for everything but connections: listeners, pollers, files, log, and who asks how it is.
const RESERVE: u64 = 192;

/// Raises the soft limit to the hard one; how many descriptors the process may have.
pub(super) fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current.unwrap_or(DESCRIPTORS_MAX);
    let wanted = limit
        .maximum
        .unwrap_or(DESCRIPTORS_MAX)
        .min(DESCRIPTORS_MAX);
    if wanted <= soft {
        return soft;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            log::warn!("the descriptor limit stays at {soft}: {error}");
            soft
        }
    }
}

/// How many connections that many descriptors carry: each has two sockets.
pub(super) fn connections(descriptors: u64) -> usize {
    let connections = descriptors.saturating_sub(RESERVE) / 2;
    usize::try_from(connections).unwrap_or(usize::MAX).max(1)
}
