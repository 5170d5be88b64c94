//! What is told of the dates of certificates and revocation lists.

use std::collections::BTreeMap;
use std::fmt;

use super::family::{Families, Family};
use crate::reactor::Generation;
use crate::tls::ListDates;

/// Writes all of it. `now` is in seconds since 1970.
pub(super) fn write(families: &mut Families<'_>, generation: &Generation, now: i64) -> fmt::Result {
    let ends = families.gauges(
        "certificate_not_after_timestamp_seconds",
        "When a pair's own certificate ends, in seconds since 1970",
    )?;
    certificates(ends, generation, |not_after| not_after)?;
    let left = families.gauges(
        "certificate_remaining_seconds",
        "How long that is from now; below 0 it has ended",
    )?;
    certificates(left, generation, |end| end.saturating_sub(now))?;
    let ends = families.gauges(
        "authority_not_after_timestamp_seconds",
        "When an authority above a pair's own certificate ends, in seconds since 1970",
    )?;
    authorities(ends, generation)?;
    let ages = families.gauges(
        "crl_age_seconds",
        "How long ago a pair's revocation list was made",
    )?;
    lists(ages, generation, |list| {
        Some(now.saturating_sub(list.this_update))
    })?;
    let left = families.gauges(
        "crl_remaining_seconds",
        "Until the next one is due; below 0 it is overdue",
    )?;
    lists(left, generation, |list| {
        Some(list.next_update?.saturating_sub(now))
    })
}

/// A sample of each pair's own certificate, made of its end.
fn certificates(
    mut family: Family<'_>,
    generation: &Generation,
    value: impl Fn(i64) -> i64,
) -> fmt::Result {
    for post in generation.posts() {
        let pair = &post.served.pair;
        let file = pair.tls.cert.display().to_string();
        let labels = [("pair", pair.name.as_str()), ("file", &file)];
        family.gauge(&labels, value(post.served.credentials.cert.not_after))?;
    }
    Ok(())
}

/// A sample of each authority in a pair's own chain, which begins with its certificate.
fn authorities(mut family: Family<'_>, generation: &Generation) -> fmt::Result {
    for post in generation.posts() {
        let mut told = BTreeMap::new();
        for cert in post.served.credentials.chain.iter().skip(1) {
            // One of two of the same name is the same authority renewed.
            let end = told.entry(cert.subject.as_str()).or_insert(cert.not_after);
            *end = cert.not_after.min(*end);
        }
        for (subject, end) in told {
            let pair = post.served.pair.name.as_str();
            family.gauge(&[("pair", pair), ("subject", subject)], end)?;
        }
    }
    Ok(())
}

/// A sample of each pair's revocation lists, made of their dates.
fn lists(
    mut family: Family<'_>,
    generation: &Generation,
    value: impl Fn(&ListDates) -> Option<i64>,
) -> fmt::Result {
    for post in generation.posts() {
        for ((file, issuer), list) in soonest(&post.served.credentials.lists) {
            let pair = post.served.pair.name.as_str();
            if let Some(value) = value(list) {
                family.gauge(&[("pair", pair), ("file", file), ("issuer", issuer)], value)?;
            }
        }
    }
    Ok(())
}

/// By file and issuer. An authority may have several lists in a file, each for a part of its certificates:
/// of these the one that has to be replaced the soonest.
fn soonest(lists: &[ListDates]) -> BTreeMap<(&str, &str), &ListDates> {
    let mut soonest = BTreeMap::new();
    let due = |list: &ListDates| list.next_update.unwrap_or(i64::MAX);
    for list in lists {
        let known = soonest
            .entry((list.file.as_str(), list.issuer.as_str()))
            .or_insert(list);
        if due(list) < due(known) {
            *known = list;
        }
    }
    soonest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(file: &str, issuer: &str, next_update: Option<i64>) -> ListDates {
        ListDates {
            file: file.to_owned(),
            issuer: issuer.to_owned(),
            this_update: 0,
            next_update,
        }
    }

    #[test]
    fn of_an_authoritys_lists_in_a_file_the_one_that_is_due_first_is_told() {
        let lists = [
            list("a", "x", None),
            list("a", "x", Some(7)),
            list("a", "x", Some(9)),
            list("a", "y", Some(9)),
            list("b", "x", None),
        ];
        let told: Vec<_> = soonest(&lists).into_values().collect();
        assert_eq!(told, [&lists[1], &lists[3], &lists[4]]);
    }
}
