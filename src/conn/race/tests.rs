#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a test's time begins now")]

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| ip(text)).collect()
}

fn addr(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 5432))
}

fn race(count: u8) -> Race {
    Race::new((1..=count).map(addr).collect())
}

fn start(attempt: usize) -> RaceStep {
    RaceStep::Start {
        attempt,
        addr: addr(attempt as u8 + 1),
    }
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn families_alternate_from_the_family_of_the_first_address() {
    let mixed = ips(&["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"]);
    let order = ips(&["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]);
    assert_eq!(interleave(&mixed), order);
    let mixed = ips(&["192.0.2.1", "2001:db8::1", "2001:db8::2", "192.0.2.2"]);
    let order = ips(&["192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"]);
    assert_eq!(interleave(&mixed), order);
}

#[test]
fn the_rest_of_the_longer_family_follows_in_its_order() {
    let mixed = ips(&["192.0.2.3", "192.0.2.1", "192.0.2.2", "2001:db8::1"]);
    let order = ips(&["192.0.2.3", "2001:db8::1", "192.0.2.1", "192.0.2.2"]);
    assert_eq!(interleave(&mixed), order);
    let mixed = ips(&["192.0.2.3", "2001:db8::1", "2001:db8::3", "2001:db8::2"]);
    assert_eq!(interleave(&mixed), mixed);
}

#[test]
fn one_family_alone_and_no_address_at_all_stay_as_they_are() {
    let alone = ips(&["192.0.2.9", "192.0.2.1", "192.0.2.5"]);
    assert_eq!(interleave(&alone), alone);
    assert!(interleave(&[]).is_empty());
}

#[test]
fn at_most_sixteen_addresses_are_tried_and_both_families_are_among_them() {
    let mut many: Vec<IpAddr> = (1..=40)
        .map(|last| ip(&format!("192.0.2.{last}")))
        .collect();
    many.extend((1..=40).map(|last| ip(&format!("2001:db8::{last}"))));
    let order = interleave(&many);
    assert_eq!(order.len(), ADDRESSES_MAX);
    assert_eq!(order.iter().filter(|addr| addr.is_ipv6()).count(), 8);
    many.truncate(41);
    let order = interleave(&many);
    assert_eq!(
        (order.len(), order[1], order[15]),
        (16, ip("2001:db8::1"), ip("192.0.2.15"))
    );
}

#[test]
fn the_first_address_starts_at_once_and_the_second_after_the_delay() {
    let base = Instant::now();
    let mut race = race(3);
    assert_eq!(race.next(base), start(0));
    let second = base + ms(250);
    assert_eq!(
        race.next(base),
        RaceStep::Wait {
            until: Some(second)
        }
    );
    assert_eq!(
        race.next(second - ms(1)),
        RaceStep::Wait {
            until: Some(second)
        }
    );
    assert_eq!(race.next(second), start(1));
    assert_eq!(
        race.next(second),
        RaceStep::Wait {
            until: Some(second + ms(250))
        }
    );
}

#[test]
fn the_delay_counts_from_the_true_start_and_a_late_caller_gets_no_burst() {
    let base = Instant::now();
    let mut race = race(3);
    race.next(base);
    let late = base + ms(2000);
    assert_eq!(race.next(late), start(1));
    assert_eq!(
        race.next(late),
        RaceStep::Wait {
            until: Some(late + ms(250))
        }
    );
}

#[test]
fn a_failure_lets_the_next_address_start_at_once() {
    let base = Instant::now();
    let mut race = race(3);
    race.next(base);
    race.failed(0, Failure::Refused);
    assert_eq!(race.next(base + ms(1)), start(1));
    assert_eq!(
        race.next(base + ms(1)),
        RaceStep::Wait {
            until: Some(base + ms(251))
        }
    );
}

#[test]
fn a_failure_of_an_old_attempt_hastens_the_next_start_too() {
    let base = Instant::now();
    let mut race = race(3);
    race.next(base);
    race.next(base + ms(250));
    race.failed(0, Failure::TimedOut);
    assert_eq!(race.next(base + ms(260)), start(2));
    assert_eq!(race.next(base + ms(260)), RaceStep::Wait { until: None });
}

#[test]
fn two_failures_at_the_same_time_start_one_address_and_not_two() {
    let base = Instant::now();
    let mut race = race(4);
    race.next(base);
    race.next(base + ms(250));
    race.failed(0, Failure::Refused);
    race.failed(1, Failure::Refused);
    assert_eq!(race.next(base + ms(260)), start(2));
    assert_eq!(
        race.next(base + ms(260)),
        RaceStep::Wait {
            until: Some(base + ms(510))
        }
    );
}

#[test]
fn addresses_that_fail_while_starting_are_used_up_in_one_turn() {
    let base = Instant::now();
    let mut race = race(3);
    for attempt in 0..3 {
        assert_eq!(race.next(base), start(attempt));
        race.failed(attempt, Failure::Unreachable);
    }
    let all = (1..=3)
        .map(|last| (addr(last), Failure::Unreachable))
        .collect();
    assert_eq!(race.next(base), RaceStep::Lost(all));
}

#[test]
fn the_race_is_lost_only_when_the_last_running_attempt_has_failed() {
    let base = Instant::now();
    let mut race = race(2);
    race.next(base);
    race.next(base + ms(250));
    race.failed(1, Failure::Refused);
    assert_eq!(race.next(base + ms(9000)), RaceStep::Wait { until: None });
    race.failed(0, Failure::TimedOut);
    let lost = vec![(addr(1), Failure::TimedOut), (addr(2), Failure::Refused)];
    assert_eq!(race.next(base + ms(9000)), RaceStep::Lost(lost.clone()));
    assert_eq!(race.next(base + ms(9001)), RaceStep::Lost(lost));
}

#[test]
fn a_race_over_no_address_is_lost_at_once() {
    assert_eq!(race(0).next(Instant::now()), RaceStep::Lost(Vec::new()));
    assert_eq!(worst(&[]), None);
}

#[test]
fn a_second_report_of_an_attempt_and_one_never_started_change_nothing() {
    let base = Instant::now();
    let mut race = race(3);
    race.next(base);
    race.failed(1, Failure::Refused);
    race.failed(99, Failure::Refused);
    assert_eq!(
        race.next(base),
        RaceStep::Wait {
            until: Some(base + ms(250))
        }
    );
    race.failed(0, Failure::Refused);
    assert_eq!(race.next(base), start(1));
    race.failed(0, Failure::TimedOut);
    assert_eq!(
        race.next(base),
        RaceStep::Wait {
            until: Some(base + ms(250))
        }
    );
    assert_eq!(race.failures()[0], (addr(1), Failure::Refused));
}

#[test]
fn giving_up_tells_of_the_attempts_that_ran_and_of_no_other() {
    let base = Instant::now();
    let mut race = race(3);
    race.next(base);
    race.failed(0, Failure::Unreachable);
    race.next(base);
    let known = [
        (addr(1), Failure::Unreachable),
        (addr(2), Failure::TimedOut),
    ];
    assert_eq!(race.failures(), known);
    assert_eq!(race.addr(1), addr(2));
}

#[test]
fn the_most_telling_failure_is_the_reason() {
    let ranked = [
        Failure::NoSource,
        Failure::Unreachable,
        Failure::Other(io::ErrorKind::PermissionDenied),
        Failure::TimedOut,
        Failure::Refused,
        Failure::Exhausted,
    ];
    for (more, better) in ranked.iter().enumerate() {
        for less in &ranked[..more] {
            let one_way = [(addr(1), *less), (addr(2), *better)];
            assert_eq!(worst(&one_way), Some((addr(2), *better)));
            let other_way = [(addr(1), *better), (addr(2), *less)];
            assert_eq!(worst(&other_way), Some((addr(1), *better)));
        }
    }
}

#[test]
fn of_equal_failures_the_first_address_is_named() {
    let lost = [
        (addr(1), Failure::TimedOut),
        (addr(2), Failure::Refused),
        (addr(3), Failure::Refused),
    ];
    assert_eq!(worst(&lost), Some((addr(2), Failure::Refused)));
}

#[test]
fn the_systems_errors_become_the_right_failures() {
    let cases = [
        (Errno::CONNREFUSED, Failure::Refused),
        (Errno::TIMEDOUT, Failure::TimedOut),
        (Errno::HOSTUNREACH, Failure::Unreachable),
        (Errno::NETUNREACH, Failure::Unreachable),
        (Errno::NETDOWN, Failure::Unreachable),
        (Errno::ADDRNOTAVAIL, Failure::NoSource),
        (Errno::MFILE, Failure::Exhausted),
        (Errno::NFILE, Failure::Exhausted),
        (Errno::NOBUFS, Failure::Exhausted),
        (Errno::NOMEM, Failure::Exhausted),
        (
            Errno::CONNRESET,
            Failure::Other(io::ErrorKind::ConnectionReset),
        ),
        (
            Errno::ACCESS,
            Failure::Other(io::ErrorKind::PermissionDenied),
        ),
    ];
    for (errno, failure) in cases {
        assert_eq!(Failure::from(&io::Error::from(errno)), failure, "{errno:?}");
    }
    let kind_alone = io::Error::from(io::ErrorKind::ConnectionRefused);
    assert_eq!(Failure::from(&kind_alone), Failure::Refused);
}

#[test]
fn every_failure_reads_as_words() {
    assert_eq!(
        Failure::Refused.to_string(),
        "refused: nothing listens on that port"
    );
    assert_eq!(
        Failure::Other(io::ErrorKind::ConnectionReset).to_string(),
        "connection reset"
    );
    let absent = Failure::from(&io::Error::from(Errno::NOENT)).to_string();
    assert_eq!(absent, "no such file: nothing listens at that path");
}

#[test]
fn what_became_of_each_address_is_known_while_others_run() {
    let now = Instant::now();
    let mut race = race(3);
    assert_eq!(race.outcomes().count(), 0);
    assert_eq!(race.next(now), start(0));
    race.failed(0, Failure::Refused);
    assert_eq!(race.next(now), start(1));
    let outcomes: Vec<_> = race.outcomes().collect();
    assert_eq!(
        outcomes,
        [(addr(1), Some(Failure::Refused)), (addr(2), None)]
    );
}
