//! New lists under a running program, and lists that cannot be used.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::clients::visit;
use super::support::certs::TestPki;
use super::support::program::{Program, outcome};
use super::support::wait::until;
use super::support::{backend, openssl, pairs};
use super::{looking, own_files};

/// Puts another list into the place of a file.
fn replace(crl: &PathBuf, by: &PathBuf) {
    fs::rename(by, crl).unwrap();
}

fn errors(program: &Program) -> usize {
    let lines = program.lines();
    lines.iter().filter(|line| line.contains(" ERROR ")).count()
}

#[test]
fn a_new_list_refuses_a_client_that_was_let_in_before_with_its_ticket_too() {
    let pki = TestPki::new();
    let (alice, bob) = (pki.client("alice"), pki.client("bob"));
    let crl = pki.crl(&[]);
    let config = looking(pairs::server(&pki, backend::echo()), &[&crl]);
    let program = Program::run(&config);
    let port = program.addr("gateway").port();
    let last = || program.accesses("gateway").len() - 1;
    let [first, second] = ["first", "second"].map(|name| {
        let path = pki.folder().join(name);
        path.to_str().unwrap().to_owned()
    });

    assert_eq!(visit(port, &alice, &["-sess_out", &first]), Ok(()));
    let resuming = ["-sess_in", &first, "-sess_out", &second];
    assert_eq!(visit(port, &alice, &resuming), Ok(()));
    let access = program.access("gateway", 1);
    assert_eq!(access.get("inbound_resumed"), "true");
    // What a ticket is good for is shown by another one, as each is for one use.
    assert_eq!(visit(port, &bob, &[]), Ok(()));

    replace(&crl, &pki.crl(&[&alice, &bob]));
    program.signal("HUP");
    until("the new list", || visit(port, &bob, &[]).err());
    program.access("gateway", 3);
    let before = last();
    let refused = visit(port, &alice, &["-sess_in", &second]);
    assert!(refused.is_err());
    let access = program.access("gateway", before + 1);
    assert_eq!(access.reason(), "cert_revoked", "{access:?}");
    assert_eq!(access.get("inbound_resumed"), "");
}

#[test]
fn a_damaged_list_is_named_by_check_and_leaves_a_running_program_with_the_old_one() {
    let pki = TestPki::new();
    let (alice, bob) = (pki.client("alice"), pki.client("bob"));
    let crl = pki.crl(&[&alice]);
    let config = looking(pairs::server(&pki, backend::echo()), &[&crl]);
    let program = Program::run(&config);
    let port = program.addr("gateway").port();
    let good = fs::read(&crl).unwrap();
    let path = program.config.to_str().unwrap();
    let check = ["check", "--config", path];
    assert_eq!(outcome(&check).0, 0);
    let certificate = fs::read(&pki.ca).unwrap();
    for bad in [&good[..good.len() - 100], b"", &certificate] {
        fs::write(&crl, bad).unwrap();
        let (code, _, told) = outcome(&check);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains(crl.to_str().unwrap()), "{told}");
        let before = errors(&program);
        program.signal("HUP");
        until("the refusal", || (errors(&program) > before).then_some(()));
        assert!(visit(port, &alice, &[]).is_err());
        assert_eq!(visit(port, &bob, &[]), Ok(()));
    }
    fs::remove_file(&crl).unwrap();
    assert_eq!(outcome(&check).0, 2);
    fs::write(&crl, good).unwrap();
    assert_eq!(outcome(&check).0, 0);
}

#[test]
fn check_tells_what_should_be_looked_at() {
    let pki = TestPki::new();
    let mut lists = pki.list(pki.root(), &[], pki.validity());
    lists += &pki.list(pki.intermediate(), &[], pki.overdue());
    let crl = pki.write_crl(&lists);
    let config = looking(pairs::server(&pki, backend::echo()), &[&crl]);
    let path = pki.folder().join("config.json");
    fs::write(&path, config.to_string()).unwrap();
    let words = ["check", "--config", path.to_str().unwrap()];
    let (code, told, _) = outcome(&words);
    assert_eq!(code, 0);
    let warning = told.lines().find(|line| line.starts_with("warning: "));
    let warning = warning.unwrap_or_else(|| panic!("no warning: {told}"));
    assert!(warning.contains(crl.to_str().unwrap()), "{warning}");
}

/// Makes the list of the root with the `openssl` command, which revokes our own gateway; the gateway does
/// not mind, but its persona does.
#[test]
fn a_persona_in_the_same_process_refuses_its_gateway_once_that_is_revoked() {
    let pki = TestPki::new();
    let config: Value = pairs::both(&pki, backend::echo());
    let gateway = own_files(&config["address_pairs"][1]);
    let root = pki.write_crl(openssl::crl(&pki, &[], ""));
    let own = pki.write_crl(pki.list(pki.intermediate(), &[], pki.validity()));
    let program = Program::run(&looking(config, &[&root, &own]));
    let reason = || {
        use std::io::{Read, Write};
        let told = program.accesses("persona").len();
        let mut stream = program.connect("persona");
        let asked = stream
            .write_all(b"ping")
            .and_then(|()| stream.read_exact(&mut [0; 4]));
        drop(stream);
        let reason = program.access("persona", told).reason().to_owned();
        asked.err().map(|_| reason)
    };
    assert_eq!([reason(), reason()], [None, None]);
    let new = pki.list(pki.intermediate(), &[&gateway], pki.validity());
    replace(&own, &pki.write_crl(new));
    program.signal("HUP");
    assert_eq!(until("the new list", reason), "cert_revoked");
}
