//! What `check` tells of files of revocation lists.

use std::path::PathBuf;

use crate::cli::certificate;
use crate::identity::span;
use crate::tls::ListFacts;

/// A file and what is in it.
type File = (PathBuf, Result<Vec<ListFacts>, String>);

/// Every list of every file, at `now` (Unix seconds).
pub(super) fn lists(files: &[File], now: i64) -> String {
    let mut text = String::new();
    for (path, lists) in files {
        let path = path.display();
        match lists {
            Ok(lists) => {
                for (index, facts) in lists.iter().enumerate() {
                    let number = index + 1;
                    text += &format!("{path}: revocation list {number} of {}\n", lists.len());
                    text += &list(facts, now);
                }
            }
            Err(what) => text += &format!("{path}: {what}\n"),
        }
    }
    text
}

fn list(facts: &ListFacts, now: i64) -> String {
    let revoked = match facts.revoked {
        0 => "no certificate".to_owned(),
        1 => "1 certificate".to_owned(),
        count => format!("{count} certificates"),
    };
    let mut lines = vec![("issuer", format!("{:?}", facts.issuer))];
    lines.extend(facts.number.clone().map(|number| ("number", number)));
    lines.push(("revokes", revoked));
    lines.push(("valid", life(facts, now)));
    let lines = lines.iter();
    lines
        .map(|(label, text)| certificate::line(2, label, text))
        .collect()
}

/// From when until when, and where `now` is in that time. The first second is a part of it and the last is
/// not.
fn life(facts: &ListFacts, now: i64) -> String {
    let begin = certificate::moment(facts.begin);
    let until = match facts.end {
        Some(end) => format!("{begin} to {} UTC", certificate::moment(end)),
        None => format!("from {begin} UTC on"),
    };
    let told = match facts.end {
        _ if now < facts.begin => {
            format!(
                "not valid yet, but in {}",
                span(facts.begin.saturating_sub(now))
            )
        }
        Some(end) if end <= now => format!("overdue for {}", span(now.saturating_sub(end))),
        Some(end) => format!("{} left", span(end.saturating_sub(now))),
        None => "it never counts as overdue".to_owned(),
    };
    format!("{until}: {told}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: i64 = 1_800_000_000;
    const DAY: i64 = 86_400;

    fn facts() -> ListFacts {
        ListFacts {
            issuer: "CN=\u{1b}[31mred".to_owned(),
            number: Some("7".to_owned()),
            begin: BEGIN,
            end: Some(BEGIN + 30 * DAY),
            revoked: 3,
        }
    }

    #[test]
    fn each_list_has_its_place_in_its_file_and_what_cannot_be_read_says_why() {
        let bare = ListFacts {
            number: None,
            revoked: 1,
            ..facts()
        };
        let files = [
            ("two.crl".into(), Ok(vec![facts(), bare])),
            ("gone.crl".into(), Err("cannot be read".to_owned())),
        ];
        let expected = "two.crl: revocation list 1 of 2\n  \
              issuer   \"CN=\\u{1b}[31mred\"\n  \
              number   7\n  \
              revokes  3 certificates\n  \
              valid    2027-01-15 08:00 to 2027-02-14 08:00 UTC: 29 days left\n\
            two.crl: revocation list 2 of 2\n  \
              issuer   \"CN=\\u{1b}[31mred\"\n  \
              revokes  1 certificate\n  \
              valid    2027-01-15 08:00 to 2027-02-14 08:00 UTC: 29 days left\n\
            gone.crl: cannot be read\n";
        assert_eq!(lists(&files, BEGIN + 1), expected);
    }

    #[test]
    fn the_time_of_a_list_is_told_to_the_second_at_its_ends() {
        let told = |at: i64| {
            let life = life(&facts(), BEGIN + at);
            life.split_once("UTC: ").map(|(_, told)| told.to_owned())
        };
        let end = 30 * DAY;
        let cases = [
            (-60, "not valid yet, but in 1 minute"),
            (0, "30 days left"),
            (end - 1, "1 second left"),
            (end, "overdue for 0 seconds"),
            (end + 3 * DAY, "overdue for 3 days"),
        ];
        for (at, words) in cases {
            assert_eq!(told(at).as_deref(), Some(words), "{at}");
        }
        let endless = ListFacts {
            end: None,
            ..facts()
        };
        let words = "from 2027-01-15 08:00 UTC on: it never counts as overdue";
        assert_eq!(life(&endless, BEGIN), words);
    }
}
