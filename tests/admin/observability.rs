//! The dashboard and the alert rules are about what the program tells.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::support::certs::TestPki;
use super::support::daemon::tool;
use super::support::http::get;
use super::{exchange, program, scrape};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/observability")
}

fn rules() -> PathBuf {
    folder().join("mtls-persona.rules.yml")
}

/// The queries of the dashboard, with values in the place of its variables.
fn queries() -> Vec<String> {
    let text = fs::read_to_string(folder().join("grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array());
    let queries = targets
        .flatten()
        .map(|target| target["expr"].as_str().unwrap());
    queries
        .map(|query| query.replace("$__rate_interval", "5m"))
        .collect()
}

/// The names of metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = |word: &&str| word.starts_with("mtls_persona_") || word.starts_with("process_");
    words.filter(ours).collect()
}

/// Runs promtool to its end, with that on its standard input.
fn promtool(args: &[&str], input: &str) {
    let mut command = Command::new(tool("promtool", &[]));
    command.args(args).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    assert!(
        output.status.success(),
        "promtool {args:?}: {}",
        said.concat()
    );
}

#[test]
fn the_metrics_follow_prometheus_conventions() {
    let pki = TestPki::new();
    let (program, admin) = program(&pki);
    exchange(program.connect("persona"), 1000);
    promtool(&["check", "metrics"], &get(admin, "/metrics").body);
}

#[test]
fn the_rules_are_sound_and_raise_the_alarm_when_they_should() {
    let rules = rules();
    promtool(&["check", "rules", rules.to_str().unwrap()], "");
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/admin/alerts.yml");
    promtool(&["test", "rules", cases.to_str().unwrap()], "");
    let scrape = folder().join("prometheus.yml");
    promtool(&["check", "config", scrape.to_str().unwrap()], "");
}

#[test]
fn the_queries_of_the_dashboard_are_sound() {
    let queries = queries();
    assert!(queries.len() > 20);
    // A recording rule is a query with a name.
    let rules = queries.iter().enumerate().map(
        |(number, query)| serde_json::json!({ "record": format!("query:{number}"), "expr": query }),
    );
    let rules: Vec<_> = rules.collect();
    // What is JSON is YAML.
    let file = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rules.yml");
    fs::write(&path, file.to_string()).unwrap();
    promtool(&["check", "rules", path.to_str().unwrap()], "");
}

#[test]
fn each_metric_that_the_dashboard_and_the_rules_name_is_told() {
    let pki = TestPki::new();
    let (program, _) = program(&pki);
    let scrape = scrape(&program);
    let rules = fs::read_to_string(rules()).unwrap();
    let queries = queries().join("\n");
    let named: BTreeSet<_> = names(&rules).into_iter().chain(names(&queries)).collect();
    assert!(named.len() > 20, "{named:?}");
    let told = scrape.names();
    let missing: Vec<_> = named.difference(&told).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_metric_of_the_readme_is_told_and_the_other_way_round() {
    let pki = TestPki::new();
    let (program, _) = program(&pki);
    let scrape = scrape(&program);
    let readme = include_str!("../../README.md");
    let documented: BTreeSet<_> = names(readme);
    let family = |name: &str| {
        let ends = ["_bucket", "_count", "_sum"];
        let end = ends.iter().find_map(|end| name.strip_suffix(end));
        end.unwrap_or(name).to_owned()
    };
    let told: BTreeSet<String> = scrape.names().into_iter().map(family).collect();
    let documented: BTreeSet<String> = documented.into_iter().map(str::to_owned).collect();
    assert_eq!(documented, told);
}
