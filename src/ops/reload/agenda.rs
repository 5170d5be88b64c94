//! When to look for something new.
//!
//! What decides here takes both clocks: the steady one for waits, and the one on the wall for the hour
//! and the interval, which are the operator's: machines sleep, and clocks are set.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp, Zoned};

use super::hour::next_reload;
use crate::config::ReloadTriggers;

/// How often the wall clock is looked at.
const CLOCK_INTERVAL: Duration = Duration::from_secs(20);

/// How long after the first sign of a change the files are read: a renewal is several of them.
const BURST: Duration = Duration::from_millis(50);

/// How long a change may be half done before it is told as a failure.
const SETTLE: Duration = Duration::from_secs(2);

/// How often watched files are read without a sign: not every file system gives one.
const POLL: Duration = Duration::from_secs(10);

/// When a failed reload is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// What both clocks show.
#[derive(Clone, Debug)]
pub(in crate::ops) struct Clock {
    pub(in crate::ops) steady: Instant,
    pub(in crate::ops) wall: Zoned,
}

/// Why the files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Occasion {
    /// An operator asked for it.
    Signal,
    /// The reload hour.
    Hour,
    /// The reload interval.
    Interval,
    /// A watched file may have changed.
    Watch,
    /// The last reload failed.
    Retry,
}

impl Occasion {
    /// The word for those who ask what happened.
    pub(in crate::ops) fn label(self) -> &'static str {
        match self {
            Occasion::Signal => "signal",
            Occasion::Hour => "hour",
            Occasion::Interval => "interval",
            Occasion::Watch => "watch",
            Occasion::Retry => "retry",
        }
    }

    /// Whether the configuration is read too. The hour and the interval are for certificates: a file that
    /// somebody is still working on must not take effect in the night.
    pub(in crate::ops) fn reads_configuration(self) -> bool {
        !matches!(self, Occasion::Hour | Occasion::Interval)
    }

    /// Whether certificates that have not changed get new contexts too, and so new keys for tickets. An
    /// interval may be short: what connections began with is kept as long as they live.
    pub(in crate::ops) fn makes_anew(self) -> bool {
        matches!(self, Occasion::Signal | Occasion::Hour)
    }

    /// Whether it is an answer to every sign so far: what is not read by it may still be half a change.
    fn answers_signs(self) -> bool {
        matches!(self, Occasion::Signal | Occasion::Watch)
    }

    /// Whether it comes to nothing if no content has changed.
    pub(in crate::ops) fn needs_change(self) -> bool {
        self == Occasion::Watch
    }
}

/// What a failure is to the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Failure {
    /// Perhaps only half a change: it is looked at again before it is told.
    Unsettled,
    /// To be told.
    Told,
}

/// The instants at which something is to be done.
pub(in crate::ops) struct Agenda {
    triggers: ReloadTriggers,
    hour_at: Option<Zoned>,
    interval_at: Option<Timestamp>,
    /// A change that is not done yet: since when, and when to look.
    burst: Option<Burst>,
    poll_at: Option<Instant>,
    retry_at: Option<Instant>,
}

struct Burst {
    since: Instant,
    look_at: Instant,
}

impl Agenda {
    pub(in crate::ops) fn new(triggers: ReloadTriggers, clock: &Clock) -> Agenda {
        let mut agenda = Agenda {
            triggers,
            hour_at: None,
            interval_at: None,
            burst: None,
            poll_at: None,
            retry_at: None,
        };
        agenda.begin(clock);
        agenda
    }

    /// Other triggers from now on; the interval begins anew if it is another one.
    pub(in crate::ops) fn set_triggers(&mut self, triggers: ReloadTriggers, clock: &Clock) {
        if self.triggers != triggers {
            self.triggers = triggers;
            self.begin(clock);
        }
    }

    fn begin(&mut self, clock: &Clock) {
        let hour = self.triggers.hour;
        self.hour_at = hour.and_then(|hour| next_reload(&clock.wall, hour));
        self.interval_at = self.interval_from(clock);
        self.poll_at = self.triggers.watch.then(|| clock.steady + POLL);
        if !self.triggers.watch {
            self.burst = None;
        }
    }

