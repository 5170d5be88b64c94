//! When to reload.

use jiff::{ToSpan, Zoned};

/// The next instant after `now` at which the local clock shows `hour` o'clock (0 to 23).
///
/// On a day whose clock skips that hour it is the instant of the skip; on a day that has it twice, the
/// first. Compare it with the wall clock, again and again: a machine may sleep, and clocks are set.
pub(super) fn next_reload(now: &Zoned, hour: u8) -> Option<Zoned> {
    let at = |day: &Zoned| {
        let clock = day.date().at(i8::try_from(hour).ok()?, 0, 0, 0);
        clock.to_zoned(day.time_zone().clone()).ok()
    };
    let today = at(now)?;
    if today > *now {
        return Some(today);
    }
    at(&now.checked_add(1.day()).ok()?).filter(|tomorrow| *tomorrow > *now)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn next(now: &str, hour: u8) -> String {
        let now: Zoned = now.parse().unwrap();
        next_reload(&now, hour).unwrap().to_string()
    }

    #[test]
    fn an_hour_still_to_come_is_today() {
        let next = next("2026-11-23T02:59:59[Europe/Berlin]", 3);
        assert_eq!(next, "2026-11-23T03:00:00+01:00[Europe/Berlin]");
    }

    #[test]
    fn at_the_hour_itself_the_next_is_tomorrow() {
        let next = next("2026-11-23T03:00:00[Europe/Berlin]", 3);
        assert_eq!(next, "2026-11-24T03:00:00+01:00[Europe/Berlin]");
    }

    #[test]
    fn midnight_follows_the_last_second_of_the_year() {
        let next = next("2026-12-31T23:59:59[America/New_York]", 0);
        assert_eq!(next, "2027-01-01T00:00:00-05:00[America/New_York]");
    }

    #[test]
    fn an_hour_that_the_clock_skips_is_made_up_for() {
        let next = next("2026-03-29T01:59:00[Europe/Berlin]", 2);
        assert_eq!(next, "2026-03-29T03:00:00+02:00[Europe/Berlin]");
    }

    #[test]
    fn an_hour_that_comes_twice_counts_once() {
        let first = next("2026-10-25T01:00:00+02:00[Europe/Berlin]", 2);
        assert_eq!(first, "2026-10-25T02:00:00+02:00[Europe/Berlin]");
        let after = next(&first, 2);
        assert_eq!(after, "2026-10-26T02:00:00+01:00[Europe/Berlin]");
    }

    #[test]
    fn every_hour_of_a_year_lies_ahead_and_within_two_days() {
        let mut now: Zoned = "2026-01-01T00:30:00[America/New_York]".parse().unwrap();
        for _ in 0..365 * 24 {
            for hour in [0, 2, 3, 23] {
                let next = next_reload(&now, hour).unwrap();
                let ahead = next.timestamp().duration_since(now.timestamp());
                assert!(ahead.is_positive() && ahead.as_hours() < 26, "{now} {hour}");
            }
            now = now.checked_add(1.hour()).unwrap();
        }
    }
}
