//! OpenSSL's module is a file of its own, which is tested when it is loaded.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::evidence::sha256;
use super::require::assert_ends;
use crate::support::certs::TestPki;
use crate::support::program::{PROGRAM, Program};

/// Runs it with another folder of modules than the one at hand.
fn run(modules: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.env("OPENSSL_MODULES", modules);
    command.args(words).output().unwrap()
}

/// A folder with the provider that the tests run on, its bytes changed.
pub fn modules(change: impl FnOnce(&mut Vec<u8>)) -> TempDir {
    let folder = std::env::var_os("OPENSSL_MODULES");
    let folder = folder.expect("run this by fips/with-openssl-fips");
    let mut bytes = fs::read(Path::new(&folder).join("fips.so")).unwrap();
    change(&mut bytes);
    let copy = TempDir::new().unwrap();
    fs::write(copy.path().join("fips.so"), bytes).unwrap();
    copy
}

/// Asserts that it neither believes in such a module nor does anything without it.
#[track_caller]
fn assert_refuses(modules: &Path) {
    let output = run(modules, &["--version"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("FIPS module: no"), "{text}");
    let pki = TestPki::new();
    let with = |fips: &str| config(&pki, fips);
    let require = with("require");
    for command in ["run", "check", "probe"] {
        let output = run(modules, &[command, "--config", &require]);
        assert_eq!(output.status.code(), Some(1), "{command}: {output:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        let begins = "mtls-persona: fips is \"require\", but FIPS is not in effect: ";
        assert!(told.starts_with(begins), "{command}: {told}");
        assert_eq!(told.lines().count(), 1, "{command}: {told}");
    }
    // What the library is set to is the provider alone, so that nothing works where it is not asked for.
    for (words, code) in [
        (&["fips", "--config", &require][..], 1),
        (&["demo"], 1),
        (&["check", "--config", &with("off")], 2),
    ] {
        let output = run(modules, words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
    }
}

/// A configuration with which nothing is wrong.
fn config(pki: &TestPki, fips: &str) -> String {
    let identity = pki.client("alice");
    let pair = json!({ "inbound": "127.0.0.1:0", "outbound": "localhost:1" });
    let config = json!({
        "cert": identity.cert, "key": identity.key, "ca": pki.ca, "address_pairs": [pair], "fips": fips,
    });
    let file = pki.folder().join(format!("{fips}.json"));
    fs::write(&file, config.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
#[ignore = "needs OpenSSL's FIPS provider: make fips-test"]
fn an_undamaged_provider_loads_and_the_program_says_that_it_is_a_fips_module() {
    let modules = modules(|_| {});
    let output = run(modules.path(), &["--version"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("FIPS module: yes"), "{text}");
    let pki = TestPki::new();
    let output = run(
        modules.path(),
        &["check", "--config", &config(&pki, "require")],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
#[ignore = "needs OpenSSL's FIPS provider: make fips-test"]
fn one_flipped_bit_in_the_provider_and_nothing_starts_on_it() {
    // The last byte is not even loaded, so that nothing but the test can be what refuses.
    assert_refuses(modules(|bytes| *bytes.last_mut().unwrap() ^= 1).path());
}

#[test]
#[ignore = "needs OpenSSL's FIPS provider: make fips-test"]
fn a_provider_that_is_damaged_while_it_runs_ends_the_program_at_the_next_proof() {
    // In place: its test reads the file, and what is loaded of it is the same.
    let flip = |file: &Path| {
        let last = fs::metadata(file).unwrap().len() - 1;
        let file = OpenOptions::new().read(true).write(true).open(file);
        let file = file.unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, last).unwrap();
        file.write_all_at(&[byte[0] ^ 1], last).unwrap();
    };
    let folder = modules(|_| {});
    let file = folder.path().join("fips.so");
    let run = |config: &Value| {
        let sound = modules(|_| {});
        fs::copy(sound.path().join("fips.so"), &file).unwrap();
        Program::run_with(config, |command| {
            command.env("OPENSSL_MODULES", folder.path());
        })
    };
    assert_ends(run, |_| flip(&file));
}

#[test]
#[ignore = "needs OpenSSL's FIPS provider: make fips-test"]
fn the_evidence_names_the_file_of_the_provider() {
    let modules = modules(|_| {});
    let output = run(modules.path(), &["fips", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = modules.path().join("fips.so");
    assert_eq!(told["module"]["file"]["path"], file.to_str().unwrap());
    assert_eq!(told["module"]["file"]["sha256"], sha256(&file));
}

#[test]
#[ignore = "needs OpenSSL's FIPS provider: make fips-test"]
fn nothing_starts_without_the_provider() {
    let empty = TempDir::new().unwrap();
    assert_refuses(empty.path());
}