    fn interval_from(&self, clock: &Clock) -> Option<Timestamp> {
        let interval = SignedDuration::try_from(self.triggers.interval?).ok()?;
        clock.wall.timestamp().checked_add(interval).ok()
    }

    /// There is a sign that a watched file has changed.
    pub(in crate::ops) fn files_changed(&mut self, now: Instant) {
        if !self.triggers.watch {
            return;
        }
        let look_at = now + BURST;
        let burst = self.burst.get_or_insert(Burst {
            since: now,
            look_at,
        });
        burst.look_at = burst.look_at.min(look_at);
    }

    /// What is due, if anything; it is taken for done, and the next time of its kind is set.
    pub(in crate::ops) fn due(&mut self, clock: &Clock) -> Option<Occasion> {
        // A clock that was set back would make both wait for longer than asked for.
        let hour = self.triggers.hour;
        let next_hour = hour.and_then(|hour| next_reload(&clock.wall, hour));
        if self.hour_at.as_ref().is_some_and(|at| clock.wall >= *at) {
            self.hour_at = next_hour;
            return Some(Occasion::Hour);
        }
        self.hour_at = self.hour_at.take().into_iter().chain(next_hour).min();
        let next_interval = self.interval_from(clock);
        if self
            .interval_at
            .is_some_and(|at| clock.wall.timestamp() >= at)
        {
            self.interval_at = next_interval;
            return Some(Occasion::Interval);
        }
        self.interval_at = self.interval_at.into_iter().chain(next_interval).min();
        self.due_by_steady_clock(clock.steady)
    }

    fn due_by_steady_clock(&mut self, now: Instant) -> Option<Occasion> {
        if self.retry_at.is_some_and(|at| now >= at) {
            self.retry_at = None;
            return Some(Occasion::Retry);
        }
        if self.poll_at.is_some_and(|at| now >= at) {
            self.poll_at = Some(now + POLL);
            self.burst.get_or_insert(Burst {
                since: now,
                look_at: now,
            });
        }
        let burst = self.burst.as_mut().filter(|burst| now >= burst.look_at)?;
        burst.look_at = (burst.since + SETTLE).max(now + BURST);
        Some(Occasion::Watch)
    }

    /// All that it has read is served.
    pub(in crate::ops) fn succeeded(&mut self, occasion: Occasion) {
        if occasion.answers_signs() {
            self.burst = None;
        }
        self.retry_at = None;
    }

    /// The files cannot be served as they are.
    pub(in crate::ops) fn failed(&mut self, occasion: Occasion, now: Instant) -> Failure {
        if occasion == Occasion::Watch
            && let Some(burst) = &mut self.burst
            && now < burst.since + SETTLE
        {
            burst.look_at = burst.since + SETTLE;
            return Failure::Unsettled;
        }
        if occasion.answers_signs() {
            self.burst = None;
        }
        self.retry(now);
        Failure::Told
    }

    /// Something is still wrong: it is to be tried again.
    pub(in crate::ops) fn retry(&mut self, now: Instant) {
        self.retry_at = Some(now + RETRY);
    }

    /// The files are as they were when the last failure was told.
    pub(in crate::ops) fn nothing_new(&mut self) {
        self.burst = None;
    }

    /// How long nothing will be due.
    pub(in crate::ops) fn patience(&self, clock: &Clock) -> Duration {
        let burst = self.burst.as_ref().map(|burst| burst.look_at);
        let steady = burst.into_iter().chain(self.poll_at).chain(self.retry_at);
        let steady = steady.map(|at| at.saturating_duration_since(clock.steady));
        let hour = self.hour_at.as_ref().map(Zoned::timestamp);
        let wall = hour.into_iter().chain(self.interval_at);
        let now = clock.wall.timestamp();
        // What is past is due at once.
        let wall = wall.map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
        steady.chain(wall).fold(CLOCK_INTERVAL, Duration::min)
    }
}

#[cfg(test)]
mod tests;
