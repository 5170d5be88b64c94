//! The command `fips`.

use std::fs;
use std::path::Path;

use mtls_persona::config::Source;
use mtls_persona::ops::{self, Command, ControlLine, Surroundings};
use mtls_persona::tls::is_fips;
use serde_json::Value;

use super::require::both;
use crate::support::certs::TestPki;
use crate::support::pairs;
use crate::support::peers;
use crate::support::program::{PROGRAM, outcome};
use crate::support::wait::until;

/// The SHA-256 of a file by another program.
pub fn sha256(file: &Path) -> String {
    let mut command = peers::command("openssl");
    let output = command.args(["dgst", "-sha256", "-r"]).arg(file).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    text.split(' ').next().unwrap().to_owned()
}

/// What the command tells an auditor of a configuration, with its exit code.
fn evidence(config: Option<&Path>) -> (i32, Value) {
    let mut words = vec!["fips", "--json"];
    if let Some(config) = config {
        words.extend(["--config", config.to_str().unwrap()]);
    }
    let (code, stdout, stderr) = outcome(&words);
    assert_eq!(stderr, "");
    (code, serde_json::from_str(&stdout).unwrap())
}

#[test]
fn without_a_configuration_it_tells_program_host_module_and_proof() {
    let (code, told) = evidence(None);
    assert_eq!(code, if is_fips() { 0 } else { 1 });
    assert_eq!(told["program"]["sha256"], sha256(Path::new(PROGRAM)));
    let rustc = told["program"]["rustc"].as_str().unwrap();
    assert!(rustc.starts_with("rustc "), "{rustc}");
    let features = told["program"]["features"].as_str().unwrap();
    assert_eq!(
        features.contains("openssl"),
        cfg!(not(feature = "boringssl"))
    );
    let crates = told["program"]["crates"].as_array().unwrap();
    assert!(crates.iter().any(|one| one == "mtls-persona 0.1.0"));
    assert_eq!(told["proof"]["holds"], is_fips());
    assert_eq!(told["proof"]["fault"].is_null(), is_fips());
    assert_eq!(told["configuration"], Value::Null);
    if is_fips() {
        assert_ne!(told["module"]["name"], "");
        let steps = told["proof"]["steps"].as_array().unwrap();
        assert!(steps.len() > 2);
        assert!(steps.iter().all(|step| step["passed"] == true), "{steps:?}");
    }
    if cfg!(feature = "fips") {
        let build = told["module"]["build"].as_str().unwrap();
        let is_by_the_crate = option_env!("BORING_BSSL_FIPS_PATH").is_none();
        assert_eq!(build.contains("libssl patched"), is_by_the_crate, "{build}");
        assert_eq!(told["module"]["name"], "BoringCrypto");
        let hash = told["module"]["hash"].as_str().unwrap();
        assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
    }
}

#[test]
fn of_a_configuration_it_tells_what_comes_of_it_and_what_each_pair_may_negotiate() {
    let pki = TestPki::new();
    let file = pki.folder().join("evidence.json");
    for word in ["off", "require"] {
        fs::write(&file, both(&pki, word).to_string()).unwrap();
        let (code, told) = evidence(Some(&file));
        let found = &told["configuration"];
        assert_eq!(found["sha256"], sha256(&file));
        assert_eq!(found["fips"], word);
        let runs = word == "off" || is_fips();
        assert_eq!(code, if runs { 0 } else { 1 });
        assert_eq!(found["in_effect"], word == "require" && is_fips());
        let pairs = found["pairs"].as_array().unwrap();
        assert_eq!(pairs.len(), if runs { 2 } else { 0 });
        for pair in pairs {
            let has = |list: &str, text: &str| {
                let words = pair[list].as_array().unwrap().iter();
                let mut words = words.filter_map(Value::as_str);
                words.any(|one| one.contains(text))
            };
            assert_eq!(has("groups", "X25519"), word == "off");
            assert_eq!(has("suites", "CHACHA20"), word == "off");
            assert_eq!(has("signatures", "ed25519"), word == "off");
            assert_eq!(pair["resumption"], word == "off");
        }
    }
}

#[test]
fn it_fails_where_run_would_for_the_files_that_are_named() {
    let pki = TestPki::new();
    let file = pki.folder().join("wrong.json");
    let word = if is_fips() { "require" } else { "off" };
    let config = pairs::with(both(&pki, word), "/ca", "/nowhere.pem");
    fs::write(&file, config.to_string()).unwrap();
    let (code, told) = evidence(Some(&file));
    assert_eq!(code, 2);
    let problems = told["configuration"]["problems"].as_array().unwrap();
    assert!(problems.len() == 1 && problems[0].as_str().unwrap().starts_with("/nowhere.pem: "));
}

#[test]
fn a_running_program_tells_the_configuration_that_it_has_and_not_what_its_file_has_become() {
    let pki = TestPki::new();
    let file = pki.folder().join("running.json");
    let text = both(&pki, "off").to_string();
    fs::write(&file, &text).unwrap();
    let source = Source::new(&file);
    let loaded = source.load().unwrap();
    let running = ops::start(
        loaded,
        Some(source),
        ControlLine::default(),
        Surroundings::default(),
    )
    .unwrap();
    let (board, command) = (running.fips(), running.commander());
    let gauges = running.gauges();
    let thread = std::thread::spawn(move || running.wait());
    let told = || {
        let [file] = board.files().try_into().unwrap();
        (file.file, file.sha256)
    };
    let first = (file.clone(), sha256(&file));
    assert_eq!(told(), first);
    // It cannot be read, and so is not in use.
    fs::write(&file, "{").unwrap();
    command(Command::Reload);
    until("the refusal", || {
        (gauges.failed_reloads() == 1).then_some(())
    });
    assert_eq!(told(), first);
    // The same in other words.
    fs::write(&file, format!("\n{text}\n")).unwrap();
    let second = (file.clone(), sha256(&file));
    command(Command::Reload);
    until("the reload", || (told() == second).then_some(()));
    fs::write(
        &file,
        pairs::with(both(&pki, "off"), "/timeouts/connect", "5s").to_string(),
    )
    .unwrap();
    let third = (file.clone(), sha256(&file));
    command(Command::Reload);
    until("the reload", || (told() == third).then_some(()));
    command(Command::Stop);
    thread.join().unwrap().unwrap();
}

#[test]
fn it_says_neither_that_something_is_validated_nor_names_a_withdrawn_standard() {
    let pki = TestPki::new();
    let file = pki.folder().join("words.json");
    fs::write(&file, both(&pki, "require").to_string()).unwrap();
    for words in [
        &["fips"][..],
        &["fips", "--json"],
        &["fips", "--config", file.to_str().unwrap()],
        &["fips", "--help"],
        &["--version"],
    ] {
        let (_, stdout, stderr) = outcome(words);
        let told = (stdout + &stderr).to_ascii_lowercase();
        assert!(told.len() > 20);
        for word in ["validated", "certified", "compliant", "140-2"] {
            assert!(!told.contains(word), "{words:?}: {word}");
        }
    }
}
