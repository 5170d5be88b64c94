#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a test's time begins now")]

use super::*;
use crossbeam_channel::unbounded;
use std::time::Duration;

/// Only ever reached by a test that fails.
const SOON: Duration = Duration::from_secs(20);

/// A job that says that it began, and ends when it is let go.
struct Held {
    began: Sender<()>,
    go: Receiver<()>,
}

/// A job and the two ends that its test holds.
fn held() -> (Held, Receiver<()>, Sender<()>) {
    let (began, has_begun) = unbounded();
    let (let_go, go) = unbounded();
    (Held { began, go }, has_begun, let_go)
}

fn hold(job: Held) {
    job.began.send(()).ok();
    job.go.recv_timeout(SOON).ok();
}

#[test]
fn every_job_is_done_once_on_threads_that_bear_the_lanes_name() {
    let (done, results) = unbounded();
    let lane = Lane::start("names", 2, 100, move |job: u32| {
        let thread = thread::current().name().unwrap_or_default().to_owned();
        done.send((job, thread)).ok();
    })
    .unwrap();
    for job in 0..100 {
        lane.submit(job).unwrap();
    }
    let mut jobs = Vec::new();
    for _ in 0..100 {
        let (job, thread) = results.recv_timeout(SOON).unwrap();
        assert!(thread == "names-0" || thread == "names-1", "{thread}");
        jobs.push(job);
    }
    jobs.sort_unstable();
    assert_eq!(jobs, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_job_that_hangs_leaves_the_other_threads_at_work() {
    let lane = Lane::start("names", 2, 4, hold).unwrap();
    let (hangs, hangs_now, _never) = held();
    let (other, other_now, _let_go) = held();
    lane.submit(hangs).unwrap();
    hangs_now.recv_timeout(SOON).unwrap();
    lane.submit(other).unwrap();
    other_now.recv_timeout(SOON).unwrap();
}

#[test]
fn a_full_lane_refuses_by_name_and_takes_jobs_again_later() {
    let lane = Lane::start("names", 1, 2, hold).unwrap();
    let (first, first_now, let_go) = held();
    lane.submit(first).unwrap();
    first_now.recv_timeout(SOON).unwrap();
    let (second, second_now, _second_go) = held();
    lane.submit(second).unwrap();
    lane.submit(held().0).unwrap();
    let full = lane.submit(held().0).unwrap_err();
    assert!(
        full.to_string()
            .starts_with("the names lane is full: 2 jobs wait"),
        "{full}"
    );
    let_go.send(()).unwrap();
    second_now.recv_timeout(SOON).unwrap();
    lane.submit(held().0).unwrap();
}

#[test]
fn a_panic_in_one_job_does_not_end_the_thread() {
    let (done, results) = unbounded();
    let lane = Lane::start("names", 1, 4, move |job: u32| {
        assert!(job != 1, "this panic belongs to the test");
        done.send(job).ok();
    })
    .unwrap();
    for job in 0..3 {
        lane.submit(job).unwrap();
    }
    assert_eq!(results.recv_timeout(SOON), Ok(0));
    assert_eq!(results.recv_timeout(SOON), Ok(2));
}

#[test]
fn what_a_panic_said_is_found_for_the_log() {
    let fixed = catch_unwind(|| panic!("in plain words")).unwrap_err();
    assert_eq!(panic_message(&*fixed), "in plain words");
    let formatted = catch_unwind(|| panic!("with the number {}", 7)).unwrap_err();
    assert_eq!(panic_message(&*formatted), "with the number 7");
    let wordless = catch_unwind(|| std::panic::panic_any(7)).unwrap_err();
    assert_eq!(panic_message(&*wordless), "no message");
}

#[test]
fn dropping_the_lane_waits_for_no_job_and_throws_away_those_not_begun() {
    let (queued, began_late, _late_go) = held();
    let (first, first_now, let_go) = held();
    let lane = Lane::start("names", 1, 4, hold).unwrap();
    lane.submit(first).unwrap();
    first_now.recv_timeout(SOON).unwrap();
    lane.submit(queued).unwrap();
    drop(lane);
    // The queued job was dropped unbegun: its sender went without a word.
    assert_eq!(
        began_late.try_recv(),
        Err(crossbeam_channel::TryRecvError::Disconnected)
    );
    // The job that was begun is still finished.
    let_go.send(()).unwrap();
    let end = first_now.recv_timeout(SOON).unwrap_err();
    assert_eq!(end, crossbeam_channel::RecvTimeoutError::Disconnected);
}

#[test]
fn threads_end_when_the_lane_is_dropped() {
    let (alive, ended) = unbounded::<()>();
    let lane = Lane::start("names", 3, 4, move |_: ()| {
        alive.send(()).ok();
    })
    .unwrap();
    drop(lane);
    let end = ended.recv_timeout(SOON).unwrap_err();
    assert_eq!(end, crossbeam_channel::RecvTimeoutError::Disconnected);
}

#[test]
fn a_lane_without_threads_is_an_error() {
    let error = Lane::start("names", 0, 4, |_: ()| {}).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
