//! Texts for the tests of this folder.

#![allow(clippy::unwrap_used)]

use super::problem::{Findings, Problem, Problems};
use super::reader::{Blank, ObjectReader, Reported, read_root};
use super::{Config, Loaded, Pair, parse, yaml};

/// The five-key file that every version reads.
pub(super) const FIVE_KEYS: &str = r#"{
  "client_cert": "/etc/mtls-persona/agent.certificate.pem",
  "client_key":  "/etc/mtls-persona/agent.privatekey.pem",
  "ca_cert":     "/etc/mtls-persona/trust-store.pem",
  "reload_hour": 3,
  "address_pairs": [ { "inbound": "localhost:5432", "outbound": "remote.domain.com:5432" } ]
}
"#;

/// A file with these members at its top level beside the three files, and these pairs.
pub(super) fn file(top: &str, pairs: &str) -> String {
    let comma = if top.is_empty() { "" } else { "," };
    format!(r#"{{"cert":"c","key":"k","ca":"a",{top}{comma}"address_pairs":[{pairs}]}}"#)
}

/// A good pair with these members more.
pub(super) fn pair_with(members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"inbound":"localhost:5432","outbound":"db:5432"{comma}{members}}}"#)
}

/// What a good file becomes when its top level has these members more.
pub(super) fn config_with(top: &str) -> Config {
    parse(&file(top, &pair_with(""))).unwrap().config
}

/// What `pair` becomes.
pub(super) fn only_pair(pair: &str) -> Pair {
    parse(&file("", pair)).unwrap().config.pairs.remove(0)
}

/// The problems of `text`, a line each.
pub(super) fn problems(text: &str) -> Vec<String> {
    let found = parse(text).expect_err("there is something wrong with this text");
    lines(&found.0)
}

/// The problem of a file that has no other.
pub(super) fn only_problem(text: &str) -> String {
    let mut all = problems(text);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

/// What a YAML text in an older form becomes.
pub(super) fn older(
    text: &str,
    read: fn(&mut ObjectReader<'_>) -> Result<Config, Reported>,
) -> Result<Loaded, Problems> {
    let mut findings = Findings::default();
    let tree = findings.must(yaml::parse(text));
    let config = tree.and_then(|tree| read_root(tree, Blank::Absent, &mut findings, read));
    findings.settle(config)
}

/// The lines that problems or warnings are told in.
pub(super) fn lines(found: &[Problem]) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}
