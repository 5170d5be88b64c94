//! Who runs where.
//!
//! A message that goes back and forth wakes one thread after the other. Where the scheduler happens to
//! put them decides whether each wake-up crosses processors, which doubles the cost: chance, which has
//! to be the same for every subject.

use std::fs;
use std::io;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Gives the threads that two processes have now a processor each, or lets them run on all again.
/// Nothing happens where there is only one.
pub(crate) fn keep_apart(load: i32, subjects: &[i32], apart: bool) -> io::Result<()> {
    let all = allowed()?;
    let mut each = (0..CpuSet::count()).filter(|processor| all.is_set(*processor) == Ok(true));
    let (Some(first), Some(second)) = (each.next(), each.next()) else {
        return Ok(());
    };
    let set = |processor| -> io::Result<CpuSet> {
        let mut set = CpuSet::new();
        set.set(processor)?;
        Ok(if apart { set } else { all })
    };
    keep(load, &set(first)?)?;
    subjects
        .iter()
        .try_for_each(|pid| keep(*pid, &set(second)?))
}

/// Where this process may run, before it was kept to less.
fn allowed() -> io::Result<CpuSet> {
    static ALLOWED: OnceLock<CpuSet> = OnceLock::new();
    let now = sched_getaffinity(Pid::from_raw(0))?;
    Ok(*ALLOWED.get_or_init(|| now))
}

fn keep(pid: i32, set: &CpuSet) -> io::Result<()> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.file_name();
        let Some(task) = task.to_str().and_then(|task| task.parse().ok()) else {
            continue;
        };
        match sched_setaffinity(Pid::from_raw(task), set) {
            // A thread may end while they are counted.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
