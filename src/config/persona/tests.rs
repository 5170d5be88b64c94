#![allow(clippy::unwrap_used)]

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::config::fixture::lines;
use crate::config::{Loaded, Place, Problems, ServerName, json, load};

const PAIR: &str = "inbound: localhost:5432\noutbound: db.example:5433\n";
const ID: &str = "id_directory: /etc/id/\ndevice_name: agent\ntrust_store: [a.pem]\n";

/// What the two files become; the folder is left out of what is told.
fn pair(persona: &str, id: &str) -> Result<Loaded, Problems> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("mtls-persona.yaml"), persona).unwrap();
    fs::write(folder.path().join("mtls-id.yaml"), id).unwrap();
    let loaded = load(&folder.path().join("mtls-persona.yaml"));
    let shorten = |mut problem: crate::config::Problem| {
        let file = problem.file.take().unwrap();
        problem.file = Some(file.strip_prefix(folder.path()).unwrap().to_owned());
        problem
    };
    match loaded {
        Ok(Loaded {
            config,
            warnings,
            files,
        }) => Ok(Loaded {
            config,
            files,
            warnings: warnings.into_iter().map(shorten).collect(),
        }),
        Err(found) => Err(Problems(found.0.into_iter().map(shorten).collect())),
    }
}

fn problems(persona: &str, id: &str) -> Vec<String> {
    lines(&pair(persona, id).unwrap_err().0)
}

fn warnings(persona: &str, id: &str) -> Vec<String> {
    lines(&pair(persona, id).unwrap().warnings)
}

/// What a text in the JSON form becomes.
fn between(text: &str) -> Result<Loaded, Problems> {
    let mut findings = crate::config::problem::Findings::default();
    let tree = json::parse(text).unwrap();
    let blank = crate::config::reader::Blank::Absent;
    let config = crate::config::reader::read_root(tree, blank, &mut findings, read_json);
    findings.settle(config)
}

#[test]
fn the_two_files_become_a_client() {
    let config = pair(PAIR, ID).unwrap().config;
    let [pair] = config.pairs.as_slice() else {
        panic!("{config:?}");
    };
    assert_eq!(pair.mode, Mode::Client);
    assert_eq!(pair.name, "localhost:5432");
    assert_eq!(pair.outbound.to_string(), "db.example:5433");
    assert_eq!(
        pair.server_name,
        Some(ServerName::Dns("db.example".to_owned()))
    );
    assert_eq!(pair.tls.cert, PathBuf::from("/etc/id/agent.cer"));
    assert_eq!(pair.tls.key, PathBuf::from("/etc/id/agent.key"));
    assert_eq!(pair.tls.ca, [PathBuf::from("a.pem")]);
    assert_eq!(config.reload, ReloadTriggers::default());
    assert_eq!(config.log_level, LevelFilter::Info);
}

#[test]
fn auto_reload_looks_every_minute_and_verbose_tells_more() {
    let settings = |lines: &str| {
        let config = pair(&format!("{PAIR}{lines}"), ID).unwrap().config;
        (config.reload.interval, config.log_level)
    };
    let minute = Some(Duration::from_secs(60));
    let (info, debug) = (LevelFilter::Info, LevelFilter::Debug);
    assert_eq!(settings("auto_reload: yes\n"), (minute, info));
    assert_eq!(settings("verbose: true\n"), (None, debug));
    assert_eq!(settings("auto_reload: false\nverbose:\n"), (None, info));
}

#[test]
fn whoever_changes_over_is_told_that_the_server_is_verified() {
    let told = warnings(PAIR, ID);
    assert_eq!(told.len(), 1, "{told:#?}");
    let expected = "mtls-persona.yaml: outbound: the server must prove to be \"db.example\"";
    assert!(told[0].starts_with(expected), "{told:#?}");
}

#[test]
fn every_trust_file_counts_and_that_is_told() {
    let id = ID.replace("[a.pem]", "[a.pem, b.pem]");
    let loaded = pair(PAIR, &id).unwrap();
    assert_eq!(
        loaded.config.pairs[0].tls.ca,
        ["a.pem", "b.pem"].map(PathBuf::from)
    );
    let told = lines(&loaded.warnings);
    let expected = "mtls-id.yaml: trust_store: each of the 2 files counts";
    assert!(told[1].starts_with(expected), "{told:#?}");
}

#[test]
fn the_misspelling_of_the_sample_is_read_and_told() {
    let id = ID.replace("trust_store", "turst_store");
    let loaded = pair(PAIR, &id).unwrap();
    assert_eq!(loaded.config.pairs[0].tls.ca, [PathBuf::from("a.pem")]);
    let told = lines(&loaded.warnings);
    assert_eq!(
        told[1],
        "mtls-id.yaml: turst_store: misspelt: write trust_store"
    );
    let both = format!("{ID}turst_store: [b.pem]\n");
    let told = problems(PAIR, &both);
    let expected = "mtls-id.yaml: turst_store: given beside \"trust_store\"";
    assert!(told[0].starts_with(expected), "{told:#?}");
}

