//! The keys `fips` and `fips_pq`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use mtls_persona::tls::is_fips;
use serde_json::Value;

use crate::support::certs::TestPki;
use crate::support::program::{PROGRAM, Program};
use crate::support::{backend, openssl, pairs};

/// A persona before a gateway, both with that word on FIPS.
pub fn both(pki: &TestPki, word: &str) -> Value {
    pairs::with(pairs::both(pki, backend::echo()), "/fips", word)
}

/// What a command says of a configuration: exit code, and standard error without the log's lines. It is not
/// waited for without end.
fn complaint(name: &str, pki: &TestPki, config: &Value) -> (i32, Vec<String>) {
    let file = pki.folder().join("fips.json");
    fs::write(&file, config.to_string()).unwrap();
    let mut command = Command::new("timeout");
    command.args(["60", PROGRAM, name, "--config"]).arg(&file);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines = stderr.lines();
    let lines = lines.filter_map(|line| Some(line.strip_prefix("mtls-persona: ")?.to_owned()));
    (output.status.code().unwrap(), lines.collect())
}

fn ping(mut stream: TcpStream) {
    stream.write_all(b"ping").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"ping");
}

#[test]
fn require_runs_where_the_library_is_a_fips_module_and_nowhere_else() {
    let pki = TestPki::new();
    let config = both(&pki, "require");
    if is_fips() {
        let program = Program::run(&config);
        ping(program.connect("persona"));
        for leg in ["inbound", "outbound"] {
            let pair = match leg {
                "inbound" => "gateway",
                _ => "persona",
            };
            let access = program.access(pair, 0);
            assert_eq!(access.reason(), "completed", "{access:?}");
            let group = access.get(&format!("{leg}_group")).to_owned();
            assert!(["P-256", "P-384"].contains(&&*group), "{access:?}");
            let suite = access.get(&format!("{leg}_suite")).to_owned();
            assert!(suite.contains("_AES_") && suite.contains("_GCM_"));
        }
        return;
    }
    for command in ["run", "check", "probe"] {
        let (code, told) = complaint(command, &pki, &config);
        assert_eq!(code, 1, "{command}");
        assert_eq!(told.len(), 1, "{command}: {told:?}");
        let begins = "fips is \"require\", but FIPS is not in effect: ";
        assert!(told[0].starts_with(begins), "{told:?}");
    }
}

#[test]
fn off_and_auto_run_on_every_build() {
    let pki = TestPki::new();
    for word in ["off", "auto"] {
        let program = Program::run(&both(&pki, word));
        ping(program.connect("persona"));
        assert_eq!(program.access("persona", 0).reason(), "completed");
    }
}

#[test]
fn a_reload_does_not_change_it_and_is_refused_as_a_whole() {
    let pki = TestPki::new();
    let program = Program::run(&both(&pki, "off"));
    let mut newer = both(&pki, "require");
    newer["address_pairs"][0]["name"] = "another".into();
    program.reconfigure(&newer);
    program.refuse_reload();
    ping(program.connect("persona"));
    assert_eq!(program.generation(), 1);
    assert_eq!(program.accesses("another").len(), 0);
}

#[test]
fn hybrids_that_the_module_does_not_compute_let_nothing_start() {
    if !is_fips() || !cfg!(feature = "boringssl") {
        return;
    }
    let pki = TestPki::new();
    let config = pairs::with(both(&pki, "require"), "/fips_pq", true);
    let (code, told) = complaint("run", &pki, &config);
    assert_eq!(code, 1);
    assert!(
        told.len() == 1 && told[0].starts_with("fips_pq"),
        "{told:?}"
    );
}

#[test]
fn a_client_that_fips_does_not_have_is_refused_by_the_program() {
    if !is_fips() {
        return;
    }
    let pki = TestPki::new();
    let program = Program::run(&pairs::with(
        pairs::server(&pki, backend::echo()),
        "/fips",
        "require",
    ));
    let alice = pki.client("alice");
    let port = program.addr("gateway").port();
    let offers = [
        (
            &["-tls1_3", "-curves", "X25519"][..],
            "tls_no_common_parameters",
        ),
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
            "tls_no_common_parameters",
        ),
        (&["-tls1_1"], "tls_version"),
    ];
    for (index, (options, reason)) in offers.into_iter().enumerate() {
        let _client = openssl::client(port, Some(&alice), options);
        assert_eq!(program.access("gateway", index).reason(), reason);
    }
}
