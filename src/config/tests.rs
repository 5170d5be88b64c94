#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

mod golden;
mod mutations;
mod random;

use super::fixture::{FIVE_KEYS, file, lines, older, only_pair, only_problem, pair_with, problems};
use super::*;

/// The folder of the reference and the examples.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

/// The examples that are configurations; a folder among them holds other things.
fn examples() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join("examples")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}

fn reference() -> String {
    fs::read_to_string(folder().join("README.md")).unwrap()
}

/// What `load` makes of a file that holds `bytes`, and the file.
fn load_bytes(bytes: &[u8]) -> (Result<Loaded, Problems>, PathBuf) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    (load(file.path()), file.path().to_owned())
}

#[test]
fn the_example_at_the_top_is_the_five_key_file() {
    assert_eq!(
        fs::read_to_string(folder().join("mtls-persona.json")).unwrap(),
        FIVE_KEYS
    );
    assert!(load(&folder().join("mtls-persona.json")).is_ok());
}

#[test]
fn every_example_stands() {
    let modes = examples().into_iter().map(|path| {
        let loaded = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(loaded.warnings, [], "{path:?}");
        loaded.config.pairs[0].mode
    });
    let modes: Vec<_> = modes.collect();
    for mode in [Mode::Client, Mode::Server, Mode::Bridge, Mode::Connector] {
        assert!(modes.contains(&mode), "no example begins with {mode:?}");
    }
}

/// The keys that the tables of a text list, by section.
fn listed(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.replace('`', "");
        } else if let Some(row) = line.strip_prefix("| `") {
            let keys = row.split(" |").next().unwrap();
            let keys = keys.split(", ").map(|key| key.trim_matches('`').to_owned());
            listed.entry(section.clone()).or_default().extend(keys);
        }
    }
    for keys in listed.values_mut() {
        keys.sort();
    }
    listed
}

#[test]
fn the_reference_lists_exactly_the_known_keys() {
    let reference = reference();
    let (native, older) = reference.split_once("\n# The older forms\n").unwrap();
    assert_eq!(listed(native), known_keys());
    assert_eq!(listed(older), older_keys());
}

/// The keys of each older form with their paths, as the answers to unknown ones list them.
fn older_keys() -> BTreeMap<String, Vec<String>> {
    let keys = |told: Problems| {
        let told = lines(&told.0).into_iter();
        let mut keys: Vec<_> = told
            .filter_map(|line| {
                let (path, known) =
                    line.split_once("zzzzzzzz: unknown key: the known ones here are ")?;
                let path = path.replace("[0]", "[]");
                let known = known.split(", ").map(move |key| format!("{path}{key}"));
                Some(known.collect::<Vec<_>>())
            })
            .flatten()
            .filter(|key| {
                let objects = [
                    "address_pairs",
                    "tls",
                    "acl",
                    "proxy",
                    "health",
                    "metrics",
                    "logging",
                ];
                !objects.contains(&&**key)
            })
            .collect();
        keys.sort();
        keys
    };
    let strange = "zzzzzzzz: 0\n";
    let mtlsd: String = ["tls", "acl", "proxy", "health", "metrics", "logging"]
        .map(|object| format!("{object}: {{zzzzzzzz: 0}}\n"))
        .concat();
    let json = format!("{strange}address_pairs: [{{zzzzzzzz: 0}}]\n");
    let of_pair = |text: &str, read| keys(older(text, read).unwrap_err());
    let found = [
        (
            "mtlsd: server.yaml, client.yaml",
            of_pair(&(mtlsd + strange), mtlsd::read),
        ),
        (
            "mtls-persona: one JSON file",
            of_pair(&json, persona::read_json),
        ),
        (
            "mtls-persona: mtls-persona.yaml",
            of_pair(strange, |r| persona::read_pair(r).map(never)),
        ),
        (
            "mtls-persona: mtls-id.yaml",
            of_pair(strange, |r| persona::read_identity(r).map(never)),
        ),
    ];
    found.map(|(form, keys)| (form.to_owned(), keys)).into()
}

/// For what cannot be read.
fn never<T>(_: T) -> Config {
    unreachable!("there is something wrong with it")
}

/// The keys of each object, as the answer to an unknown one lists them.
fn known_keys() -> BTreeMap<String, Vec<String>> {
    let text = file(
        r#""zzzzzzzz":0,"limits":{"zzzzzzzz":0},"timeouts":{"zzzzzzzz":0},"tcp":{"zzzzzzzz":0},
           "log":{"zzzzzzzz":0},"admin":{"zzzzzzzz":0}"#,
        &pair_with(
            r#""zzzzzzzz":0,"limits":{"zzzzzzzz":0},"timeouts":{"zzzzzzzz":0},"allow":{"zzzzzzzz":0},
               "proxy_protocol":{"zzzzzzzz":0,"in":{"zzzzzzzz":0,"from":"::1"}}"#,
        ),
    );
    let connector = file(
        "",
        r#"{"mode":"connector","inbound":":1",
            "directory":{"zzzzzzzz":0,"database":{"zzzzzzzz":0},"cache":{"zzzzzzzz":0},"limits":{"zzzzzzzz":0}}}"#,
    );
    let told = problems(&text).into_iter().chain(problems(&connector));
    let known = told.filter_map(|line| {
        let (path, keys) = line.split_once("zzzzzzzz: unknown key: the known ones here are ")?;
        let section = match path.trim_end_matches('.').replace("[0]", "[]") {
            top if top.is_empty() => "Top level".to_owned(),
            section => section,
        };
        let mut keys: Vec<_> = keys.split(", ").map(str::to_owned).collect();
        keys.sort();
        Some((section, keys))
    });
    known.collect()
}

