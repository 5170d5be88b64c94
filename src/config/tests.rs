#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::fixture::{FIVE_KEYS, file, only_pair, only_problem, pair_with, problems};
use super::*;

/// The folder of the reference and the examples.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
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
    let examples = fs::read_dir(folder().join("examples")).unwrap();
    let modes = examples.map(|entry| {
        let path = entry.unwrap().path();
        let loaded = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(loaded.warnings, [], "{path:?}");
        loaded.config.pairs[0].mode
    });
    let modes: Vec<_> = modes.collect();
    for mode in [Mode::Client, Mode::Server, Mode::Bridge] {
        assert!(modes.contains(&mode), "no example begins with {mode:?}");
    }
}

#[test]
fn the_reference_lists_exactly_the_known_keys() {
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in reference().lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.trim_matches('`').to_owned();
        } else if let Some(row) = line.strip_prefix("| `") {
            let keys = row.split(" |").next().unwrap();
            let keys = keys.split(", ").map(|key| key.trim_matches('`').to_owned());
            listed.entry(section.clone()).or_default().extend(keys);
        }
    }
    let known = known_keys();
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    assert_eq!(
        listed.keys().collect::<Vec<_>>(),
        known.keys().collect::<Vec<_>>()
    );
    for (section, keys) in listed {
        assert_eq!(sorted(keys), sorted(known[&section].clone()), "{section}");
    }
}

/// The keys of each object, as the answer to an unknown one lists them.
fn known_keys() -> BTreeMap<String, Vec<String>> {
    let text = file(
        r#""zzzzzzzz":0,"limits":{"zzzzzzzz":0},"timeouts":{"zzzzzzzz":0},"tcp":{"zzzzzzzz":0},
           "log":{"zzzzzzzz":0},"admin":{"zzzzzzzz":0}"#,
        &pair_with(
            r#""zzzzzzzz":0,"limits":{"zzzzzzzz":0},"timeouts":{"zzzzzzzz":0},"allow":{"zzzzzzzz":0}"#,
        ),
    );
    let known = problems(&text).into_iter().map(|line| {
        let (path, keys) = line
            .split_once("zzzzzzzz: unknown key: the known ones here are ")
            .unwrap();
        let section = match path.trim_end_matches('.').replace("[0]", "[]") {
            top if top.is_empty() => "Top level".to_owned(),
            section => section,
        };
        (section, keys.split(", ").map(str::to_owned).collect())
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

/// Numbers that look random and are the same in every run (Marsaglia's xorshift).
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Pieces that bring a mutation past the syntax to what is behind it.
const PIECES: &[&str] = &[
    "null",
    "true",
    "-1",
    "0",
    "1e308",
    "18446744073709551616",
    "\"\"",
    "[]",
    "{}",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\u0000",
    "\\ud800",
    "\"unix:/\"",
    "\"[::1]:0\"",
    "\":\"",
    "\"1h30m\"",
    "\"-5s\"",
    "\"9223372036854775807h\"",
    "\"P1D\"",
    "\"plain\"",
    "\"cert\"",
    "é",
    "\u{feff}",
];

fn mutate(bytes: &mut Vec<u8>, random: &mut Xorshift) {
    let at = random.below(bytes.len());
    let end = (at + random.below(12)).min(bytes.len());
    match random.below(5) {
        0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
        _ => {
            let piece = PIECES[random.below(PIECES.len())];
            // Often in place of a whole value.
            let end = if random.below(2) == 0 {
                end
            } else {
                end_of_value(bytes, at)
            };
            drop(bytes.splice(at..end, piece.bytes()));
        }
    }
}

fn end_of_value(bytes: &[u8], at: usize) -> usize {
    let length = bytes[at..].iter().position(|byte| b",]}".contains(byte));
    length.map_or(bytes.len(), |length| at + length)
}

#[test]
fn no_mutation_of_a_file_makes_the_reader_panic() {
    let example = folder().join("examples/several-identities.json");
    let files = [FIVE_KEYS.as_bytes().to_vec(), fs::read(example).unwrap()];
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    let (mut texts, mut objects) = (0, 0);
    for round in 0..20_000 {
        let mut bytes = files[round % files.len()].clone();
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, &mut random);
        }
        if let Ok(text) = utf8(&bytes) {
            texts += 1;
            match parse(text) {
                Ok(_) => objects += 1,
                Err(found) => {
                    assert!(!found.to_string().is_empty());
                    objects += usize::from(!found.to_string().contains("not valid JSON"));
                }
            }
        }
    }
    // Otherwise this test would only exercise the JSON parser.
    assert!(
        texts > 10_000 && objects > 2_000,
        "{texts} texts, {objects} objects"
    );
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