#[test]
fn what_another_program_reads_in_the_identity_is_left_to_it() {
    let id = format!("{ID}identity_broker: broker.example\nverbose: true\n");
    assert_eq!(
        pair(PAIR, &id).unwrap().config,
        pair(PAIR, ID).unwrap().config
    );
}

#[test]
fn the_problems_of_both_files_are_told_at_once_each_with_its_file() {
    let told = problems(
        "inbuond: localhost:1\noutbound: db\nauto_reload: 1\n",
        "id_directory: ''\ndevice_name: /agent\ntrust_store: []\n",
    );
    let expected = [
        "mtls-persona.yaml: inbound: missing: write host:port",
        "mtls-persona.yaml: outbound: \"db\" has no port",
        "mtls-persona.yaml: auto_reload: expected true or false, found the number 1",
        "mtls-persona.yaml: inbuond: unknown key: did you mean \"inbound\"?",
        "mtls-id.yaml: id_directory: missing: name the folder",
        "mtls-id.yaml: device_name: \"/agent\" begins with a slash",
        "mtls-id.yaml: trust_store: the list is empty",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn a_mistake_in_the_syntax_is_told_with_its_file_and_line() {
    let told = problems(PAIR, "id_directory: [\n");
    assert!(
        told[0].starts_with("mtls-id.yaml:2:1: not valid YAML: "),
        "{told:#?}"
    );
    let told = problems(&format!("{PAIR}auto_reload: ["), ID);
    assert!(
        told[0].starts_with("mtls-persona.yaml:4:1: not valid YAML: "),
        "{told:#?}"
    );
}

#[test]
fn an_identity_that_is_not_there_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mtls-persona.yaml");
    fs::write(&path, PAIR).unwrap();
    let found = load(&path).unwrap_err().0;
    let [problem] = found.as_slice() else {
        panic!("{found:#?}");
    };
    assert_eq!(problem.file, Some(folder.path().join("mtls-id.yaml")));
    assert_eq!(problem.place, Place::Whole);
    assert!(problem.what.starts_with("cannot be read: "));
}

#[test]
fn an_open_plain_listener_and_a_unix_destination_are_told_as_in_every_form() {
    let told = warnings("inbound: :5432\noutbound: db:1\n", ID);
    assert!(
        told[0].contains("inbound: \":5432\" takes plain connections"),
        "{told:#?}"
    );
    let told = problems("inbound: :1\noutbound: unix:/run/db\n", ID);
    assert!(told[0].contains("a Unix socket has no name"), "{told:#?}");
    let told = problems("inbound: localhost:1\noutbound: localhost:1\n", ID);
    assert!(told[0].contains("leads back"), "{told:#?}");
}

#[test]
fn the_json_form_has_one_identity_for_all_of_its_pairs() {
    let text = r#"{"mtls_id_directory": "ids", "mtls_id": "agent", "identity_broker_ca": "ca.pem",
        "auto_reload": true, "verbose": true, "address_pairs": [
            {"inbound": "localhost:1", "outbound": "a:1"},
            {"inbound": "localhost:2", "outbound": "10.0.0.7:1"}]}"#;
    let loaded = between(text).unwrap();
    let config = loaded.config;
    for pair in &config.pairs {
        assert_eq!(pair.mode, Mode::Client);
        assert_eq!(pair.tls.cert, PathBuf::from("ids/agent.cer"));
        assert_eq!(pair.tls.key, PathBuf::from("ids/agent.key"));
        assert_eq!(pair.tls.ca, [PathBuf::from("ca.pem")]);
    }
    assert_eq!(
        config.pairs[1].server_name.as_ref().unwrap().to_string(),
        "10.0.0.7"
    );
    assert_eq!(config.reload.interval, Some(Duration::from_secs(60)));
    assert_eq!(config.log_level, LevelFilter::Debug);
    let told = lines(&loaded.warnings);
    assert_eq!(told.len(), 2);
    assert!(told[1].starts_with("address_pairs[1].outbound: the server must prove"));
}

#[test]
fn every_problem_of_the_json_form_is_told_at_once() {
    let text = r#"{"mtls_id": "", "auto_reload": "maybe", "reload_hour": 3, "address_pairs": [
            {"inbound": "localhost:1", "outbound": "a:1"},
            {"inbound": "localhost:1", "outbound": "b", "mode": "client"}, 5]}"#;
    let told = lines(&between(text).unwrap_err().0);
    let expected = [
        "mtls_id_directory: missing",
        "mtls_id: missing",
        "identity_broker_ca: missing",
        "auto_reload: expected true or false, found the text \"maybe\"",
        "address_pairs[1].outbound: \"b\" has no port",
        "address_pairs[1].mode: unknown key",
        "address_pairs[2]: expected an object",
        "reload_hour: unknown key",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
    let twice = r#"{"mtls_id_directory": "a", "mtls_id": "b", "identity_broker_ca": "c", "address_pairs": [
        {"inbound": ":1", "outbound": "a:1"}, {"inbound": "localhost:1", "outbound": "b:1"}]}"#;
    let told = lines(&between(twice).unwrap_err().0);
    assert!(
        told[0].starts_with("address_pairs[1].inbound: \"localhost:1\" collides"),
        "{told:#?}"
    );
}
