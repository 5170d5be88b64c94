//! What the service manager is told: sd_notify(3).

use std::env;
use std::fmt;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use super::watchdog::Watchdog;
use crate::reactor::RollCall;

/// How often its status may change.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// Beyond the time that the program gives itself to stop.
const STOP_MARGIN: Duration = Duration::from_secs(10);

/// The service manager, if one has started the program.
#[derive(Debug, Default)]
pub(in crate::ops) struct Manager(Option<Line>);

/// The way to it.
#[derive(Debug)]
struct Line {
    watchdog: Option<Watchdog>,
    status: String,
    status_at: Instant,
    is_deaf: bool,
}

/// How the program is, in a short sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Status {
    pub(in crate::ops) connections: usize,
    pub(in crate::ops) pairs: usize,
    pub(in crate::ops) generation: u64,
    pub(in crate::ops) is_reload_failing: bool,
    pub(in crate::ops) is_stopping: bool,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |number: usize, what: &str| match number {
            1 => format!("1 {what}"),
            _ => format!("{number} {what}s"),
        };
        let connections = count(self.connections, "connection");
        if self.is_stopping {
            return write!(f, "stopping: {connections} live");
        }
        let (pairs, generation) = (count(self.pairs, "pair"), self.generation);
        write!(f, "{pairs}, {connections} live, generation {generation}")?;
        if self.is_reload_failing {
            f.write_str("; what was to be reloaded is refused, the log says why")?;
        }
        Ok(())
    }
}

impl Manager {
    /// The one that the environment names.
    pub(in crate::ops) fn of_environment(now: Instant) -> Manager {
        let is_there = env::var_os("NOTIFY_SOCKET").is_some();
        let watchdog = || sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero());
        Manager(is_there.then(|| Line {
            watchdog: watchdog().map(|patience| Watchdog::new(patience, now)),
            status: String::new(),
            status_at: now,
            is_deaf: false,
        }))
    }

    /// The program serves; a reload has ended.
    pub(in crate::ops) fn ready(&mut self, status: Status) {
        if let Some(line) = &mut self.0 {
            line.status = status.to_string();
            let text = line.status.clone();
            line.tell(&[NotifyState::Ready, NotifyState::Status(&text)]);
        }
    }

    /// The process of that number serves in place of this one, which has nothing more to tell.
    pub(in crate::ops) fn succeeded(&mut self, pid: u32) {
        if let Some(mut line) = self.0.take() {
            // Ready in the same breath: a reload may have come to this.
            line.tell(&[NotifyState::MainPid(pid), NotifyState::Ready]);
        }
    }

    /// A reload or an upgrade begins that [`Manager::ready`] ends.
    pub(in crate::ops) fn reloading(&mut self) {
        let Some(line) = &mut self.0 else {
            return;
        };
        // By this time the manager tells this reload from one that it has not asked for yet.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => line.tell(&[NotifyState::Reloading, now]),
            Err(error) => log::warn!("the service manager is not told of the reload: {error}"),
        }
    }

    /// The program stops, and needs that long for it.
    pub(in crate::ops) fn stopping(&mut self, patience: Duration, status: Status) {
        if let Some(line) = &mut self.0 {
            let micros = (patience + STOP_MARGIN).as_micros();
            let extend = format!("EXTEND_TIMEOUT_USEC={micros}");
            line.status = status.to_string();
            let text = line.status.clone();
            line.tell(&[
                NotifyState::Stopping,
                NotifyState::Status(&text),
                NotifyState::Custom(&extend),
            ]);
        }
    }

    /// How long until there may be something to tell.
    pub(in crate::ops) fn patience(&self, now: Instant) -> Duration {
        let Some(line) = &self.0 else {
            return Duration::MAX;
        };
        let watchdog = line.watchdog.iter().map(Watchdog::due_at);
        let next = watchdog.fold(line.status_at, Instant::min);
        next.saturating_duration_since(now)
    }

    /// Tells what is due by now. `ask` puts a question to every thread that serves.
    pub(in crate::ops) fn tick(
        &mut self,
        now: Instant,
        status: Status,
        ask: impl FnOnce(RollCall),
    ) {
        let Some(line) = &mut self.0 else {
            return;
        };
        if let Some(roll) = line.watchdog.as_mut().and_then(|w| w.tick(now)) {
            ask(roll);
            line.tell(&[NotifyState::Watchdog]);
        }
        if now >= line.status_at {
            line.status_at = now + STATUS_INTERVAL;
            let text = status.to_string();
            if line.status != text {
                line.tell(&[NotifyState::Status(&text)]);
                line.status = text;
            }
        }
    }
}

impl Line {
    fn tell(&mut self, what: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(what)
            && !std::mem::replace(&mut self.is_deaf, true)
        {
            log::warn!("the service manager does not listen at NOTIFY_SOCKET: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_a_short_sentence() {
        let serving = Status {
            connections: 1,
            pairs: 2,
            generation: 5,
            is_reload_failing: false,
            is_stopping: false,
        };
        assert_eq!(
            serving.to_string(),
            "2 pairs, 1 connection live, generation 5"
        );
        let failing = Status {
            is_reload_failing: true,
            ..serving
        };
        let text = failing.to_string();
        assert!(text.starts_with(&serving.to_string()) && text.contains("refused"));
        let stopping = Status {
            is_stopping: true,
            connections: 0,
            ..failing
        };
        assert_eq!(stopping.to_string(), "stopping: 0 connections live");
    }
}
