#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use super::*;

/// Clocks that only the test moves.
struct Hands {
    clock: Clock,
}

impl Hands {
    fn at(wall: &str) -> Hands {
        let clock = Clock {
            steady: Instant::now(),
            wall: wall.parse().unwrap(),
        };
        Hands { clock }
    }

    /// Both clocks go on.
    fn pass(&mut self, time: Duration) {
        self.clock.steady += time;
        self.shift(SignedDuration::try_from(time).unwrap());
    }

    /// The clock on the wall alone: it is set, or the machine has slept.
    fn shift(&mut self, time: SignedDuration) {
        self.clock.wall = self.clock.wall.checked_add(time).unwrap();
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn triggers(hour: Option<u8>, interval: Option<u64>, watch: bool) -> ReloadTriggers {
    let interval = interval.map(secs);
    ReloadTriggers {
        hour,
        interval,
        watch,
    }
}

fn watching() -> (Hands, Agenda) {
    let hands = Hands::at("2026-11-23T12:00:00[Europe/Berlin]");
    let agenda = Agenda::new(triggers(None, None, true), &hands.clock);
    (hands, agenda)
}

#[test]
fn without_triggers_nothing_is_ever_due() {
    let mut hands = Hands::at("2026-11-23T12:00:00[Europe/Berlin]");
    let mut agenda = Agenda::new(ReloadTriggers::default(), &hands.clock);
    for _ in 0..100 {
        hands.pass(secs(3600));
        agenda.files_changed(hands.clock.steady);
        assert_eq!(agenda.due(&hands.clock), None);
        assert_eq!(agenda.patience(&hands.clock), CLOCK_INTERVAL);
    }
}

#[test]
fn the_hour_is_due_once_a_day() {
    let mut hands = Hands::at("2026-11-23T02:00:00[Europe/Berlin]");
    let mut agenda = Agenda::new(triggers(Some(3), None, false), &hands.clock);
    let mut at = Vec::new();
    for _ in 0..3 * 24 * 60 {
        if let Some(occasion) = agenda.due(&hands.clock) {
            assert_eq!(occasion, Occasion::Hour);
            at.push(hands.clock.wall.strftime("%d %H:%M").to_string());
        }
        hands.pass(secs(60));
    }
    assert_eq!(at, ["23 03:00", "24 03:00", "25 03:00"]);
}

#[test]
fn an_hour_that_a_machine_has_slept_through_is_made_up_for_once() {
    let mut hands = Hands::at("2026-11-23T02:00:00[Europe/Berlin]");
    let mut agenda = Agenda::new(triggers(Some(3), None, false), &hands.clock);
    hands.shift(SignedDuration::from_hours(60));
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Hour));
    assert_eq!(agenda.due(&hands.clock), None);
}

#[test]
fn clocks_that_are_set_back_delay_neither_hour_nor_interval() {
    let mut hands = Hands::at("2026-11-23T02:00:00[Europe/Berlin]");
    let mut agenda = Agenda::new(triggers(Some(3), Some(600), false), &hands.clock);
    hands.shift(SignedDuration::from_hours(-24 * 365));
    assert_eq!(agenda.due(&hands.clock), None);
    hands.pass(secs(600));
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Interval));
    hands.pass(secs(3000));
    let both = [agenda.due(&hands.clock), agenda.due(&hands.clock)];
    assert_eq!(both, [Some(Occasion::Hour), Some(Occasion::Interval)]);
}

#[test]
fn the_interval_comes_again_and_again() {
    let mut hands = Hands::at("2026-11-23T12:00:00[Europe/Berlin]");
    let mut agenda = Agenda::new(triggers(None, Some(90), false), &hands.clock);
    let mut count = 0;
    for _ in 0..900 {
        count += usize::from(agenda.due(&hands.clock) == Some(Occasion::Interval));
        hands.pass(secs(1));
    }
    assert_eq!(count, 9);
}

#[test]
fn the_files_are_read_a_moment_after_the_first_of_many_signs() {
    let (mut hands, mut agenda) = watching();
    for _ in 0..5 {
        agenda.files_changed(hands.clock.steady);
        assert_eq!(agenda.due(&hands.clock), None);
        hands.pass(BURST / 5);
    }
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Watch));
    agenda.succeeded(Occasion::Watch);
    assert_eq!(agenda.due(&hands.clock), None);
}

