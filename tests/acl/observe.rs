//! Lists that are tried out: nobody is refused, and those who would be are told of.

use std::net::Shutdown;

use serde_json::json;

use crate::ping;
use crate::support::backend;
use crate::support::certs::TestPki;
use crate::support::pairs;
use crate::support::program::Program;
use crate::support::wait::until;

#[test]
fn a_peer_that_no_rule_names_is_admitted_and_told_of_at_once_and_at_the_end() {
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    let config = pairs::with(config, "/address_pairs/1/allow", json!({ "cn": ["bob"] }));
    let config = pairs::with(config, "/address_pairs/1/allow_mode", "observe");
    let config = pairs::with(
        config,
        "/address_pairs/0/allow",
        json!({ "spki": "0".repeat(64) }),
    );
    let config = pairs::with(config, "/address_pairs/0/allow_mode", "observe");
    let program = Program::run(&config);
    let mut stream = program.connect("persona");
    ping(&mut stream);
    for (pair, subject) in [("gateway", "CN=alice"), ("persona", "CN=localhost")] {
        until("a line about a peer that is connected", || {
            let lines = program.lines();
            let tells = |line: &&String| {
                line.contains(" WARN ") && line.contains(pair) && line.contains(subject)
            };
            lines.iter().any(|line| tells(&line)).then_some(())
        });
        assert!(program.accesses(pair).is_empty());
    }
    stream.shutdown(Shutdown::Write).unwrap();
    for (pair, leg) in [("gateway", "inbound"), ("persona", "outbound")] {
        let access = program.access(pair, 0);
        assert_eq!(access.reason(), "completed", "{access:?}");
        assert_eq!(
            access.get(&format!("{leg}_observed")),
            "acl_denied",
            "{access:?}"
        );
        assert_eq!(access.get(&format!("{leg}_allowed_by")), "", "{access:?}");
    }
}

#[test]
fn a_peer_that_a_rule_names_is_admitted_as_ever() {
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    let config = pairs::with(config, "/address_pairs/1/allow", json!({ "cn": ["alice"] }));
    let config = pairs::with(config, "/address_pairs/1/allow_mode", "observe");
    let program = Program::run(&config);
    let mut stream = program.connect("persona");
    ping(&mut stream);
    stream.shutdown(Shutdown::Write).unwrap();
    let access = program.access("gateway", 0);
    assert_eq!(access.get("inbound_allowed_by"), "cn:alice");
    assert_eq!(access.get("inbound_observed"), "");
}
