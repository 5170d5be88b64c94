//! Hosts that the database says are reached by mutual TLS.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use mtls_persona::tls::Role;
use mtls_persona::tls::authority::Purpose;
use serde_json::{Value, json};

use super::support::backend;
use super::support::certs::TestPki;
use super::support::connector::{Tables, answer, connector, line, said, user_client};
use super::support::pairs::{lone_address, with};
use super::support::postgres::Postgres;
use super::support::program::{Program, outcome};
use super::support::tls;

const UNREACHABLE: &str = "ERROR: host unreachable\n";

/// A service behind mutual TLS, as `localhost` and `127.0.0.1`.
fn gateway(pki: &TestPki) -> SocketAddr {
    let files = pki.issue(&pki.request(Purpose::Server));
    tls::service(tls::credentials(&files, &pki.ca, Role::Server), tls::echo)
}

/// A connector whose certificate is good for both legs, and that may use it so.
fn onward(pki: &TestPki, postgres: &Postgres, tables: &Tables) -> Value {
    let both = pki.issue(&pki.request(Purpose::Both));
    let mut config = connector(pki, postgres, tables);
    config["cert"] = json!(both.cert);
    config["key"] = json!(both.key);
    with(config, "/address_pairs/0/directory/outbound_mtls", true)
}

#[test]
fn the_database_chooses_for_each_host_whether_it_is_reached_plainly_or_by_mutual_tls() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let secured = gateway(&pki);
    tables.host("plain", backend::echo(), "acme", "alice", "");
    tables.host("mtls", format!("mtls://{secured}"), "acme", "alice", "");
    let named = format!("mtls://localhost:{}", secured.port());
    tables.host("named", named, "acme", "alice", "");
    let program = Program::run(&onward(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    for (index, (host, version)) in [("plain", ""), ("mtls", "TLSv1.3"), ("named", "TLSv1.3")]
        .into_iter()
        .enumerate()
    {
        let mut peer = said(&program, &alice, format!("{host}\n").as_bytes());
        assert_eq!(line(&mut peer).unwrap(), "OK\n", "{host}");
        backend::ping(&mut peer);
        peer.end().unwrap();
        assert_eq!(
            line(&mut peer).unwrap(),
            "",
            "{host}: the end passes through"
        );
        let access = program.access("connector", index);
        assert_eq!(access.reason(), "completed", "{access:?}");
        assert_eq!(access.get("outbound_version"), version, "{access:?}");
    }
}

#[test]
fn a_host_by_mutual_tls_has_to_prove_the_name_that_the_database_has() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let wrong = tls::credentials(&pki.wrong_name(), &pki.ca, Role::Server);
    let wrong = tls::service(Arc::clone(&wrong), tls::echo);
    let wrong = format!("mtls://localhost:{}", wrong.port());
    tables.host("wrong", wrong, "acme", "alice", "");
    let plain = backend::service(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-server\r\n");
        let _ = stream.read(&mut [0]);
    });
    tables.host("none", format!("mtls://{plain}"), "acme", "alice", "");
    let program = Program::run(&onward(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    for (index, (host, reason)) in [("wrong", "cert_name_mismatch"), ("none", "tls_plaintext")]
        .into_iter()
        .enumerate()
    {
        assert_eq!(answer(&program, &alice, host), UNREACHABLE, "{host}");
        let access = program.access("connector", index);
        assert_eq!(access.reason(), reason, "{access:?}");
    }
}

#[test]
fn the_list_for_the_outbound_leg_judges_hosts_and_plain_ones_have_nobody_to_judge() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("plain", backend::echo(), "acme", "alice", "");
    let secured = format!("mtls://{}", gateway(&pki));
    tables.host("mtls", secured, "acme", "alice", "");
    let config = onward(&pki, &postgres, &tables);
    let list = json!({"dns": "other.example"});
    let program = Program::run(&with(config, "/address_pairs/0/allow_outbound", list));
    let alice = user_client(&pki, "acme", "alice");
    assert_eq!(answer(&program, &alice, "mtls"), UNREACHABLE);
    assert_eq!(program.access("connector", 0).reason(), "acl_denied");
    assert_eq!(answer(&program, &alice, "plain"), "OK\n");
}

#[test]
fn of_several_ways_to_a_host_one_may_be_plain_and_the_next_by_mutual_tls() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let ways = format!("{}, mtls://{}", lone_address(), gateway(&pki));
    tables.host("db", ways, "acme", "alice", "");
    let program = Program::run(&onward(&pki, &postgres, &tables));
    let mut peer = said(&program, &user_client(&pki, "acme", "alice"), b"db\n");
    assert_eq!(line(&mut peer).unwrap(), "OK\n");
    backend::ping(&mut peer);
}

#[test]
fn without_outbound_mtls_no_host_is_reached_by_it() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let secured = format!("mtls://{}", gateway(&pki));
    tables.host("mtls", secured, "acme", "alice", "");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    assert_eq!(answer(&program, &alice, "mtls"), UNREACHABLE);
    let access = program.access("connector", 0);
    assert_eq!(access.reason(), "route_invalid");
    assert!(access.get("detail").contains("outbound_mtls"), "{access:?}");
}

#[test]
fn with_outbound_mtls_a_certificate_for_servers_alone_is_told_at_start() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let files = pki.server_auth_only();
    let mut config = onward(&pki, &postgres, &tables);
    config["cert"] = json!(files.cert);
    config["key"] = json!(files.key);
    let path = pki.folder().join("connector.json");
    fs::write(&path, config.to_string()).unwrap();
    let (code, _, told) = outcome(&["check", "--config", path.to_str().unwrap()]);
    // Ours is a server's certificate, and nothing else is wrong with it.
    assert_eq!(code, 2, "{told}");
}
