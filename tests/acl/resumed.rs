//! A session that stands on an earlier one verifies no certificate, and is judged all the same.

use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::path::Path;

use serde_json::json;

use crate::support::backend;
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::peers::Gathered;
use crate::support::program::Program;
use crate::support::wait::until;
use crate::support::{openssl, pairs};
use crate::{ACCESS_DENIED, SENDS_ALERT, config, pair, ping, ping_by};

/// Says something to a port, and keeps the session in a file once its ticket has come.
fn leave_with_ticket(port: u16, identity: &IdentityFiles, ticket: &Path) {
    let options = ["-tls1_3", "-sess_out", ticket.to_str().unwrap()];
    let mut client = openssl::client(port, Some(identity), &options);
    let (mut stdin, stdout) = client.pipes();
    let received = Gathered::of(stdout);
    stdin.write_all(b"ping").unwrap();
    assert_eq!(received.until_len(4), b"ping");
    until("a ticket", || {
        fs::metadata(ticket).ok().filter(|file| file.len() > 0)
    });
    drop(stdin);
    client.exit();
}

#[test]
fn a_ticket_from_a_pair_that_admits_is_no_pass_for_one_that_does_not() {
    let pki = TestPki::new();
    let rest = json!({ "mode": "server", "outbound": backend::echo().to_string() });
    // Both pairs have the same credentials, and so the same keys for tickets.
    let pairs = vec![
        pair("open", json!({ "cn": "alice" }), rest.clone()),
        pair("closed", json!({ "cn": "bob" }), rest),
    ];
    let program = Program::run(&config(&pki, &pki.server("localhost"), pairs));
    let alice = pki.client("alice");
    let ticket = pki.folder().join("ticket");
    let (open, closed) = (program.addr("open").port(), program.addr("closed").port());

    leave_with_ticket(open, &alice, &ticket);
    let resume = ["-tls1_3", "-sess_in", ticket.to_str().unwrap()];
    ping_by(openssl::client(open, Some(&alice), &resume));
    let access = program.access("open", 1);
    assert_eq!(access.get("inbound_resumed"), "true", "{access:?}");
    assert_eq!(access.get("inbound_allowed_by"), "cn:alice", "{access:?}");

    leave_with_ticket(open, &alice, &ticket);
    let mut refused = openssl::client(closed, Some(&alice), &resume);
    refused.exit();
    let log = refused.log();
    assert_eq!(log.contains(ACCESS_DENIED), SENDS_ALERT, "{log}");
    let access = program.access("closed", 0);
    assert_eq!(access.get("inbound_resumed"), "true", "{access:?}");
    assert_eq!(access.reason(), "acl_denied", "{access:?}");
    assert_eq!(access.get("inbound_subject"), "CN=alice", "{access:?}");
    assert_eq!(access.get("outbound"), "-", "{access:?}");
}

#[test]
fn a_list_that_is_tried_out_tells_of_resumed_sessions_on_both_legs() {
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    for index in ["0", "1"] {
        let key = |key: &str| format!("/address_pairs/{index}/{key}");
        config = pairs::with(config, &key("allow"), json!({ "cn": "bob" }));
        config = pairs::with(config, &key("allow_mode"), "observe");
    }
    let program = Program::run(&config);
    for index in 0..3 {
        let mut stream = program.connect("persona");
        ping(&mut stream);
        stream.shutdown(Shutdown::Write).unwrap();
        for (pair, leg) in [("persona", "outbound"), ("gateway", "inbound")] {
            let access = program.access(pair, index);
            let is_resumed = access.get(&format!("{leg}_resumed")) == "true";
            assert_eq!(is_resumed, index > 0, "{access:?}");
            assert_eq!(
                access.get(&format!("{leg}_observed")),
                "acl_denied",
                "{access:?}"
            );
        }
    }
}
