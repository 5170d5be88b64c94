//! What becomes of live connections when a reload concerns them.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;

use mtls_persona::tls::authority::Purpose;
use serde_json::{Value, json};

use super::ground::Ground;
use super::support::access::Access;
use super::support::certs::{IdentityFiles, TestPki};
use super::support::program::Program;
use super::support::tls::{self, TlsPeer};
use super::support::wait::{PATIENCE, until};
use super::support::{backend, pairs};
use super::{alice, assert_reset, localhost, ping};

/// A persona with that policy, whose connections have that long to end.
struct Persona {
    pki: TestPki,
    program: Program,
    files: IdentityFiles,
}

impl Persona {
    fn run(on_reload: &str, drain: &str) -> Persona {
        let pki = TestPki::new();
        let service = tls::service(localhost(&pki), tls::echo);
        let config = pairs::with(pairs::client(&pki, service), "/on_reload", on_reload);
        let config = pairs::with(config, "/timeouts/drain", drain);
        Persona {
            files: files(&config),
            program: Program::run(&config),
            pki,
        }
    }

    fn connect(&self) -> TcpStream {
        let mut stream = self.program.connect("persona");
        ping(&mut stream);
        stream
    }

    /// Gives it another certificate.
    fn renew(&self) {
        let request = self.pki.request(Purpose::Client);
        self.pki.renew(&self.files, &request);
        self.program.reload();
    }

    /// Why its connection ended.
    fn end(&self) -> Access {
        self.program.access("persona", 0)
    }
}

fn files(config: &Value) -> IdentityFiles {
    let path = |key: &str| config[key].as_str().unwrap().into();
    IdentityFiles {
        cert: path("cert"),
        key: path("key"),
    }
}

#[test]
fn with_keep_a_connection_outlives_every_reload() {
    let persona = Persona::run("keep", "1s");
    let mut live = persona.connect();
    for _ in 0..3 {
        persona.renew();
        ping(&mut live);
    }
    live.shutdown(Shutdown::Write).unwrap();
    assert_eq!(persona.end().reason(), "completed");
}

#[test]
fn with_drain_a_connection_has_the_drain_time_and_is_reset_then() {
    let persona = Persona::run("drain", "1s");
    let mut live = persona.connect();
    persona.renew();
    assert_reset(&mut live);
    let end = persona.end();
    assert_eq!(end.reason(), "reloaded");
    assert!(end.number("duration_ms") >= 1000);
    // It is one of the new state.
    let mut new = persona.connect();
    persona.program.reload();
    ping(&mut new);
}

#[test]
fn with_drain_a_connection_may_end_by_itself() {
    let persona = Persona::run("drain", "10m");
    let mut live = persona.connect();
    persona.renew();
    ping(&mut live);
    live.write_all(b"the rest").unwrap();
    live.shutdown(Shutdown::Write).unwrap();
    let mut rest = String::new();
    live.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "the rest");
    assert_eq!(persona.end().reason(), "completed");
}

#[test]
fn with_drain_later_reloads_give_no_more_time() {
    let persona = Persona::run("drain", "2s");
    let mut live = persona.connect();
    persona.renew();
    live.set_nonblocking(true).unwrap();
    // Each would begin the drain time anew.
    let error = until("the end", || {
        persona.program.reload();
        let error = live.read(&mut [0]).unwrap_err();
        (error.kind() != ErrorKind::WouldBlock).then_some(error)
    });
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(persona.end().reason(), "reloaded");
}

#[test]
fn with_close_a_connection_is_reset_at_once() {
    let persona = Persona::run("close", "10m");
    let mut live = persona.connect();
    persona.renew();
    assert_reset(&mut live);
    assert_eq!(persona.end().reason(), "reloaded");
    ping(&mut persona.connect());
}

#[test]
fn with_close_a_reload_of_the_same_files_touches_nothing() {
    let persona = Persona::run("close", "10m");
    let mut live = persona.connect();
    for _ in 0..3 {
        persona.program.reload();
        ping(&mut live);
    }
}

#[test]
fn with_close_a_refused_reload_touches_nothing() {
    let persona = Persona::run("close", "10m");
    let mut live = persona.connect();
    std::fs::write(&persona.files.cert, "no certificate").unwrap();
    persona.program.refuse_reload();
    ping(&mut live);
}

#[test]
fn with_close_a_gateways_service_sees_a_reset_and_its_client_no_clean_end() {
    let pki = TestPki::new();
    let (tell, told) = mpsc::channel();
    let service = backend::service(move |mut stream| {
        let mut byte = [0];
        let end = loop {
            match stream.read_exact(&mut byte) {
                Ok(()) => stream.write_all(&byte).unwrap(),
                Err(error) => break error.kind(),
            }
        };
        tell.send(end).unwrap();
    });
    let config = pairs::with(pairs::server(&pki, service), "/on_reload", "close");
    let program = Program::run(&config);
    let mut live = TlsPeer::connect(program.addr("gateway"), &alice(&pki)).unwrap();
    ping(&mut live);
    pki.renew(&files(&config), &pki.request(Purpose::Server));
    program.reload();
    let end = live.read(&mut [0]).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(program.access("gateway", 0).reason(), "reloaded");
    let end = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(end, ErrorKind::ConnectionReset);
}

#[test]
fn with_close_a_handshake_under_way_ends_too() {
    let pki = TestPki::new();
    let config = pairs::with(pairs::server(&pki, backend::echo()), "/on_reload", "close");
    let config = pairs::with(config, "/timeouts/handshake", "10m");
    let program = Program::run(&config);
    let base = program.descriptors();
    let mut silent = program.connect("gateway");
    until("the connection", || {
        (program.descriptors() > base).then_some(())
    });
    pki.renew(&files(&config), &pki.request(Purpose::Server));
    program.reload();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    assert_eq!(program.access("gateway", 0).reason(), "reloaded");
}

#[test]
fn only_connections_of_a_changed_pair_are_closed() {
    let mut ground = Ground::run(2, json!({ "on_reload": "close" }));
    let (mut changed, _) = ground.reach(0);
    let (mut other, _) = ground.reach(1);
    let outbound = ground.service(1);
    ground.take(ground.but(|pairs| pairs[0]["outbound"] = outbound));
    assert_reset(&mut changed);
    assert_eq!(ground.program.access("pair0", 0).reason(), "reloaded");
    ping(&mut other);
}

#[test]
fn connections_of_a_removed_pair_go_by_what_it_said_last() {
    let mut ground = Ground::run(4, json!({ "timeouts": { "drain": "1s" } }));
    let policies = ["close", "drain", "keep"];
    ground.take(ground.but(|pairs| {
        for (pair, policy) in pairs.iter_mut().zip(policies) {
            pair["on_reload"] = json!(policy);
        }
    }));
    let [mut close, mut drain, mut keep] = [0, 1, 2].map(|place| ground.reach(place).0);
    ground.take(ground.but(|pairs| drop(pairs.drain(..3))));
    assert_reset(&mut close);
    assert_reset(&mut drain);
    ping(&mut keep);
    for pair in ["pair0", "pair1"] {
        let end = ground.program.access(pair, 0);
        assert_eq!(end.reason(), "reloaded");
    }
}
