//! Who runs where.
//!
//! A message that goes back and forth wakes one thread after the other. Where the scheduler happens to
//! put them decides whether each wake-up crosses processors, which doubles the cost: chance, which has
//! to be the same for every subject.

use std::fs;
use std::io;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Where the load runs while it is kept apart.
pub(crate) const LOAD: usize = 0;

/// Where the subject runs then.
pub(crate) const SUBJECT: usize = 1;

/// Keeps all threads that a process has now on one processor, or lets them run on all.
pub(crate) fn keep(pid: i32, processor: Option<usize>) -> io::Result<()> {
    let mut set = CpuSet::new();
    for each in 0..count()? {
        if processor.is_none_or(|processor| processor == each) {
            set.set(each)?;
        }
    }
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.file_name();
        let Some(task) = task.to_str().and_then(|task| task.parse().ok()) else {
            continue;
        };
        match sched_setaffinity(Pid::from_raw(task), &set) {
            // A thread may end while they are counted.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// How many there are. Asked once: a process that is kept to one is told of one.
fn count() -> io::Result<usize> {
    static COUNT: OnceLock<usize> = OnceLock::new();
    let now = std::thread::available_parallelism()?.get();
    Ok(*COUNT.get_or_init(|| now))
}
