//! CPU clocks.

use std::io;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// What this thread has spent, user and system.
pub(crate) fn thread() -> io::Result<Duration> {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    Ok(spent.into())
}

/// What a process has spent, user and system, all of its threads, those that have ended too.
///
/// It is the sum that `/proc/PID/stat` shows in hundredths of a second, to the nanosecond.
pub(crate) fn process(pid: i32) -> io::Result<Duration> {
    let spent = clock_gettime(clock_getcpuclockid(Pid::from_raw(pid))?)?;
    Ok(spent.into())
}
