#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a test's time begins now")]

use super::*;

const MS: Duration = Duration::from_millis(1);

fn host() -> Arc<str> {
    Arc::from("db.example")
}

fn addrs(last: u8) -> Vec<IpAddr> {
    vec![
        IpAddr::from([192, 0, 2, last]),
        IpAddr::from([198, 51, 100, last]),
    ]
}

fn cached(last: u8) -> Lookup {
    Lookup::Cached(addrs(last).into())
}

fn good(last: u8) -> Result<Answer, DnsError> {
    Ok(Answer {
        addrs: addrs(last).into(),
        stale: None,
    })
}

fn stale(last: u8, why: DnsError) -> Result<Answer, DnsError> {
    Ok(Answer {
        addrs: addrs(last).into(),
        stale: Some(why),
    })
}

fn no_such_name() -> Result<Vec<IpAddr>, String> {
    Err("no such name".to_owned())
}

fn failure() -> DnsError {
    DnsError::Failed {
        host: host(),
        detail: "no such name".into(),
    }
}

/// A cache that learnt `addrs(1)` at the instant given.
fn cache_with_answer(at: Instant) -> DnsCache<u32> {
    let mut cache = DnsCache::default();
    assert_eq!(cache.lookup(&host(), 0, at), Lookup::Ask);
    assert_eq!(
        cache.answer("db.example", Ok(addrs(1)), at),
        (vec![0], good(1))
    );
    cache
}

#[test]
fn one_job_is_submitted_for_all_who_want_the_name() {
    let base = Instant::now();
    let mut cache = DnsCache::default();
    assert_eq!(cache.lookup(&host(), 1, base), Lookup::Ask);
    assert_eq!(cache.lookup(&host(), 2, base), Lookup::Waiting);
    assert_eq!(
        cache.lookup(&host(), 3, base + 5 * PATIENCE),
        Lookup::Waiting
    );
    assert_eq!(
        cache.answer("db.example", Ok(addrs(1)), base),
        (vec![1, 2, 3], good(1))
    );
    assert_eq!(
        cache.answer("db.example", Ok(addrs(1)), base).0,
        Vec::<u32>::new()
    );
}

#[test]
fn each_name_has_its_own_job_answer_and_waiters() {
    let base = Instant::now();
    let other: Arc<str> = Arc::from("other.example");
    let mut cache = DnsCache::default();
    assert_eq!(cache.lookup(&host(), 1, base), Lookup::Ask);
    assert_eq!(cache.lookup(&other, 2, base), Lookup::Ask);
    assert_eq!(
        cache.answer("other.example", Ok(addrs(2)), base),
        (vec![2], good(2))
    );
    assert_eq!(cache.lookup(&other, 3, base), cached(2));
    assert_eq!(cache.lookup(&host(), 3, base), Lookup::Waiting);
    assert_eq!(
        cache.answer("db.example", Ok(addrs(1)), base),
        (vec![1, 3], good(1))
    );
}

#[test]
fn an_answer_is_fresh_for_five_seconds_and_then_asked_for_again() {
    let base = Instant::now();
    let mut cache = cache_with_answer(base);
    assert_eq!(FRESH, Duration::from_secs(5));
    assert_eq!(cache.lookup(&host(), 1, base + FRESH - MS), cached(1));
    assert_eq!(cache.lookup(&host(), 1, base + FRESH), Lookup::Ask);
    assert_eq!(
        cache.answer("db.example", Ok(addrs(2)), base + FRESH),
        (vec![1], good(2))
    );
    assert_eq!(cache.lookup(&host(), 2, base + 2 * FRESH - MS), cached(2));
}

#[test]
fn a_failure_without_a_good_answer_goes_to_all_who_wait() {
    let base = Instant::now();
    let mut cache = DnsCache::default();
    cache.lookup(&host(), 1, base);
    cache.lookup(&host(), 2, base);
    assert_eq!(
        cache.answer("db.example", no_such_name(), base),
        (vec![1, 2], Err(failure()))
    );
}

#[test]
fn a_failed_name_is_asked_again_by_the_next_dial_after_a_second() {
    let base = Instant::now();
    let mut cache = DnsCache::default();
    cache.lookup(&host(), 1, base);
    assert_eq!(cache.answer("db.example", no_such_name(), base).0, [1]);
    assert_eq!(FAILED, Duration::from_secs(1));
    assert_eq!(
        cache.lookup(&host(), 2, base + FAILED - MS),
        Lookup::Failed(failure())
    );
    assert_eq!(cache.lookup(&host(), 3, base + FAILED), Lookup::Ask);
    assert_eq!(
        cache.answer("db.example", Ok(addrs(1)), base + FAILED),
        (vec![3], good(1))
    );
    assert_eq!(cache.lookup(&host(), 4, base + FAILED), cached(1));
}

