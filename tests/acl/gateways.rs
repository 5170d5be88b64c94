//! Gateways before a persona, and a bridge with peers on both legs.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ChildStdin;
use std::sync::{Arc, Mutex};

use mtls_persona::tls::authority::Purpose;
use serde_json::{Value, json};

use crate::support::backend;
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::nginx::Nginx;
use crate::support::openssl;
use crate::support::peers::{Gathered, Peer};
use crate::support::program::Program;
use crate::support::wait::until;
use crate::{ACCESS_DENIED, SENDS_ALERT, VERSIONS, ample, config, pair, ping, ping_by};

/// What an application sends that must not reach a refused gateway.
const SECRET: [u8; 5000] = [b'x'; 5000];

/// A gateway of the `openssl` command.
struct Gateway {
    process: Peer,
    /// Held open: at its end the command would stop reading the network as well.
    _input: ChildStdin,
    received: Gathered,
}

impl Gateway {
    fn run(pki: &TestPki, identity: &IdentityFiles, version: &str) -> Gateway {
        let ca = pki.ca.to_str().unwrap();
        let demand = [
            "-Verify",
            "2",
            "-verify_return_error",
            "-CAfile",
            ca,
            version,
        ];
        let mut process = openssl::server(identity, &demand);
        let (input, output) = process.pipes();
        Gateway {
            received: Gathered::of(output),
            process,
            _input: input,
        }
    }
}

/// A persona's pair before a port of this machine.
fn persona(name: &str, port: u16, allow: Value) -> Value {
    let outbound = format!("127.0.0.1:{port}");
    pair(
        name,
        allow,
        json!({ "outbound": outbound, "server_name": "localhost" }),
    )
}

/// Sends what must stay secret, and expects a reset instead of an answer.
#[track_caller]
fn assert_reset(mut stream: TcpStream) {
    let mut answer = Vec::new();
    let outcome = stream
        .write_all(&SECRET)
        .and_then(|()| stream.read_to_end(&mut answer));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(answer.is_empty());
}

#[test]
fn a_gateway_with_another_key_gets_no_byte_and_one_with_the_pinned_key_gets_all() {
    let pki = TestPki::new();
    let names = ample(&pki, Purpose::Server);
    let (pinned, other) = (pki.issue(&names), pki.issue(&names));
    let pin = format!("sha256//{}", openssl::pin(&pinned));
    for version in VERSIONS {
        let right = Gateway::run(&pki, &pinned, version);
        let mut wrong = Gateway::run(&pki, &other, version);
        let pairs = [("right", &right), ("wrong", &wrong)]
            .map(|(name, gateway)| persona(name, gateway.process.port, json!({ "spki": pin })));
        let program = Program::run(&config(&pki, &pki.client("alice"), pairs.into()));

        let mut stream = program.connect("right");
        stream.write_all(&SECRET).unwrap();
        assert_eq!(right.received.until_len(SECRET.len()), SECRET);
        drop(stream);
        let access = program.access("right", 0);
        assert!(
            access.get("outbound_allowed_by").starts_with("spki:"),
            "{access:?}"
        );

        assert_reset(program.connect("wrong"));
        let access = program.access("wrong", 0);
        assert_eq!(access.reason(), "acl_denied", "{version}: {access:?}");
        assert_eq!(access.get("leg"), "outbound");
        let names = ["outbound_subject", "outbound_issuer", "outbound_serial"];
        assert_eq!(names.map(|name| access.get(name)), openssl::names(&other));
        assert_eq!(access.number("bytes_outward"), 0);
        if SENDS_ALERT {
            until("the alert in the gateway's log", || {
                wrong.process.log().contains(ACCESS_DENIED).then_some(())
            });
        }
        wrong.process.kill();
        assert_eq!(wrong.received.until_end(), b"", "{version}");
    }
}

#[test]
fn nginx_is_admitted_by_its_name_and_refused_by_another() {
    let pki = TestPki::new();
    let server = pki.issue(&ample(&pki, Purpose::Server));
    let (sink, received) = silent();
    let nginx = Nginx::before(sink, &server, &pki.ca);
    let echoing = Nginx::before(backend::echo(), &server, &pki.ca);
    for (nginx, echoing) in [
        (nginx.tls12(), echoing.tls12()),
        (nginx.tls13(), echoing.tls13()),
    ] {
        let pairs = vec![
            persona(
                "named",
                echoing.port(),
                json!({ "uri": "spiffe://corp/**", "cn": "x" }),
            ),
            persona(
                "not named",
                nginx.port(),
                json!({ "uri": "spiffe://corp/db", "cn": "x" }),
            ),
        ];
        let program = Program::run(&config(&pki, &pki.client("alice"), pairs));
        ping(&mut program.connect("named"));
        let access = program.access("named", 0);
        assert_eq!(access.get("outbound_allowed_by"), "uri:spiffe://corp/**");
        assert_reset(program.connect("not named"));
        let access = program.access("not named", 0);
        assert_eq!(access.reason(), "acl_denied", "{access:?}");
    }
    // Both refused connections have ended at nginx, and it has passed nothing on.
    nginx.seen(2);
    assert_eq!(*received.lock().unwrap(), b"");
}

/// A service that says nothing, and what it has heard on all its connections.
fn silent() -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let heard = Arc::default();
    let ear: Arc<Mutex<Vec<u8>>> = Arc::clone(&heard);
    let address = backend::service(move |mut stream| {
        let mut piece = [0; 1024];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            ear.lock().unwrap().extend_from_slice(&piece[..count]);
        }
    });
    (address, heard)
}

#[test]
fn a_bridge_judges_its_clients_by_one_list_and_its_gateway_by_another() {
    let pki = TestPki::new();
    let own = pki.issue(&ample(&pki, Purpose::Both));
    let gateway = pki.server("localhost");
    let mut server = openssl::server(&gateway, &["-tls1_3"]);
    openssl::echo(server.pipes());
    let outbound = format!("127.0.0.1:{}", server.port);
    let bridge = |name: &str, inbound: &str, outbound_cn: &str| {
        let rest = json!({ "mode": "bridge", "outbound": outbound, "server_name": "localhost",
            "allow_outbound": { "cn": outbound_cn } });
        pair(name, json!({ "cn": inbound }), rest)
    };
    let pairs = vec![
        bridge("both", "alice", "localhost"),
        bridge("no client", "bob", "localhost"),
        bridge("no gateway", "alice", "alice"),
    ];
    let program = Program::run(&config(&pki, &own, pairs));
    let alice = pki.client("alice");
    let client =
        |pair: &str| openssl::client(program.addr(pair).port(), Some(&alice), &["-tls1_3"]);

    ping_by(client("both"));
    let access = program.access("both", 0);
    assert_eq!(access.get("inbound_allowed_by"), "cn:alice", "{access:?}");
    assert_eq!(
        access.get("outbound_allowed_by"),
        "cn:localhost",
        "{access:?}"
    );

    for (pair, leg) in [("no client", "inbound"), ("no gateway", "outbound")] {
        let mut client = client(pair);
        assert!(!client.exit().success(), "{pair}");
        let access = program.access(pair, 0);
        assert_eq!(
            (access.reason(), access.get("leg")),
            ("acl_denied", leg),
            "{access:?}"
        );
    }
    assert_eq!(program.access("no client", 0).get("outbound"), "-");
}
