//! OCSP responses that servers send with their certificates, and what the persona makes of them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "staples/nginx.rs"]
mod nginx;
#[path = "staples/sessions.rs"]
mod sessions;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use support::access::Access;
use support::certs::{IdentityFiles, TestPki};
use support::ocsp::{GOOD, REVOKED, Responder, UNKNOWN, stapling};
use support::peers::{Gathered, Peer};
use support::program::Program;
use support::wait::until;
use support::{openssl, pairs};

/// The versions of TLS as the `openssl` command's options and as the access log has them.
const VERSIONS: [(&str, &str); 2] = [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")];

/// What an application sends that must not reach a refused server.
const SECRET: [u8; 5000] = [b'x'; 5000];

/// A persona before a server.
fn persona(pki: &TestPki, server: &Peer) -> Program {
    let port = ([127, 0, 0, 1], server.port).into();
    Program::run(&pairs::client(pki, port))
}

/// Sends something there and back.
fn ping(stream: &mut TcpStream) {
    let mut answer = [0; SECRET.len()];
    stream.write_all(&SECRET).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, SECRET);
}

/// That bytes pass to and from a server with these options.
fn assert_passes(pki: &TestPki, server: &IdentityFiles, options: &[&str]) {
    let mut server = openssl::server(server, options);
    openssl::echo(server.pipes());
    ping(&mut persona(pki, &server).connect("persona"));
}

/// How the persona tells of a server with these options, which it refuses: the server has got an alert
/// for it, and not a byte of the application.
fn refusal(pki: &TestPki, server: &IdentityFiles, options: &[&str]) -> Access {
    let names = openssl::names(server);
    let mut server = openssl::server(server, options);
    let (_input, output) = server.pipes();
    let received = Gathered::of(output);
    let program = persona(pki, &server);
    let mut stream = program.connect("persona");
    let sent = stream.write_all(&SECRET);
    let ended = sent.and_then(|()| stream.read_to_end(&mut Vec::new()));
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let access = program.access("persona", 0);
    assert_eq!(access.get("leg"), "outbound");
    let told = ["outbound_subject", "outbound_issuer", "outbound_serial"];
    assert_eq!(told.map(|name| access.get(name)), names);
    let has_alert = || server.log().contains("SSL alert number 113");
    until("the alert", || has_alert().then_some(()));
    server.kill();
    assert_eq!(received.until_end(), b"");
    access
}

#[test]
fn a_server_with_a_good_staple_of_its_issuer_or_a_delegate_is_spoken_to() {
    let pki = TestPki::new();
    let responder = Responder::of(&pki);
    let server = pki.server("localhost");
    let delegate = responder.issue("extendedKeyUsage=OCSPSigning");
    for signer in [responder.authority(), &delegate] {
        let staple = responder.response(&server, GOOD, signer);
        for (option, _) in VERSIONS {
            assert_passes(&pki, &server, &stapling(option, &staple));
        }
    }
}

#[test]
fn a_revoked_server_gets_nothing_and_the_time_and_reason_are_told() {
    let pki = TestPki::new();
    let responder = Responder::of(&pki);
    let server = pki.server("localhost");
    let delegate = responder.issue("extendedKeyUsage=OCSPSigning");
    for signer in [responder.authority(), &delegate] {
        let staple = responder.response(&server, REVOKED, signer);
        for (option, version) in VERSIONS {
            let access = refusal(&pki, &server, &stapling(option, &staple));
            assert_eq!(access.reason(), "cert_revoked", "{version} {access:?}");
            let detail = access.get("detail");
            assert!(detail.contains("2026-11-01T00:00:00Z"), "{detail}");
            assert!(detail.contains("KeyCompromise"), "{detail}");
        }
    }
}

/// Staples that prove nothing, and a word of what is told of each.
fn useless(pki: &TestPki, server: &IdentityFiles) -> Vec<(PathBuf, &'static str)> {
    let responder = Responder::of(pki);
    let others = TestPki::new();
    let stranger = Responder::of(&others);
    let by = |signer: &IdentityFiles| responder.response(server, GOOD, signer);
    let authority = responder.authority();
    let damaged = by(authority);
    let mut der = fs::read(&damaged).unwrap();
    *der.last_mut().unwrap() ^= 1;
    fs::write(&damaged, der).unwrap();
    let later = responder.file("der");
    fs::write(&later, [0x30, 3, 0x0a, 1, 3]).unwrap();
    let other = pki.server("localhost");
    const HOUR: i64 = 3600;
    vec![
        (responder.response(server, UNKNOWN, authority), "not know"),
        (responder.response(&other, GOOD, authority), "another"),
        (responder.dated(server, -2 * HOUR, -HOUR), "good until"),
        (responder.dated(server, HOUR, 2 * HOUR), "clocks"),
        (by(&responder.issue("keyUsage=digitalSignature")), "meant"),
        (by(server), "not meant"),
        // It has the name of ours, and another key.
        (by(stranger.authority()), "signature"),
        (
            by(&stranger.issue("extendedKeyUsage=OCSPSigning")),
            "another issuer",
        ),
        (damaged, "signature"),
        (later, "TryLater"),
    ]
}

#[test]
fn a_server_whose_staple_proves_nothing_gets_nothing() {
    let pki = TestPki::new();
    let server = pki.server("localhost");
    for (staple, what) in useless(&pki, &server) {
        for (option, version) in VERSIONS {
            let access = refusal(&pki, &server, &stapling(option, &staple));
            assert_eq!(access.reason(), "staple_invalid", "{version} {access:?}");
            let detail = access.get("detail");
            assert!(detail.contains(what), "{version} {what:?}: {detail}");
        }
    }
}

#[test]
fn a_server_without_a_staple_is_spoken_to_unless_its_certificate_demands_one() {
    let pki = TestPki::new();
    let responder = Responder::of(&pki);
    let (plain, demanding) = (pki.server("localhost"), responder.demanding_server());
    let staple = responder.response(&demanding, GOOD, responder.authority());
    for (option, version) in VERSIONS {
        assert_passes(&pki, &plain, &[option]);
        assert_passes(&pki, &demanding, &stapling(option, &staple));
        let access = refusal(&pki, &demanding, &[option]);
        assert_eq!(access.reason(), "staple_invalid", "{version} {access:?}");
        assert!(access.get("detail").contains("demands one"), "{access:?}");
    }
}

#[test]
fn a_session_is_resumed_without_a_staple_until_the_one_of_its_beginning_ends() {
    let pki = TestPki::new();
    let responder = Responder::of(&pki);
    let server = responder.demanding_server();
    // The clocks may differ by five minutes: the second one is good, and its time is over.
    for (end, is_resumed) in [(3600, "true"), (-60, "")] {
        let staple = responder.dated(&server, -3600, end);
        let mut peer = openssl::server(&server, &stapling("-tls1_3", &staple));
        openssl::echo(peer.pipes());
        let program = persona(&pki, &peer);
        for (index, resumed) in ["", is_resumed].into_iter().enumerate() {
            let mut stream = program.connect("persona");
            ping(&mut stream);
            drop(stream);
            let access = program.access("persona", index);
            assert_eq!(access.get("outbound_resumed"), resumed, "{access:?}");
        }
    }
}
