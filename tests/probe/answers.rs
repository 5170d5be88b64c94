//! What a gateway says once it has seen our certificate.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use mtls_persona::tls::Role;
use mtls_persona::tls::authority::Purpose;
use serde_json::json;
use socket2::SockRef;

use crate::support::certs::TestPki;
use crate::support::nginx::Nginx;
use crate::support::program::Program;
use crate::support::tls::{TlsPeer, credentials, service};
use crate::support::{backend, openssl, pairs};
use crate::{Probed, assert_reached, assert_stops, persona, probe};

/// Probes a gateway that does `then` with each client that it has accepted.
fn before(then: impl Fn(TlsPeer) + Send + Clone + 'static, on_truncation: &str) -> Probed {
    let pki = TestPki::new();
    let gateway = credentials(&pki.server("localhost"), &pki.ca, Role::Server);
    let outbound = format!("localhost:{}", service(gateway, then).port());
    let config = persona(&pki, &outbound);
    let config = pairs::with(config, "/address_pairs/0/on_truncation", on_truncation);
    probe(&pki, &config, &[])
}

#[test]
fn a_gateway_that_refuses_our_certificate_is_told_as_that_in_both_versions() {
    let (pki, others) = (TestPki::new(), TestPki::new());
    let ca = others.ca.to_str().unwrap();
    let identity = pki.server("localhost");
    for version in ["-tls1_2", "-tls1_3"] {
        let demand = [
            "-Verify",
            "1",
            "-verify_return_error",
            "-CAfile",
            ca,
            version,
        ];
        let server = openssl::server(&identity, &demand);
        let outbound = format!("localhost:{}", server.port);
        let probed = probe(&pki, &persona(&pki, &outbound), &[]);
        assert_stops(&probed, "answer", "certificate_refused");
        assert!(
            probed.words("answer").ends_with(" unknown_ca"),
            "{}",
            probed.stdout
        );
        assert!(probed.words("tls").contains("asked for our certificate"));
        assert_eq!(probed.below("serial"), openssl::names(&identity)[2]);
        assert!(
            probed
                .below("remedy")
                .contains("authorities that the peer trusts")
        );
    }
}

#[test]
fn nginx_which_refuses_by_closing_is_told_as_what_it_may_mean() {
    let (pki, others) = (TestPki::new(), TestPki::new());
    let nginx = Nginx::before(backend::echo(), &pki.server("localhost"), &others.ca);
    for address in [nginx.tls12(), nginx.tls13()] {
        let outbound = format!("localhost:{}", address.port());
        let probed = probe(&pki, &persona(&pki, &outbound), &[]);
        assert_eq!(probed.code, 1, "{}", probed.stdout);
        assert_eq!(probed.steps().len(), 6, "{}", probed.stdout);
        assert!(
            probed
                .words("answer")
                .contains("may have refused our certificate")
        );
    }
}

#[test]
fn a_gateway_that_leaves_without_a_word_is_told_by_the_reason_of_its_end() {
    for (on_truncation, reason) in [("abort", "tls_truncated"), ("end", "completed")] {
        let probed = before(drop, on_truncation);
        assert_stops(&probed, "answer", reason);
        assert!(
            probed
                .words("answer")
                .contains("may have refused our certificate")
        );
    }
    let probed = before(|mut peer| peer.end().unwrap(), "abort");
    assert_stops(&probed, "answer", "completed");
}

#[test]
fn a_gateway_that_resets_after_the_handshake_is_told_as_that() {
    let pki = TestPki::new();
    let gateway = credentials(&pki.server("localhost"), &pki.ca, Role::Server);
    let service = backend::service(move |stream: TcpStream| {
        let socket = stream.try_clone().unwrap();
        let peer = TlsPeer::accept(stream, &gateway);
        SockRef::from(&socket)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        drop((peer, socket));
    });
    let outbound = format!("localhost:{}", service.port());
    assert_stops(
        &probe(&pki, &persona(&pki, &outbound), &[]),
        "answer",
        "source_reset",
    );
}

#[test]
fn a_gateway_that_speaks_first_is_reached_without_a_wait() {
    for ends in [false, true] {
        // It may even end right behind that.
        let probed = before(
            move |mut peer| {
                peer.write_all(b"220 ready\r\n").unwrap();
                if ends {
                    peer.end().unwrap();
                }
                let _ = peer.wait_for_fin();
            },
            "abort",
        );
        assert_reached(&probed);
        assert!(
            probed.words("answer").contains(" 11 bytes "),
            "{}",
            probed.stdout
        );
    }
}

#[test]
fn a_bridge_is_probed_as_a_client_to_its_destination() {
    let pki = TestPki::new();
    let program = Program::run(&pairs::server(&pki, backend::echo()));
    let both = pki.issue(&pki.request(Purpose::Both));
    let config = json!({
        "ca": pki.ca, "cert": both.cert, "key": both.key,
        "address_pairs": [{ "name": "bridge", "mode": "bridge", "inbound": "127.0.0.1:0",
            "outbound": format!("localhost:{}", program.addr("gateway").port()) }],
    });
    let probed = probe(&pki, &config, &[]);
    assert_reached(&probed);
    assert!(
        probed.stdout.contains("mtls-persona check"),
        "{}",
        probed.stdout
    );
}
