//! Clients of the `openssl` command before our gateway.

use std::io::{Read, Write};

use super::support::certs::{IdentityFiles, TestPki};
use super::support::program::Program;
use super::support::{backend, openssl, pairs};
use super::{cases, looking, with_cases};

const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];

/// Whether a client gets an answer through the gateway at that port; its log if not.
pub(crate) fn visit(port: u16, identity: &IdentityFiles, options: &[&str]) -> Result<(), String> {
    let mut client = openssl::client(port, Some(identity), options);
    let (mut input, mut output) = client.pipes();
    let mut answer = [0; 4];
    let answered = input
        .write_all(b"ping")
        .and_then(|()| output.read_exact(&mut answer));
    drop(input);
    client.exit();
    match answered {
        Ok(()) => {
            assert_eq!(&answer, b"ping");
            Ok(())
        }
        Err(_) => Err(client.log()),
    }
}

#[test]
fn a_revoked_client_is_told_so_by_the_alert_and_another_one_is_let_in() {
    const CERTIFICATE_REVOKED: &str = "SSL alert number 44";
    let pki = TestPki::new();
    let (alice, bob) = (pki.client("alice"), pki.client("bob"));
    let crl = pki.crl(&[&alice]);
    let config = looking(pairs::server(&pki, backend::echo()), &[&crl]);
    let program = Program::run(&config);
    let port = program.addr("gateway").port();
    for (index, version) in VERSIONS.into_iter().enumerate() {
        let log = visit(port, &alice, &[version]).unwrap_err();
        assert!(log.contains(CERTIFICATE_REVOKED), "{version}: {log}");
        let access = program.access("gateway", 2 * index);
        assert_eq!(access.reason(), "cert_revoked", "{version}: {access:?}");
        assert_eq!(access.get("inbound_subject"), "CN=alice", "{version}");
        assert_eq!(visit(port, &bob, &[version]), Ok(()), "{version}");
        assert_eq!(
            program.access("gateway", 2 * index + 1).reason(),
            "completed"
        );
    }
}

#[test]
fn lists_of_an_authority_above_a_client_count_as_the_configuration_says() {
    let pki = TestPki::new();
    let cases = cases(&pki);
    let program = Program::run(&with_cases(pairs::server(&pki, backend::echo()), &cases));
    let alice = pki.client("alice");
    for (number, case) in cases.iter().enumerate() {
        let pair = number.to_string();
        let what = format!("{number}: {} {}", case.keys, case.reason);
        let outcome = visit(program.addr(&pair).port(), &alice, &[]);
        assert_eq!(
            outcome.is_ok(),
            case.reason.is_empty(),
            "{what}: {outcome:?}"
        );
        let access = program.access(&pair, 0);
        let reason = match case.reason {
            "" => "completed",
            reason => reason,
        };
        assert_eq!(access.reason(), reason, "{what}: {access:?}");
        if reason == "crl_missing" {
            // Whose list it is that is missing.
            assert!(access.get("detail").contains("CN=Test "), "{access:?}");
        }
    }
}

#[test]
fn what_is_overlooked_is_told_once_as_a_warning() {
    let pki = TestPki::new();
    let root = pki.write_crl(pki.list(pki.root(), &[], pki.validity()));
    let config = looking(pairs::server(&pki, backend::echo()), &[&root]);
    let config = pairs::with(config, "/on_stale_crl", "warn");
    let program = Program::run(&config);
    let warnings = || {
        let lines = program.lines();
        lines.iter().filter(|line| line.contains(" WARN ")).count()
    };
    let before = warnings();
    let port = program.addr("gateway").port();
    for number in 0..3 {
        let client = pki.client(&number.to_string());
        assert_eq!(visit(port, &client, &[]), Ok(()));
        program.access("gateway", number);
        assert_eq!(warnings(), before + 1);
    }
}
