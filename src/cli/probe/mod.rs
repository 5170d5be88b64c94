//! `mtls-persona probe`: dials the destination of a pair as `run` would, and says where that stops and
//! why.
//!
//! | file | what is in it |
//! |---|---|
//! | `steps.rs` | the dial: the connection's own parts without its worker |
//! | `verdict.rs` | what a handshake and the first read after it mean |
//! | `report.rs` | the words |

mod report;
mod steps;
mod verdict;

use std::io;
use std::process::ExitCode;

use clap::Args;

use super::{COULD_NOT, ConfigArgs, WRONG_WORDS, fail, finish, tell, unix_now};
use crate::config::{self, Pair};
use crate::ops::fips::Standing;
use crate::ops::{Checked, check_credentials};
use steps::Told;
pub(super) use steps::greet;

/// Names of pairs that a message lists at most.
const LISTED_MAX: usize = 20;

/// What to probe.
#[derive(Debug, Args)]
pub(super) struct ProbeArgs {
    #[command(flatten)]
    config: ConfigArgs,

    /// The pair's name, which is its inbound address if it was given none; otherwise all of them in
    /// turn.
    pair: Option<String>,
}

/// Probes the pairs that are asked for.
pub(super) fn run(args: &ProbeArgs) -> ExitCode {
    let loaded = match args.config.source().load() {
        Ok(loaded) => loaded,
        Err(problems) => return fail(WRONG_WORDS, &problems),
    };
    let pairs = match chosen(&loaded.config.pairs, args.pair.as_deref()) {
        Ok(pairs) => pairs,
        Err(what) => return fail(WRONG_WORDS, &what),
    };
    let now = unix_now();
    let profile = match Standing::of(&loaded.config) {
        Ok((standing, _)) => standing.profile(),
        Err(what) => return fail(COULD_NOT, &what),
    };
    let checked = match check_credentials(pairs.iter().copied(), profile, now) {
        Ok(checked) => checked,
        Err(problems) => return fail(WRONG_WORDS, &problems.join("\n")),
    };
    let warnings = loaded.warnings.iter().map(ToString::to_string);
    let warnings = super::warnings(warnings.chain(checked.warnings.iter().cloned()));
    match tell(&warnings).and_then(|()| probe_all(&pairs, &checked, now)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(COULD_NOT),
        failed => finish(ExitCode::from(COULD_NOT), failed.map(drop)),
    }
}

/// Whether all were reached.
fn probe_all(pairs: &[&Pair], checked: &Checked, now: i64) -> io::Result<bool> {
    let mut missed = Vec::new();
    for (pair, credentials) in pairs.iter().zip(&checked.credentials) {
        tell(&report::heading(pair, &credentials.cert))?;
        if pair.directory.is_some() {
            tell(report::NO_DESTINATION)?;
            continue;
        }
        let mut is_reached = true;
        steps::probe(pair, credentials, &mut |told: &Told| {
            is_reached &= told.result.is_ok();
            tell(&report::step(pair, told, now))
        })?;
        tell(report::remark(pair))?;
        if !is_reached {
            missed.push(pair.name.as_str());
        }
    }
    tell(&report::end(&missed))?;
    Ok(missed.is_empty())
}

/// The pair of that name, or all of them.
fn chosen<'a>(pairs: &'a [Pair], wanted: Option<&str>) -> Result<Vec<&'a Pair>, String> {
    let Some(wanted) = wanted else {
        return Ok(pairs.iter().collect());
    };
    if let Some(pair) = pairs.iter().find(|pair| pair.name == wanted) {
        return Ok(vec![pair]);
    }
    let names: Vec<_> = pairs.iter().map(|pair| pair.name.as_str()).collect();
    let advice = match config::nearest(wanted, &names) {
        Some(near) => format!("did you mean {near:?}?"),
        None => {
            let listed = names
                .iter()
                .take(LISTED_MAX)
                .map(|name| format!("{name:?}"));
            let more = match names.len() > LISTED_MAX {
                true => ", …",
                false => "",
            };
            format!("there are {}{more}", listed.collect::<Vec<_>>().join(", "))
        }
    };
    Err(format!("no pair {wanted:?}: {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(count: usize) -> Vec<Pair> {
        let pair = |n| {
            format!(
                r#"{{ "name": "pair-{n}", "inbound": ":{}", "outbound": "a:1" }}"#,
                n + 1
            )
        };
        let list: Vec<_> = (0..count).map(pair).collect();
        let text = format!(
            r#"{{ "cert": "c", "key": "k", "ca": "a", "address_pairs": [{}] }}"#,
            list.join(",")
        );
        config::parse(&text).map_or(Vec::new(), |loaded| loaded.config.pairs)
    }

    fn names(pairs: &[Pair], wanted: Option<&str>) -> Result<Vec<String>, String> {
        let chosen = chosen(pairs, wanted)?;
        Ok(chosen.iter().map(|pair| pair.name.clone()).collect())
    }

    #[test]
    fn a_pair_is_chosen_by_its_name_and_without_one_all_are_in_order() {
        let pairs = pairs(3);
        let all = ["pair-0", "pair-1", "pair-2"].map(str::to_owned);
        assert_eq!(names(&pairs, None), Ok(all.to_vec()));
        assert_eq!(names(&pairs, Some("pair-1")), Ok(all[1..2].to_vec()));
    }

    #[test]
    fn an_unknown_pair_is_told_with_the_nearest_or_with_some_of_all() {
        let many = pairs(1000);
        let told = names(&many, Some("piar-7")).unwrap_or_else(|what| vec![what]);
        assert_eq!(told, [r#"no pair "piar-7": did you mean "pair-7"?"#]);
        let told = names(&pairs(2), Some("other")).unwrap_or_else(|what| vec![what]);
        assert_eq!(told, [r#"no pair "other": there are "pair-0", "pair-1""#]);
        let told = names(&many, Some("other")).unwrap_or_else(|what| vec![what]);
        assert!(told[0].len() < 500 && told[0].ends_with('…'), "{told:?}");
    }
}
