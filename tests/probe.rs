//! `probe` says where a dial stops and why, in the words of the access log.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "probe/answers.rs"]
mod answers;
#[path = "probe/gateways.rs"]
mod gateways;
#[path = "probe/proxy.rs"]
mod proxy;
#[path = "probe/reach.rs"]
mod reach;
#[path = "probe/words.rs"]
mod words;

use std::fs;

use serde_json::{Value, json};
use support::certs::TestPki;
use support::program::outcome;

/// What a run of `probe` has told.
struct Probed {
    code: i32,
    /// Each step with its word, `ok` or a reason, in order.
    steps: Vec<(String, String)>,
    stdout: String,
    stderr: String,
}

impl Probed {
    fn steps(&self) -> Vec<(&str, &str)> {
        let steps = self.steps.iter();
        steps
            .map(|(step, word)| (step.as_str(), word.as_str()))
            .collect()
    }

    /// What stands behind a label below a step, for the first step that has it.
    fn below(&self, label: &str) -> &str {
        let begin = format!("{:15}{label:<9}", "");
        let mut lines = self.stdout.lines();
        lines
            .find_map(|line| line.strip_prefix(&begin))
            .unwrap_or_default()
    }

    /// The words of a step.
    fn words(&self, step: &str) -> &str {
        let begin = format!("  {step:<12} ");
        let mut lines = self.stdout.lines();
        let line = lines.find_map(|line| line.strip_prefix(&begin));
        line.unwrap_or_else(|| panic!("no {step}: {}", self.stdout))
    }
}

/// Probes with that configuration: all pairs, or those of further arguments.
fn probe(pki: &TestPki, config: &Value, more: &[&str]) -> Probed {
    let path = pki.folder().join("probe.json");
    fs::write(&path, config.to_string()).unwrap();
    let words = ["probe", "--config", path.to_str().unwrap()];
    let (code, stdout, stderr) = outcome(&[&words, more].concat());
    let steps = stdout.lines().filter_map(|line| {
        let line = line
            .strip_prefix("  ")
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))?;
        let (step, rest) = line.split_once(' ')?;
        let word = rest.trim_start().split([' ', ':']).next()?;
        Some((step.to_owned(), word.to_owned()))
    });
    Probed {
        code,
        steps: steps.collect(),
        stdout: stdout.clone(),
        stderr,
    }
}

/// A persona before that address, with a good identity.
fn persona(pki: &TestPki, outbound: &str) -> Value {
    let alice = pki.client("alice");
    json!({
        "ca": pki.ca, "cert": alice.cert, "key": alice.key,
        "address_pairs": [{ "name": "persona", "inbound": "127.0.0.1:0", "outbound": outbound }],
    })
}

/// Every step of a dial to a gateway.
const ALL: [&str; 6] = ["name", "connect", "tls", "certificate", "access", "answer"];

/// The steps, of which all but the last went well.
#[track_caller]
fn assert_stops(probed: &Probed, step: &str, reason: &str) {
    let at = ALL.iter().position(|name| *name == step).unwrap();
    let mut expected: Vec<_> = ALL[..at].iter().map(|name| (*name, "ok")).collect();
    expected.push((step, reason));
    // In TLS 1.2 a gateway answers before it is looked up.
    if !probed.steps().contains(&("access", "ok")) {
        expected.retain(|taken| *taken != ("access", "ok"));
    }
    assert_eq!(probed.steps(), expected, "{}", probed.stdout);
    assert_eq!((probed.code, probed.stderr.as_str()), (1, ""));
    assert!(
        probed.stdout.ends_with("not reached: persona\n"),
        "{}",
        probed.stdout
    );
}

/// All steps went well.
#[track_caller]
fn assert_reached(probed: &Probed) {
    let expected = ALL.map(|name| (name, "ok"));
    assert_eq!(probed.steps(), expected, "{}", probed.stdout);
    assert_eq!((probed.code, probed.stderr.as_str()), (0, ""));
    assert!(probed.stdout.ends_with("ok\n"));
}
