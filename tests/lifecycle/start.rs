//! Starting: what is taken over, what is refused, with which code, and what it says.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use mtls_persona::tls::authority::Purpose;
use serde_json::{Value, json};

use super::drain::unix_program;
use super::ping;
use super::support::certs::TestPki;
use super::support::duplex::unix_connect;
use super::support::program::{PROGRAM, outcome};
use super::support::{backend, pairs};

/// Runs a command with that configuration, and not for ever: exit code, standard output, standard error.
fn command(name: &str, pki: &TestPki, config: &Value) -> (i32, String, String) {
    let path = pki.folder().join("config.json");
    fs::write(&path, config.to_string()).unwrap();
    let mut command = Command::new("timeout");
    command.args(["60", PROGRAM, name, "--config"]).arg(&path);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

/// Standard error without the log's lines: what the program says of its own failure.
fn complaint(stderr: &str) -> Vec<&str> {
    let lines = stderr.lines();
    lines.filter(|l| l.starts_with("mtls-persona: ")).collect()
}

fn unix(path: &Path) -> Value {
    json!(format!("unix:{}", path.display()))
}

#[test]
fn the_socket_file_of_a_program_that_is_gone_is_replaced_and_removed_at_the_end() {
    let pki = TestPki::new();
    let path = pki.folder().join("inbound");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "std leaves the file");
    let mut program = unix_program(&pki, &path);
    ping(&mut unix_connect(&path));
    program.signal("TERM");
    assert_eq!(program.exit().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn the_socket_of_a_living_program_is_left_alone() {
    let pki = TestPki::new();
    let path = pki.folder().join("inbound");
    let mut first = unix_program(&pki, &path);
    let mut config = pairs::both(&pki, backend::echo());
    config["address_pairs"][0]["inbound"] = unix(&path);
    let (code, _, stderr) = command("run", &pki, &config);
    assert_eq!(code, 1);
    assert!(
        complaint(&stderr)
            .iter()
            .any(|line| { line.contains("\"persona\"") && line.contains(path.to_str().unwrap()) })
    );
    ping(&mut unix_connect(&path));
    first.signal("TERM");
    assert_eq!(first.exit().code(), Some(0));
}

#[test]
fn a_file_that_is_no_socket_is_never_removed() {
    let pki = TestPki::new();
    let path = pki.folder().join("precious");
    fs::write(&path, "data").unwrap();
    let mut config = pairs::both(&pki, backend::echo());
    config["address_pairs"][0]["inbound"] = unix(&path);
    assert_eq!(command("run", &pki, &config).0, 1);
    assert_eq!(fs::read(&path).unwrap(), b"data");
}

#[test]
fn a_socket_file_that_somebody_else_has_put_there_is_not_removed_at_the_end() {
    let pki = TestPki::new();
    let path = pki.folder().join("inbound");
    let mut program = unix_program(&pki, &path);
    fs::remove_file(&path).unwrap();
    let _heir = UnixListener::bind(&path).unwrap();
    program.signal("TERM");
    assert_eq!(program.exit().code(), Some(0));
    UnixStream::connect(&path).unwrap();
}

#[test]
fn an_address_in_use_ends_it_with_one_and_names_the_pair_and_the_address() {
    let pki = TestPki::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut config = pairs::both(&pki, backend::echo());
    config["address_pairs"][0]["inbound"] = json!(address);
    let (code, _, stderr) = command("run", &pki, &config);
    assert_eq!(code, 1);
    let complaint = complaint(&stderr);
    assert_eq!(complaint.len(), 1, "{stderr}");
    assert!(complaint[0].contains("\"persona\"") && complaint[0].contains(&address));
    // `check` opens no socket, so it finds nothing wrong.
    let (code, stdout, stderr) = command("check", &pki, &config);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
}

#[test]
fn all_problems_of_a_configuration_are_told_at_once_by_run_and_check() {
    let pki = TestPki::new();
    let config = json!({
        "ca": pki.ca, "cert": "a.pem", "key": "a.key",
        "worker": 2,
        "timeouts": { "connect": "soon" },
        "address_pairs": [
            { "name": "one", "mode": "plain", "inbound": "127.0.0.1:0", "outbound": "db:1" },
            { "name": "two", "inbound": "127.0.0.1", "outbound": "db:70000" },
        ],
    });
    let (code, stdout, stderr) = command("run", &pki, &config);
    assert_eq!((code, stdout.as_str()), (2, ""));
    for path in [
        "worker",
        "timeouts.connect",
        "address_pairs[0].mode",
        "address_pairs[1].inbound",
        "address_pairs[1].outbound",
    ] {
        let lines = complaint(&stderr);
        assert!(lines.iter().any(|l| l.contains(path)), "{path}: {stderr}");
    }
    let checked = command("check", &pki, &config);
    assert_eq!(checked, (code, stdout, stderr));
}

#[test]
fn what_is_no_configuration_ends_it_with_two() {
    let pki = TestPki::new();
    assert_eq!(command("run", &pki, &json!([1, 2])).0, 2);
    let missing = pki.folder().join("nowhere.json");
    let missing = missing.to_str().unwrap();
    for name in ["run", "check"] {
        let (code, _, stderr) = outcome(&[name, "--config", missing]);
        assert_eq!(code, 2);
        assert!(stderr.contains(missing), "{stderr}");
    }
    assert_eq!(outcome(&["run"]).0, 2);
    assert_eq!(outcome(&["runn", "--config", missing]).0, 2);
}

#[test]
fn an_expired_certificate_of_our_own_ends_it_with_two_and_says_what_to_do() {
    let pki = TestPki::new();
    let expired = pki.expired(Purpose::Server);
    let mut config = pairs::both(&pki, backend::echo());
    config["address_pairs"][1]["cert"] = json!(expired.cert);
    config["address_pairs"][1]["key"] = json!(expired.key);
    let (code, _, stderr) = command("run", &pki, &config);
    assert_eq!(code, 2);
    let lines = complaint(&stderr);
    assert_eq!(lines.len(), 1, "{stderr}");
    let file = expired.cert.to_str().unwrap();
    for word in [file, "expired", "renew"] {
        assert!(lines[0].contains(word), "{word}: {stderr}");
    }
    let (code, stdout, checked) = command("check", &pki, &config);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert_eq!(complaint(&checked), lines);
}

#[test]
fn every_identity_that_cannot_serve_is_told_at_once() {
    let pki = TestPki::new();
    let expired = pki.expired(Purpose::Client);
    let other = pki.server("localhost");
    let mut config = pairs::both(&pki, backend::echo());
    config["cert"] = json!(expired.cert);
    config["key"] = json!(expired.key);
    config["address_pairs"][1]["key"] = json!(other.key);
    let (code, _, stderr) = command("check", &pki, &config);
    assert_eq!(code, 2);
    for file in [expired.cert.to_str(), other.key.to_str()] {
        assert!(stderr.contains(file.unwrap()), "{file:?}: {stderr}");
    }
}

#[test]
fn the_version_names_the_tls_library_and_whether_it_is_a_fips_module() {
    let (code, stdout, stderr) = outcome(&["--version"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains(env!("CARGO_PKG_VERSION")));
    let library = match cfg!(feature = "openssl") {
        true => "OpenSSL",
        false => "BoringSSL",
    };
    assert!(stdout.contains(library), "{stdout}");
    assert!(stdout.to_lowercase().contains("fips"), "{stdout}");
}