#[test]
fn an_answer_without_addresses_is_a_failure() {
    let base = Instant::now();
    let empty = DnsError::NoAddress { host: host() };
    let mut cache = DnsCache::default();
    cache.lookup(&host(), 1, base);
    assert_eq!(
        cache.answer("db.example", Ok(vec![]), base),
        (vec![1], Err(empty.clone()))
    );
    assert_eq!(
        cache.lookup(&host(), 2, base),
        Lookup::Failed(empty.clone())
    );
    let mut cache = cache_with_answer(base);
    cache.lookup(&host(), 1, base + FRESH);
    assert_eq!(
        cache.answer("db.example", Ok(vec![]), base + FRESH),
        (vec![1], stale(1, empty))
    );
}

#[test]
fn after_a_failure_those_who_waited_get_the_last_good_answer_marked_stale() {
    let base = Instant::now();
    let mut cache = cache_with_answer(base);
    let later = base + 100 * FRESH;
    assert_eq!(cache.lookup(&host(), 1, later), Lookup::Ask);
    assert_eq!(cache.lookup(&host(), 2, later), Lookup::Waiting);
    let answer = cache.answer("db.example", no_such_name(), later);
    assert_eq!(answer, (vec![1, 2], stale(1, failure())));
}

#[test]
fn while_a_known_name_fails_nobody_waits_and_it_is_asked_once_a_second() {
    let base = Instant::now();
    let mut cache = cache_with_answer(base);
    let failed = base + FRESH;
    cache.lookup(&host(), 1, failed);
    assert_eq!(cache.answer("db.example", no_such_name(), failed).0, [1]);
    assert_eq!(cache.lookup(&host(), 2, failed + FAILED - MS), cached(1));
    let again = failed + FAILED;
    assert_eq!(
        cache.lookup(&host(), 3, again),
        Lookup::Refresh(addrs(1).into())
    );
    assert_eq!(cache.lookup(&host(), 4, again), cached(1));
    let answer = cache.answer("db.example", no_such_name(), again);
    assert_eq!(answer, (vec![], stale(1, failure())));
    assert_eq!(cache.lookup(&host(), 5, again + FAILED - MS), cached(1));
}

#[test]
fn a_failure_of_long_ago_does_not_spare_the_resolver_a_question() {
    let base = Instant::now();
    let mut cache = cache_with_answer(base);
    let failed = base + FRESH;
    cache.lookup(&host(), 1, failed);
    assert_eq!(cache.answer("db.example", no_such_name(), failed).0, [1]);
    assert_eq!(cache.lookup(&host(), 2, failed + TROUBLED), Lookup::Ask);
    let answer = cache.answer("db.example", Ok(addrs(2)), failed + TROUBLED);
    assert_eq!(answer, (vec![2], good(2)));
}

#[test]
fn a_good_answer_ends_the_trouble() {
    let base = Instant::now();
    let mut cache = cache_with_answer(base);
    let failed = base + FRESH;
    cache.lookup(&host(), 1, failed);
    assert_eq!(cache.answer("db.example", no_such_name(), failed).0, [1]);
    let again = failed + FAILED;
    cache.lookup(&host(), 2, again);
    assert_eq!(
        cache.answer("db.example", Ok(addrs(2)), again),
        (vec![], good(2))
    );
    assert_eq!(cache.lookup(&host(), 3, again), cached(2));
    assert_eq!(cache.lookup(&host(), 4, again + FRESH), Lookup::Ask);
}

#[test]
fn who_comes_while_a_known_name_is_slow_gets_the_last_good_answer() {
    let base = Instant::now();
    let mut cache = cache_with_answer(base);
    let asked = base + FRESH;
    assert_eq!(cache.lookup(&host(), 1, asked), Lookup::Ask);
    assert_eq!(
        cache.lookup(&host(), 2, asked + PATIENCE - MS),
        Lookup::Waiting
    );
    assert_eq!(cache.lookup(&host(), 3, asked + PATIENCE), cached(1));
    let answer = cache.answer("db.example", Ok(addrs(2)), asked + 2 * PATIENCE);
    assert_eq!(answer, (vec![1, 2], good(2)));
}

#[test]
fn the_last_good_answer_is_there_for_a_connection_that_cannot_wait_any_longer() {
    let base = Instant::now();
    let mut cache = cache_with_answer(base);
    cache.lookup(&host(), 1, base + 10 * FRESH);
    assert_eq!(cache.last_good("db.example"), Some(addrs(1).into()));
    assert_eq!(cache.last_good("other.example"), None);
}

#[test]
fn a_job_that_never_answers_is_submitted_again_after_a_while() {
    let base = Instant::now();
    let mut cache = DnsCache::default();
    cache.lookup(&host(), 1, base);
    assert_eq!(cache.lookup(&host(), 2, base + LOST - MS), Lookup::Waiting);
    assert_eq!(cache.lookup(&host(), 3, base + LOST), Lookup::Ask);
    assert_eq!(
        cache.lookup(&host(), 4, base + 2 * LOST - MS),
        Lookup::Waiting
    );
    let answer = cache.answer("db.example", Ok(addrs(1)), base + 2 * LOST);
    assert_eq!(answer, (vec![1, 2, 3, 4], good(1)));
}

