//! What is to be said of a certificate's dates at a time.

use std::fmt;

use super::peer::PeerCert;

/// How far the clocks of two machines may be apart, in seconds: a certificate of our own that begins no
/// later than this from now is taken for one that is valid already.
pub const CLOCK_SKEW: i64 = 300;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// Where a time falls in the life of a certificate. Its text is the end of a sentence about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Before its first second, by so many seconds.
    NotYet(i64),
    /// Nothing to say.
    Good,
    /// Three quarters of its life are over, and so many seconds are left.
    Late(i64),
    /// Over for so many seconds.
    Ended(i64),
}

/// Where `now`, in seconds since 1970, falls in the life of `cert`. The first second is a part of it and
/// the last is not, as the TLS libraries have it.
pub fn standing(cert: &PeerCert, now: i64) -> Standing {
    let (begin, end) = (cert.not_before, cert.not_after);
    // A date that cannot be read is as far away as there are numbers.
    let life = i128::from(end) - i128::from(begin);
    let lived = i128::from(now) - i128::from(begin);
    match () {
        () if now >= end => Standing::Ended(now.saturating_sub(end)),
        () if now < begin => Standing::NotYet(begin.saturating_sub(now)),
        () if 4 * lived >= 3 * life => Standing::Late(end.saturating_sub(now)),
        () => Standing::Good,
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Good => f.write_str("valid"),
            Standing::NotYet(seconds) => write!(
                f,
                "not valid yet, but in {}: wait until then, or set the clock",
                span(*seconds)
            ),
            Standing::Late(seconds) => write!(
                f,
                "{} left, three quarters of its life are over: renew it",
                span(*seconds)
            ),
            Standing::Ended(seconds) => {
                write!(f, "it ended {} ago: renew it, or remove it", span(*seconds))
            }
        }
    }
}

/// Seconds in the unit in which a person thinks of them, rounded down. A single day is told in hours:
/// much of it may be over already.
pub fn span(seconds: i64) -> String {
    let (unit, name) = match seconds {
        ..MINUTE => (1, "second"),
        MINUTE..HOUR => (MINUTE, "minute"),
        HOUR..DAY => (HOUR, "hour"),
        _ if seconds < 2 * DAY => (HOUR, "hour"),
        _ => (DAY, "day"),
    };
    match seconds / unit {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: i64 = 1_800_000_000;

    fn lasting(seconds: i64) -> PeerCert {
        PeerCert {
            not_before: BEGIN,
            not_after: BEGIN + seconds,
            ..PeerCert::default()
        }
    }

    #[test]
    fn each_second_of_a_life_of_eight_is_told_as_what_it_is() {
        use Standing::*;
        let cert = lasting(8);
        let told: Vec<_> = (-2..10).map(|at| standing(&cert, BEGIN + at)).collect();
        let good = [Good; 6];
        let mut expected = vec![NotYet(2), NotYet(1)];
        expected.extend(good);
        expected.extend([Late(2), Late(1), Ended(0), Ended(1)]);
        assert_eq!(told, expected);
    }

    #[test]
    fn the_last_quarter_begins_at_its_very_second() {
        let cert = lasting(400 * DAY);
        let at = |second| standing(&cert, BEGIN + second);
        assert_eq!(at(300 * DAY - 1), Standing::Good);
        assert_eq!(at(300 * DAY), Standing::Late(100 * DAY));
    }

    #[test]
    fn a_life_that_ends_before_it_begins_is_over_and_one_of_no_length_too() {
        for length in [-10, -1, 0] {
            let cert = lasting(length);
            assert_eq!(standing(&cert, BEGIN), Standing::Ended(-length));
        }
    }

    #[test]
    fn dates_that_cannot_be_read_are_never_now_and_break_no_sum() {
        let cert = PeerCert {
            not_before: i64::MAX,
            not_after: i64::MIN,
            ..PeerCert::default()
        };
        for now in [i64::MIN, 0, i64::MAX] {
            assert!(matches!(standing(&cert, now), Standing::Ended(_)));
        }
        let endless = PeerCert {
            not_before: i64::MIN,
            not_after: i64::MAX,
            ..PeerCert::default()
        };
        assert_eq!(standing(&endless, 0), Standing::Good);
        assert!(matches!(
            standing(&endless, i64::MAX - 1),
            Standing::Late(1)
        ));
    }

    #[test]
    fn a_span_is_told_in_the_unit_that_fits_it() {
        let cases = [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (3599, "59 minutes"),
            (3600, "1 hour"),
            (2 * DAY - 1, "47 hours"),
            (2 * DAY, "2 days"),
            (100 * DAY - 1, "99 days"),
        ];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn what_is_said_says_what_to_do() {
        let late = Standing::Late(23 * DAY).to_string();
        let words = "23 days left, three quarters of its life are over: renew it";
        assert_eq!(late, words);
        assert!(Standing::Ended(DAY).to_string().contains("renew it"));
        assert!(Standing::NotYet(90).to_string().contains("in 1 minute"));
    }
}
