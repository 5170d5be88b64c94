//! Clients of ours before a connector of ours: a pair with `connect_id`, and the command `connect`.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::support::backend;
use super::support::certs::{IdentityFiles, TestPki};
use super::support::connector::{Tables, connector, user};
use super::support::pairs::lone_address;
use super::support::postgres::Postgres;
use super::support::program::{PROGRAM, Program};
use super::support::tls::{credentials, service};
use super::support::wait::until;
use mtls_persona::tls::Role;

/// A persona that asks that connector for a host.
fn persona(pki: &TestPki, files: &IdentityFiles, to: SocketAddr, host: &str) -> Value {
    json!({
        "ca": pki.ca, "cert": files.cert, "key": files.key,
        "address_pairs": [{
            "name": "persona", "inbound": "127.0.0.1:0", "outbound": to.to_string(),
            "server_name": "localhost", "connect_id": host,
        }],
    })
}

#[test]
fn a_plain_application_reaches_its_host_through_a_pair_that_asks_for_it() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("count", backend::count(), "acme", "alice", "");
    let gateway = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user(&pki, "acme", "alice");
    let persona = Program::run(&persona(&pki, &alice, gateway.addr("connector"), "count"));
    for bytes in [0, 1, 1_000_000] {
        let mut stream = persona.connect("persona");
        stream.write_all(&vec![b'x'; bytes]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        assert_eq!(told, bytes.to_string(), "the line is not the application's");
    }
}

#[test]
fn what_the_host_says_in_one_breath_with_the_answer_is_the_applications() {
    let pki = TestPki::new();
    let own = credentials(&pki.server("localhost"), &pki.ca, Role::Server);
    let to = service(own, |mut peer| {
        let mut asked = [0; 3];
        peer.read_exact(&mut asked).unwrap();
        assert_eq!(&asked, b"db\n");
        peer.write_all(b"OK\nSSH-2.0").unwrap();
        peer.end().unwrap();
        let _ = peer.read(&mut [0]);
    });
    let alice = user(&pki, "acme", "alice");
    let persona = Program::run(&persona(&pki, &alice, to, "db"));
    let mut told = String::new();
    persona
        .connect("persona")
        .read_to_string(&mut told)
        .unwrap();
    assert_eq!(told, "SSH-2.0");
}

#[test]
fn a_refusal_is_no_empty_answer_and_the_log_tells_what_the_connector_says() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let gateway = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user(&pki, "acme", "alice");
    let persona = Program::run(&persona(&pki, &alice, gateway.addr("connector"), "unknown"));
    let mut stream = persona.connect("persona");
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let access = persona.access("persona", 0);
    let told = (access.reason(), access.get("detail"), access.get("leg"));
    assert_eq!(told, ("connector_refused", "not authorized", "outbound"));
}

#[test]
fn a_destination_that_is_no_connector_is_told_as_that() {
    let pki = TestPki::new();
    let own = credentials(&pki.server("localhost"), &pki.ca, Role::Server);
    let alice = user(&pki, "acme", "alice");
    let strange = service(own.clone(), |mut peer| {
        let _ = peer.write_all(b"HTTP/1.1 400 Bad Request");
        let _ = peer.read(&mut [0; 64]);
        let _ = peer.read(&mut [0; 64]);
    });
    let ending = service(own, |mut peer| {
        let _ = peer.read(&mut [0; 64]);
        let _ = peer.end();
    });
    for to in [strange, ending] {
        let persona = Program::run(&persona(&pki, &alice, to, "db"));
        let mut stream = persona.connect("persona");
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(persona.access("persona", 0).reason(), "connector_invalid");
    }
}

/// The command `connect` as that user, with pipes.
fn connect(pki: &TestPki, files: &IdentityFiles, to: SocketAddr, host: &str) -> Child {
    let mut command = Command::new(PROGRAM);
    command.args(["connect", "--proxy", &to.to_string(), "--connect-id", host]);
    command
        .args(["--server-name", "localhost", "--ca"])
        .arg(&pki.ca);
    command
        .arg("--cert")
        .arg(&files.cert)
        .arg("--key")
        .arg(&files.key);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn the_command_joins_standard_input_and_output_to_the_host() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("count", backend::count(), "acme", "alice", "");
    tables.host("echo", backend::echo(), "acme", "alice", "");
    let gateway = Program::run(&connector(&pki, &postgres, &tables));
    let (to, alice) = (gateway.addr("connector"), user(&pki, "acme", "alice"));
    let mut child = connect(&pki, &alice, to, "count");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&vec![b'x'; 500_000])
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"500000");
    assert_eq!(
        (output.status.code(), &output.stderr[..]),
        (Some(0), &b""[..])
    );
    // In turns, as ssh does.
    let mut child = connect(&pki, &alice, to, "echo");
    let (mut input, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for word in [b"one", b"two"] {
        input.write_all(word).unwrap();
        let mut echoed = [0; 3];
        out.read_exact(&mut echoed).unwrap();
        assert_eq!(&echoed, word);
    }
    drop(input);
    assert_eq!(out.read(&mut [0]).unwrap(), 0);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_command_ends_its_output_when_the_host_ends_though_its_input_goes_on() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let bye = backend::service(|mut stream| {
        let _ = stream.write_all(b"bye");
    });
    tables.host("bye", bye, "acme", "alice", "");
    let gateway = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user(&pki, "acme", "alice");
    let mut child = connect(&pki, &alice, gateway.addr("connector"), "bye");
    let mut told = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut told)
        .unwrap();
    assert_eq!(told, "bye");
    drop(child.stdin.take());
    until("the command's end", || child.try_wait().unwrap());
}

#[test]
fn the_command_ends_when_nobody_reads_its_output_though_its_input_goes_on() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("echo", backend::echo(), "acme", "alice", "");
    let gateway = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user(&pki, "acme", "alice");
    let mut child = connect(&pki, &alice, gateway.addr("connector"), "echo");
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"one").unwrap();
    until("the command's end", || child.try_wait().unwrap());
}

#[test]
fn the_command_says_why_there_is_no_connection_and_puts_nothing_out() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let gateway = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user(&pki, "acme", "alice");
    let nobody = lone_address();
    let stranger = pki.expired(mtls_persona::tls::authority::Purpose::Client);
    let to = gateway.addr("connector");
    for (files, to, host, code, word) in [
        (&alice, to, "unknown", 1, "not authorized"),
        (&alice, nobody, "db", 1, "connect_refused"),
        (&alice, to, "a\nb", 2, "connect_id"),
        (&stranger, to, "db", 2, "expired"),
    ] {
        let mut child = connect(&pki, files, to, host);
        drop(child.stdin.take());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(word), "{word}: {error}");
        assert!(output.stdout.is_empty());
    }
}