#[test]
fn a_known_name_whose_job_is_lost_is_refreshed_while_its_old_answer_is_used() {
    let base = Instant::now();
    let mut cache = cache_with_answer(base);
    let asked = base + FRESH;
    cache.lookup(&host(), 1, asked);
    assert_eq!(
        cache.lookup(&host(), 2, asked + LOST),
        Lookup::Refresh(addrs(1).into())
    );
    assert_eq!(
        cache.answer("db.example", Ok(addrs(2)), asked + LOST),
        (vec![1], good(2))
    );
}

#[test]
fn a_lost_job_that_fails_at_last_does_not_unsay_a_newer_answer() {
    let base = Instant::now();
    let mut cache = DnsCache::default();
    cache.lookup(&host(), 1, base);
    cache.lookup(&host(), 2, base + LOST);
    let newer = cache.answer("db.example", Ok(addrs(1)), base + LOST);
    assert_eq!(newer, (vec![1, 2], good(1)));
    let late = cache.answer("db.example", no_such_name(), base + LOST + MS);
    assert_eq!(late, (vec![], stale(1, failure())));
    assert_eq!(cache.lookup(&host(), 3, base + LOST + MS), cached(1));
}

#[test]
fn those_who_wait_for_a_resolver_that_never_answers_do_not_gather_without_end() {
    let base = Instant::now();
    let mut cache = DnsCache::default();
    for second in 0..10_000_u32 {
        cache.lookup(&host(), second, base + Duration::from_secs(second.into()));
        assert!(cache.names["db.example"].waiting.len() <= (WAITED + LOST).as_secs() as usize);
    }
}

#[test]
fn a_full_lane_is_told_to_those_who_hoped_and_the_next_dial_asks_again() {
    let base = Instant::now();
    let full = DnsError::LaneFull { host: host() };
    let mut cache = DnsCache::default();
    cache.lookup(&host(), 1, base);
    assert_eq!(cache.refused("db.example"), (vec![1], Err(full.clone())));
    assert_eq!(cache.lookup(&host(), 2, base), Lookup::Ask);
    assert_eq!(cache.refused("unheard.example").0, Vec::<u32>::new());
}

#[test]
fn a_full_lane_leaves_a_known_name_its_last_good_answer() {
    let base = Instant::now();
    let full = DnsError::LaneFull { host: host() };
    let mut cache = cache_with_answer(base);
    assert_eq!(cache.lookup(&host(), 1, base + FRESH), Lookup::Ask);
    assert_eq!(cache.refused("db.example"), (vec![1], stale(1, full)));
    assert_eq!(cache.lookup(&host(), 2, base + FRESH), Lookup::Ask);
}

#[test]
fn an_answer_for_a_name_that_nobody_asked_for_is_not_kept() {
    let base = Instant::now();
    let mut cache: DnsCache<u32> = DnsCache::default();
    assert_eq!(
        cache.answer("db.example", Ok(addrs(1)), base),
        (vec![], good(1))
    );
    assert_eq!(
        cache.answer("db.example", no_such_name(), base),
        (vec![], Err(failure()))
    );
    assert!(cache.names.is_empty());
}

#[test]
fn a_name_that_nobody_used_for_an_hour_is_forgotten_and_others_stay() {
    let base = Instant::now();
    let other: Arc<str> = Arc::from("other.example");
    let mut cache = cache_with_answer(base);
    cache.lookup(&other, 1, base);
    assert_eq!(cache.answer("other.example", Ok(addrs(2)), base).0, [1]);
    cache.lookup(&other, 1, base + UNUSED - SWEEP);
    assert_eq!(cache.last_good("db.example"), Some(addrs(1).into()));
    cache.lookup(&"third.example".into(), 1, base + UNUSED);
    assert_eq!(cache.last_good("db.example"), None);
    assert_eq!(cache.last_good("other.example"), Some(addrs(2).into()));
}

#[test]
fn forgotten_names_are_looked_for_once_a_minute_and_not_at_each_dial() {
    let base = Instant::now();
    let other: Arc<str> = Arc::from("other.example");
    let mut cache = cache_with_answer(base);
    cache.lookup(&other, 1, base + UNUSED - MS);
    cache.lookup(&other, 1, base + UNUSED);
    assert_eq!(cache.names.len(), 2);
    cache.lookup(&other, 1, base + UNUSED + SWEEP);
    assert_eq!(cache.names.len(), 1);
}

#[test]
fn a_name_that_is_wanted_again_after_days_still_has_its_last_good_answer() {
    let base = Instant::now();
    let days = base + 48 * UNUSED;
    let mut cache = cache_with_answer(base);
    assert_eq!(cache.lookup(&host(), 1, days), Lookup::Ask);
    let answer = cache.answer("db.example", no_such_name(), days);
    assert_eq!(answer, (vec![1], stale(1, failure())));
}
