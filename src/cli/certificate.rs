//! A certificate's facts as lines for a person.

use std::fmt::Display;

use crate::identity::{PeerCert, San, Standing, standing};

const DAY: i64 = 86_400;

/// What a certificate says of itself and where `now` (Unix seconds) falls in its life, each with its
/// label. Text from inside it is quoted and escaped: it may be a stranger's.
pub(super) fn facts(cert: &PeerCert, now: i64) -> Vec<(&'static str, String)> {
    let names = match cert.sans.as_slice() {
        [] => "none".to_owned(),
        sans => {
            let names: Vec<String> = sans.iter().map(San::to_string).collect();
            format!("{:?}", names.join(", "))
        }
    };
    vec![
        ("subject", format!("{:?}", cert.subject)),
        ("names", names),
        ("issuer", format!("{:?}", cert.issuer)),
        ("serial", cert.serial.clone()),
        ("valid", life(cert, now)),
    ]
}

/// A line of such a list.
pub(super) fn line(indent: usize, label: &str, text: &dyn Display) -> String {
    format!("{:indent$}{label:<8} {text}\n", "")
}

fn life(cert: &PeerCert, now: i64) -> String {
    let (begin, end) = (moment(cert.not_before), moment(cert.not_after));
    let standing = standing(cert, now);
    let told = match standing {
        Standing::Good | Standing::Late(_) => {
            let days = cert.not_after.saturating_sub(now) / DAY;
            let share = share(cert, now);
            format!("{days} days left, {share} % of its life used")
        }
        Standing::NotYet(_) | Standing::Ended(_) => standing.to_string(),
    };
    format!("{begin} to {end} UTC: {told}")
}

/// How much of its life is over at `now`, in percent, rounded down; `now` is within it.
fn share(cert: &PeerCert, now: i64) -> i128 {
    let life = i128::from(cert.not_after) - i128::from(cert.not_before);
    let lived = i128::from(now) - i128::from(cert.not_before);
    100 * lived / life.max(1)
}

/// A time in UTC, to the minute; `seconds` is Unix time.
pub(super) fn moment(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => format!("Unix second {seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From 2027-01-15 08:00 for 100 days.
    fn cert() -> PeerCert {
        PeerCert {
            subject: "CN=a".to_owned(),
            issuer: "CN=\u{1b}[31mred".to_owned(),
            sans: vec![San::Dns("a".to_owned()), San::Ip([192, 0, 2, 7].into())],
            not_before: 1_800_000_000,
            not_after: 1_800_000_000 + 100 * DAY,
            ..PeerCert::default()
        }
    }

    fn valid(now: i64) -> String {
        let facts = facts(&cert(), now);
        facts.last().map_or(String::new(), |(_, text)| text.clone())
    }

    #[test]
    fn a_life_is_told_with_both_ends_and_what_is_left_of_it() {
        let told = valid(cert().not_before + 41 * DAY - 1);
        let words = "2027-01-15 08:00 to 2027-04-25 08:00 UTC: 59 days left, 40 % of its life used";
        assert_eq!(told, words);
        assert!(valid(cert().not_before - 60).contains("not valid yet, but in 1 minute"));
        assert!(valid(cert().not_after + 2 * DAY).contains("it ended 2 days ago"));
    }

    #[test]
    fn what_a_stranger_wrote_cannot_steer_the_terminal() {
        let facts = facts(&cert(), 0);
        assert_eq!(facts[1], ("names", "\"DNS:a, IP:192.0.2.7\"".to_owned()));
        assert_eq!(facts[2].1, "\"CN=\\u{1b}[31mred\"");
    }

    #[test]
    fn a_time_beyond_every_calendar_is_a_number() {
        assert_eq!(moment(i64::MAX), format!("Unix second {}", i64::MAX));
    }
}