#[test]
fn half_a_change_is_no_failure_until_it_has_had_time_to_become_whole() {
    let (mut hands, mut agenda) = watching();
    agenda.files_changed(hands.clock.steady);
    hands.pass(BURST);
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Watch));
    let failure = agenda.failed(Occasion::Watch, hands.clock.steady);
    assert_eq!(failure, Failure::Unsettled);
    assert!(agenda.patience(&hands.clock) < SETTLE);
    hands.pass(SETTLE - BURST);
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Watch));
    let failure = agenda.failed(Occasion::Watch, hands.clock.steady);
    assert_eq!(failure, Failure::Told);
}

#[test]
fn the_other_half_of_a_change_is_read_at_once() {
    let (mut hands, mut agenda) = watching();
    agenda.files_changed(hands.clock.steady);
    hands.pass(BURST);
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Watch));
    agenda.failed(Occasion::Watch, hands.clock.steady);
    agenda.files_changed(hands.clock.steady);
    assert_eq!(agenda.patience(&hands.clock), BURST);
    hands.pass(BURST);
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Watch));
}

#[test]
fn the_configuration_is_read_at_a_signal_and_a_sign_but_not_by_the_clock_alone() {
    for occasion in [Occasion::Signal, Occasion::Watch, Occasion::Retry] {
        assert!(occasion.reads_configuration());
    }
    for occasion in [Occasion::Hour, Occasion::Interval] {
        assert!(!occasion.reads_configuration());
    }
}

#[test]
fn a_change_that_the_interval_does_not_read_is_still_looked_at() {
    let mut hands = Hands::at("2026-11-23T12:00:00[Europe/Berlin]");
    let mut agenda = Agenda::new(triggers(None, Some(1), true), &hands.clock);
    hands.pass(secs(1) - BURST);
    agenda.files_changed(hands.clock.steady);
    hands.pass(BURST);
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Interval));
    agenda.succeeded(Occasion::Interval);
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Watch));
    agenda.failed(Occasion::Watch, hands.clock.steady);
    hands.pass(secs(1));
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Interval));
    agenda.failed(Occasion::Interval, hands.clock.steady);
    hands.pass(SETTLE - secs(1));
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Interval));
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Watch));
    let failure = agenda.failed(Occasion::Watch, hands.clock.steady);
    assert_eq!(failure, Failure::Told);
}

#[test]
fn what_was_told_as_a_failure_is_tried_again_after_a_minute() {
    let (mut hands, mut agenda) = watching();
    let failure = agenda.failed(Occasion::Signal, hands.clock.steady);
    assert_eq!(failure, Failure::Told);
    let mut tries = 0;
    for _ in 0..120 {
        hands.pass(secs(1));
        match agenda.due(&hands.clock) {
            Some(Occasion::Retry) => {
                tries += 1;
                agenda.failed(Occasion::Retry, hands.clock.steady);
            }
            Some(_) => agenda.nothing_new(),
            None => {}
        }
    }
    assert_eq!(tries, 2);
    agenda.succeeded(Occasion::Retry);
    hands.pass(RETRY);
    assert_ne!(agenda.due(&hands.clock), Some(Occasion::Retry));
}

#[test]
fn watched_files_are_read_now_and_then_without_a_sign() {
    let (mut hands, mut agenda) = watching();
    let mut looks = 0;
    for _ in 0..60 {
        hands.pass(secs(1));
        if agenda.due(&hands.clock) == Some(Occasion::Watch) {
            agenda.nothing_new();
            looks += 1;
        }
    }
    assert_eq!(looks, 6);
}

#[test]
fn triggers_that_stay_do_not_begin_anew_and_others_do() {
    let mut hands = Hands::at("2026-11-23T12:00:00[Europe/Berlin]");
    let same = triggers(None, Some(90), false);
    let mut agenda = Agenda::new(same, &hands.clock);
    hands.pass(secs(60));
    agenda.set_triggers(same, &hands.clock);
    hands.pass(secs(30));
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Interval));
    agenda.set_triggers(triggers(None, None, true), &hands.clock);
    hands.pass(secs(90));
    assert_eq!(agenda.due(&hands.clock), Some(Occasion::Watch));
}
