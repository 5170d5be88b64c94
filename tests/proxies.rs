//! HAProxy and stunnel as the far end, client certificates required on both sides.
//!
//! Both pass half-closed connections on, in TLS 1.2 and 1.3 alike: a service may answer after the
//! request has ended. One case is spared. When stunnel has passed the request's end on and its plain
//! service closes before stunnel has read all of the answer, it takes the hang-up for the end of the
//! answer, and ends its TLS side with close_notify before the rest (seen in 5.68, whose log then says
//! `Read socket closed (HUP)`). So behind stunnel a long answer is asked for on a connection that is
//! still open both ways, and only a short one behind the request's end.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::json;
use support::access::Access;
use support::backend;
use support::certs::TestPki;
use support::program::Program;
use support::proxies::{self, MakeProxy};
use support::wait::{PATIENCE, until};

const BYTES: usize = 8 << 20;

const VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

/// Every four bytes of it occur once.
fn data() -> Vec<u8> {
    let numbers = (0..BYTES as u32 / 4).map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes());
    numbers.flatten().collect()
}

/// The program as a persona before a foreign gateway on that port.
fn persona(pki: &TestPki, port: u16) -> Program {
    let alice = pki.client("alice");
    Program::run(&json!({
        "ca": pki.ca, "cert": alice.cert, "key": alice.key,
        "address_pairs": [{ "name": "own", "inbound": "127.0.0.1:0",
            "outbound": format!("localhost:{port}") }],
    }))
}

/// The program as a gateway before a service.
fn gateway(pki: &TestPki, service: SocketAddr) -> Program {
    let server = pki.server("localhost");
    Program::run(&json!({
        "ca": pki.ca, "cert": server.cert, "key": server.key,
        "address_pairs": [{ "name": "own", "mode": "server", "inbound": "127.0.0.1:0",
            "outbound": service.to_string() }],
    }))
}

fn plain(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// When the application ends its side.
#[derive(Clone, Copy)]
enum Ends {
    BehindTheRequest,
    BehindTheAnswer,
}

/// Sends everything; what comes back up to the end.
fn exchange(mut stream: TcpStream, data: &[u8], ends: Ends) -> Vec<u8> {
    let mut sink = stream.try_clone().unwrap();
    let mut answer = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            sink.write_all(data).unwrap();
            if let Ends::BehindTheRequest = ends {
                sink.shutdown(Shutdown::Write).unwrap();
            }
        });
        if let Ends::BehindTheAnswer = ends {
            let mut part = (&mut stream).take(data.len() as u64);
            part.read_to_end(&mut answer).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        }
        stream.read_to_end(&mut answer).unwrap();
    });
    answer
}

/// The access line of the connection that carried the data: there are others of connections that
/// only tried whether somebody listens.
fn access(program: &Program) -> Access {
    until("the access line of the data", || {
        let mut accesses = program.accesses("own").into_iter();
        accesses.find(|access| access.number("bytes_outward") == BYTES as u64)
    })
}

/// What goes through to an echo comes back whole, and an answer that begins only after the request
/// has ended arrives. `through` opens the way with a service behind it and exchanges bytes on it.
fn carries(echo_ends: Ends, through: impl Fn(SocketAddr, &[u8], Ends) -> (Vec<u8>, Access)) {
    let data = data();
    let (answer, access) = through(backend::echo(), &data, echo_ends);
    assert!(answer == data, "{} came back: {access:?}", answer.len());
    assert_eq!(access.number("bytes_inward"), BYTES as u64);
    assert_eq!(access.reason(), "completed", "{access:?}");

    let (answer, access) = through(backend::count(), &data, Ends::BehindTheRequest);
    assert_eq!(answer, BYTES.to_string().as_bytes(), "{access:?}");
    assert_eq!(access.reason(), "completed", "{access:?}");
}

fn gateway_carries(make: MakeProxy, echo_ends: Ends) {
    let pki = TestPki::new();
    for version in VERSIONS {
        carries(echo_ends, |service, data, ends| {
            let peer = make(&pki, service, version);
            let program = persona(&pki, peer.port);
            let answer = exchange(program.connect("own"), data, ends);
            let access = access(&program);
            assert_eq!(access.get("outbound_version"), version);
            (answer, access)
        });
    }
}

fn persona_carries(make: MakeProxy) {
    let pki = TestPki::new();
    for version in VERSIONS {
        carries(Ends::BehindTheRequest, |service, data, ends| {
            let program = gateway(&pki, service);
            let peer = make(&pki, program.addr("own"), version);
            let answer = exchange(plain(peer.port), data, ends);
            let access = access(&program);
            assert_eq!(access.get("inbound_version"), version);
            assert_eq!(access.get("inbound_subject"), "CN=alice");
            (answer, access)
        });
    }
}

/// A gateway that trusts others demands, and does not accept, our certificate.
fn gateway_refuses(make: MakeProxy) {
    let (pki, others) = (TestPki::new(), TestPki::new());
    for version in VERSIONS {
        let peer = make(&others, backend::echo(), version);
        let alice = pki.client("alice");
        let program = Program::run(&json!({
            "ca": others.ca, "cert": alice.cert, "key": alice.key,
            "address_pairs": [{ "name": "own", "inbound": "127.0.0.1:0",
                "outbound": format!("localhost:{}", peer.port) }],
        }));
        let outcome = program.connect("own").read(&mut [0]);
        let outcome = outcome.map_err(|error| error.kind());
        assert_eq!(outcome, Err(ErrorKind::ConnectionReset), "{version}");
        let access = program.access("own", 0);
        assert_eq!(
            access.reason(),
            "certificate_refused",
            "{version}: {access:?}"
        );
    }
}

/// A persona that trusts others does not accept our certificate. (One that expects another name says
/// `internal_error` with either program, which tells nobody anything.)
fn persona_refuses(make: MakeProxy) {
    let (pki, others) = (TestPki::new(), TestPki::new());
    for version in VERSIONS {
        let program = gateway(&pki, backend::echo());
        let peer = make(&others, program.addr("own"), version);
        let _ = plain(peer.port).read(&mut [0]);
        until("the refusal to be told", || {
            let accesses = program.accesses("own");
            let mut reasons = accesses.iter().map(Access::reason);
            reasons
                .find(|reason| *reason == "certificate_refused")
                .map(drop)
        });
    }
}

#[test]
fn haproxy_as_the_gateway_carries_both_ways_and_half_closed() {
    gateway_carries(proxies::haproxy_gateway, Ends::BehindTheRequest);
}

#[test]
fn haproxy_as_the_persona_carries_both_ways_and_half_closed() {
    persona_carries(proxies::haproxy_persona);
}

#[test]
fn stunnel_as_the_gateway_carries_both_ways_and_half_closed() {
    gateway_carries(proxies::stunnel_gateway, Ends::BehindTheAnswer);
}

#[test]
fn stunnel_as_the_persona_carries_both_ways_and_half_closed() {
    persona_carries(proxies::stunnel_persona);
}

#[test]
fn haproxy_as_a_gateway_that_trusts_others_is_told_to_have_refused_us() {
    gateway_refuses(proxies::haproxy_gateway);
}

#[test]
fn haproxy_as_a_persona_that_trusts_others_is_told_to_have_refused_us() {
    persona_refuses(proxies::haproxy_persona);
}

#[test]
fn stunnel_as_a_gateway_that_trusts_others_is_told_to_have_refused_us() {
    gateway_refuses(proxies::stunnel_gateway);
}

#[test]
fn stunnel_as_a_persona_that_trusts_others_is_told_to_have_refused_us() {
    persona_refuses(proxies::stunnel_persona);
}
