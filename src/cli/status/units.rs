//! Figures as a person reads them.

const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];

/// So many bytes, with three digits or four.
pub(super) fn bytes(count: u64) -> String {
    let (mut rest, mut unit) = (count as f64, 0);
    while rest >= 1000.0 && unit < UNITS.len() - 1 {
        rest /= 1024.0;
        unit += 1;
    }
    match unit > 0 && rest < 100.0 {
        true => format!("{rest:.1} {}", UNITS[unit]),
        false => format!("{rest:.0} {}", UNITS[unit]),
    }
}

/// The last of some figures, in bytes a second.
pub(super) fn rate(figures: &[u64]) -> String {
    let last = figures.last().copied().unwrap_or_default();
    format!("{}/s", bytes(last))
}

/// A time from its milliseconds, in its two largest units.
pub(super) fn span(millis: u64) -> String {
    let seconds = millis / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if seconds < 60 => format!("{seconds} s"),
        () if minutes < 60 => format!("{minutes} min"),
        () if hours < 24 => format!("{hours} h {} min", minutes % 60),
        () => format!("{days} d {} h", hours % 24),
    }
}

/// So many of a thing, which is in the singular.
pub(super) fn many(count: u64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        count => format!("{count} {thing}s"),
    }
}

/// A time as the program tells it, `2026-11-25T21:09:31Z`, without what all of them have.
pub(super) fn time(text: &str) -> String {
    text.replace('T', " ").replace('Z', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_unit_in_which_they_are_short() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 KiB"),
            (101_376, "99.0 KiB"),
            (512 << 10, "512 KiB"),
            (3 << 29, "1.5 GiB"),
            (u64::MAX, "16777216 TiB"),
        ];
        for (count, told) in cases {
            assert_eq!(bytes(count), told);
        }
    }

    #[test]
    fn times_have_their_two_largest_units() {
        let minute = 60_000;
        let cases = [
            (999, "0 s"),
            (59_999, "59 s"),
            (59 * minute, "59 min"),
            (61 * minute, "1 h 1 min"),
            (49 * 60 * minute, "2 d 1 h"),
        ];
        for (millis, told) in cases {
            assert_eq!(span(millis), told);
        }
    }

    #[test]
    fn a_pair_that_has_no_figure_yet_carries_nothing() {
        assert_eq!(rate(&[]), "0 B/s");
        assert_eq!(rate(&[7, 2048]), "2.0 KiB/s");
    }
}
