//! The way to the gateway: its name, its addresses, and what speaks there.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use serde_json::json;

use crate::support::black_hole::BlackHole;
use crate::support::certs::TestPki;
use crate::support::{backend, pairs};
use crate::{assert_stops, persona, probe};

#[test]
fn a_name_that_does_not_resolve_stops_at_the_name() {
    let pki = TestPki::new();
    let config = persona(&pki, "db.invalid:5432");
    let probed = probe(&pki, &pairs::with(config, "/timeouts/connect", "4s"), &[]);
    assert_stops(&probed, "name", "dns_error");
    assert!(
        probed.words("name").contains("db.invalid"),
        "{}",
        probed.stdout
    );
}

#[test]
fn a_dead_port_stops_at_the_connect_and_each_address_is_told() {
    let pki = TestPki::new();
    let dead = pairs::lone_address();
    let probed = probe(&pki, &persona(&pki, &dead.to_string()), &[]);
    assert_stops(&probed, "connect", "connect_refused");
    assert!(probed.words("connect").contains(&dead.to_string()));
}

#[test]
fn a_host_that_does_not_answer_stops_at_the_deadline_of_the_pair() {
    let pki = TestPki::new();
    let hole = BlackHole::open();
    let config = persona(&pki, &hole.address().to_string());
    let config = pairs::with(
        config,
        "/address_pairs/0/timeouts",
        json!({ "connect": "300ms" }),
    );
    let probed = probe(&pki, &config, &[]);
    assert_stops(&probed, "connect", "connect_timeout");
}

#[test]
fn what_speaks_something_else_is_told_with_what_it_is() {
    let pki = TestPki::new();
    for (greeting, name) in [
        ("SSH-2.0-test\r\n", "SSH"),
        ("HTTP/1.0 400 Bad\r\n\r\n", "HTTP"),
    ] {
        let service = backend::service(move |mut stream| {
            let _ = stream.write_all(greeting.as_bytes());
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let outbound = format!("localhost:{}", service.port());
        let probed = probe(&pki, &persona(&pki, &outbound), &[]);
        assert_stops(&probed, "tls", "tls_plaintext");
        assert!(probed.words("tls").contains(name), "{}", probed.stdout);
        assert_eq!(
            probed.below("remedy"),
            "the peer must speak TLS on this port"
        );
    }
}

#[test]
fn what_says_nothing_is_given_up_at_the_deadline_of_the_pair() {
    let pki = TestPki::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = persona(&pki, &silent.local_addr().unwrap().to_string());
    let probed = probe(
        &pki,
        &pairs::with(config, "/timeouts/handshake", "300ms"),
        &[],
    );
    assert_stops(&probed, "tls", "handshake_timeout");
}

#[test]
fn a_service_that_closes_at_once_stops_at_the_handshake() {
    let pki = TestPki::new();
    let service = backend::service(drop);
    let probed = probe(&pki, &persona(&pki, &service.to_string()), &[]);
    assert_stops(&probed, "tls", "handshake_closed");
}

#[test]
fn a_pair_without_tls_to_its_destination_is_reached_once_it_is_connected() {
    let pki = TestPki::new();
    let config = pairs::server(&pki, backend::echo());
    let probed = probe(&pki, &config, &[]);
    assert_eq!(probed.steps(), [("name", "ok"), ("connect", "ok")]);
    assert_eq!(probed.code, 0);
    // Its other side is told to be proven elsewhere.
    assert!(
        probed.stdout.contains("mtls-persona check"),
        "{}",
        probed.stdout
    );
}

#[test]
fn a_unix_socket_is_connected_to_as_well_and_one_without_a_listener_is_told() {
    let pki = TestPki::new();
    let path = pki.folder().join("service");
    let outbound = format!("unix:{}", path.display());
    let config = pairs::server(&pki, pairs::lone_address());
    let config = pairs::with(config, "/address_pairs/0/outbound", outbound.as_str());
    let listener = UnixListener::bind(&path).unwrap();
    let probed = probe(&pki, &config, &[]);
    assert_eq!(
        (probed.code, probed.steps()),
        (0, vec![("name", "ok"), ("connect", "ok")])
    );
    assert!(probed.words("connect").contains(&outbound));
    drop(listener);
    let probed = probe(&pki, &config, &[]);
    let refused = vec![("name", "ok"), ("connect", "connect_refused")];
    assert_eq!((probed.code, probed.steps()), (1, refused));
    std::fs::remove_file(&path).unwrap();
    let probed = probe(&pki, &config, &[]);
    let failed = vec![("name", "ok"), ("connect", "connect_failed")];
    assert_eq!((probed.code, probed.steps()), (1, failed));
    assert!(probed.words("connect").contains("no such file"));
}
