//! CPU clocks.

use std::fs;
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

/// What children of a process had spent that have ended, to hundredths of a second.
pub(crate) fn ended_children(pid: i32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let spent = ended_children_in(&stat);
    spent.ok_or_else(|| io::Error::other("no times of children in stat"))
}

/// The name in parentheses may hold anything; `cutime` and `cstime` are the fields 14 and 15 behind it.
fn ended_children_in(stat: &str) -> Option<Duration> {
    // USER_HZ, which is the same on every Linux that this runs on.
    const TICKS: f64 = 100.0;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(13);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Duration::from_secs_f64((user + system) as f64 / TICKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_children_stand_behind_a_name_of_any_kind() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 9 9 0 0 11 12 150 25 20 0 1 0 5 6 7";
        assert_eq!(ended_children_in(stat), Some(Duration::from_millis(1750)));
        assert_eq!(ended_children_in("7 (a) S 1"), None);
    }
}