#[test]
fn the_reference_writes_the_defaults_out_as_they_are() {
    let reference = reference();
    let written_out = reference
        .split("```json")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let written_out = parse(written_out).unwrap();
    assert_eq!(written_out, parse(FIVE_KEYS).unwrap());
}

#[test]
fn all_problems_are_told_at_once_each_with_its_file_and_path() {
    let text = br#"{"reload_hour": 24, "address_pairs": [{"inbound": "db", "outbound": ":1"}]}"#;
    let (result, path) = load_bytes(text);
    let told = result.unwrap_err().to_string();
    let lines: Vec<_> = told.lines().collect();
    let path = path.display();
    assert_eq!(lines.len(), 5, "{told}");
    let hour = "reload_hour: expected a whole number from 0 to 23, found the number 24";
    assert_eq!(lines[0], format!("{path}: {hour}"));
    let inbound = "address_pairs[0].inbound: \"db\" has no port: write host:port";
    assert_eq!(lines[1], format!("{path}: {inbound}"));
    for (line, key) in lines[2..].iter().zip(["cert", "key", "ca"]) {
        assert!(
            line.starts_with(&format!("{path}: {key}: missing")),
            "{line}"
        );
    }
}

#[test]
fn a_mistake_in_the_syntax_is_told_with_line_and_column() {
    let (result, path) = load_bytes(b"{\n  \"workers\": 1,\n}\n");
    let told = format!("{}:3:1: not valid JSON: trailing comma", path.display());
    assert_eq!(result.unwrap_err().to_string(), told);
    let cases = [
        ("", "line 1, column 1: "),
        ("{} {}", "line 1, column 4: "),
        ("{\"a\":\n01}", "line 2, column 2: "),
        ("{\"workers\":1e999}", "line 1, column "),
    ];
    for (text, place) in cases {
        let told = only_problem(text);
        assert!(told.starts_with(place), "{text:?}: {told}");
    }
}

#[test]
fn bytes_that_are_no_text_are_told_with_line_and_column() {
    let (result, path) = load_bytes(b"{\n  \"n\xfcmber\": 1 }");
    let told = format!(
        "{}:2:5: not UTF-8: save the file in that encoding",
        path.display()
    );
    assert_eq!(result.unwrap_err().to_string(), told);
}

#[test]
fn a_file_may_begin_with_a_byte_order_mark() {
    assert_eq!(parse(&format!("\u{feff}{FIVE_KEYS}")), parse(FIVE_KEYS));
}

#[test]
fn nesting_without_end_is_refused() {
    assert!(only_problem(&"[".repeat(1_000_000)).contains("not valid JSON"));
    assert!(only_problem(&"{\"a\":".repeat(1_000_000)).contains("not valid JSON"));
}

#[test]
fn a_file_beyond_4_mib_is_refused_and_one_of_4_mib_is_not() {
    let mut bytes = FIVE_KEYS.as_bytes().to_vec();
    bytes.resize(4 * 1024 * 1024, b' ');
    assert!(load_bytes(&bytes).0.is_ok());
    bytes.push(b' ');
    assert!(
        load_bytes(&bytes)
            .0
            .unwrap_err()
            .to_string()
            .contains("4 MiB")
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    for path in [folder(), folder().join("none.json")] {
        let told = load(&path).unwrap_err().to_string();
        assert!(
            told.starts_with(&format!("{}: cannot be read: ", path.display())),
            "{told}"
        );
    }
}

#[test]
fn the_root_is_an_object() {
    assert_eq!(only_problem("[]"), "expected an object, found a list");
}

#[test]
fn states_of_a_pair_that_differ_in_whom_they_admit_are_the_same_otherwise() {
    let state = |members: &str| only_pair(&pair_with(members));
    let plain = state("");
    assert!(plain.is_same_but_for_peers(&state("")));
    for members in [
        r#""crl":"l""#,
        r#""crl":["l","m"],"crl_scope":"leaf""#,
        r#""crl":"l","on_stale_crl":"1h""#,
    ] {
        let other = state(members);
        assert_ne!(plain, other);
        assert!(plain.is_same_but_for_peers(&other), "{members}");
        assert!(other.is_same_but_for_peers(&plain), "{members}");
    }
    for members in [
        r#""crl":"l","ca":"b""#,
        r#""name":"n""#,
        r#""mode":"bridge""#,
    ] {
        assert!(!plain.is_same_but_for_peers(&state(members)), "{members}");
    }
}
