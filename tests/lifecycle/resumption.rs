//! Resumed sessions through a persona and its gateway, and the end that a reload makes of them.

use std::net::Shutdown;

use mtls_persona::tls::authority::Purpose;
use serde_json::Value;

use super::ping;
use super::support::access::Access;
use super::support::certs::{IdentityFiles, TestPki};
use super::support::program::Program;
use super::support::wait::until;
use super::support::{backend, pairs};

/// The lines of one connection, the persona's first.
fn connection(program: &Program) -> [Access; 2] {
    let told = program.accesses("persona").len();
    assert_eq!(program.accesses("gateway").len(), told);
    let mut stream = program.connect("persona");
    ping(&mut stream);
    stream.shutdown(Shutdown::Write).unwrap();
    let lines = ["persona", "gateway"].map(|pair| program.access(pair, told));
    for line in &lines {
        assert_eq!(line.reason(), "completed");
    }
    lines
}

fn are_resumed(lines: &[Access; 2]) -> [&str; 2] {
    let [persona, gateway] = lines;
    [
        persona.get("outbound_resumed"),
        gateway.get("inbound_resumed"),
    ]
}

fn files(pair: &Value) -> IdentityFiles {
    let path = |key: &str| pair[key].as_str().unwrap().into();
    IdentityFiles {
        cert: path("cert"),
        key: path("key"),
    }
}

#[test]
fn a_second_connection_is_resumed_in_both_logs_until_sighup_brings_new_files() {
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    let program = Program::run(&config);
    let full = connection(&program);
    let resumed = connection(&program);
    assert_eq!(are_resumed(&full), ["", ""]);
    assert_eq!(are_resumed(&resumed), ["true", "true"]);
    let [persona, gateway] = &resumed;
    assert_eq!(persona.get("outbound_sans"), "DNS:localhost");
    assert_eq!(gateway.get("inbound_subject"), "CN=alice");
    for key in ["outbound_serial", "outbound_suite", "outbound_group"] {
        assert_eq!(persona.get(key), full[0].get(key), "{key}");
    }

    pki.renew(&files(&config), &pki.request(Purpose::Client));
    pki.renew(
        &files(&config["address_pairs"][1]),
        &pki.request(Purpose::Server),
    );
    program.signal("HUP");
    let first = until("new certificates at both ends", || {
        let lines = connection(&program);
        let [persona, gateway] = &lines;
        let is_new = persona.get("outbound_serial") != full[0].get("outbound_serial")
            && gateway.get("inbound_serial") != full[1].get("inbound_serial");
        is_new.then_some(lines)
    });
    assert_eq!(are_resumed(&first), ["", ""]);
    assert_eq!(are_resumed(&connection(&program)), ["true", "true"]);
}

#[test]
fn a_pair_that_has_it_switched_off_resumes_nothing() {
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    for pair in ["0", "1"] {
        let path = format!("/address_pairs/{pair}/resumption");
        let program = Program::run(&pairs::with(config.clone(), &path, false));
        for _ in 0..2 {
            assert_eq!(are_resumed(&connection(&program)), ["", ""]);
        }
    }
}
