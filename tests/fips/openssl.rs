//! OpenSSL's module is a file of its own, which is tested when it is loaded.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use tempfile::TempDir;

use crate::support::certs::TestPki;
use crate::support::program::PROGRAM;

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
    assert!(!text.contains("FIPS module: yes"), "{text}");
    let pki = TestPki::new();
    for words in [&["demo"][..], &["check", "--config", &config(&pki)]] {
        let output = run(modules, words);
        assert!(!output.status.success(), "{words:?}: {output:?}");
    }
}

/// A configuration with which nothing is wrong.
fn config(pki: &TestPki) -> String {
    let identity = pki.client("alice");
    let pair = json!({ "inbound": "127.0.0.1:0", "outbound": "localhost:1" });
    let config = json!({
        "cert": identity.cert, "key": identity.key, "ca": pki.ca, "address_pairs": [pair],
    });
    let file = pki.folder().join("mtls-persona.json");
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
    let output = run(modules.path(), &["check", "--config", &config(&pki)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
#[ignore = "needs OpenSSL's FIPS provider: make fips-test"]
fn one_flipped_bit_in_the_provider_and_nothing_starts_on_it() {
    // The last byte is not even loaded, so that nothing but the test can be what refuses.
    let damage: [fn(&mut Vec<u8>); 2] = [
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
    ];
    for damage in damage {
        assert_refuses(modules(damage).path());
    }
}

#[test]
#[ignore = "needs OpenSSL's FIPS provider: make fips-test"]
fn nothing_starts_without_the_provider() {
    let empty = TempDir::new().unwrap();
    assert_refuses(empty.path());
}
