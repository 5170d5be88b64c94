//! Damaged files: whatever they hold, they are read or refused.

use std::fs;

use super::folder;
use super::random::Xorshift;
use crate::config::fixture::{FIVE_KEYS, older as older_form};
use crate::config::reader::{ObjectReader, Reported};
use crate::config::{Config, mtlsd, parse};

type Reader = fn(&mut ObjectReader<'_>) -> Result<Config, Reported>;

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

/// The same for YAML.
const YAML_PIECES: &[&str] = &[
    "\n",
    "\n  ",
    "\n- ",
    "- ",
    ": ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "*a",
    "!!str ",
    "!t ",
    "| ",
    ">-\n",
    "'",
    "\"",
    "#",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "<<: ",
    "~",
    "\t",
    "\\x",
    "\u{feff}",
    "\0",
    "é",
    "\r\n",
    "\u{85}",
    "9999999999999999999999",
    "-5s",
    "unix:/",
    "yes",
    "@",
    "`",
    "%TAG ! x:\n",
];

fn mutate(bytes: &mut Vec<u8>, pieces: &[&str], random: &mut Xorshift) {
    let at = random.below(bytes.len());
    let end = (at + random.below(12)).min(bytes.len());
    match random.below(5) {
        0 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
        _ => {
            let piece = pieces[random.below(pieces.len())];
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
            mutate(&mut bytes, PIECES, &mut random);
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
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
fn no_mutation_of_a_yaml_file_makes_the_reader_panic() {
    let older = |file: &str| fs::read(folder().join("older").join(file)).unwrap();
    let files = [
        (older("mtlsd/server.yaml"), mtlsd::read as Reader),
        (older("mtlsd/client.yaml"), mtlsd::read),
    ];
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    let (mut texts, mut objects) = (0, 0);
    for round in 0..4_000 {
        let (bytes, read) = &files[round % files.len()];
        let mut bytes = bytes.clone();
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, YAML_PIECES, &mut random);
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            texts += 1;
            match older_form(text, *read) {
                Ok(_) => objects += 1,
                Err(found) => {
                    assert!(!found.to_string().is_empty());
                    objects += usize::from(!found.to_string().contains("not valid YAML"));
                }
            }
        }
    }
    assert!(
        texts > 2_000 && objects > 400,
        "{texts} texts, {objects} objects"
    );
}
