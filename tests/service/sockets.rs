//! Sockets that the service manager listens with.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

use serde_json::{Value, json};

use super::ping;
use super::support::certs::TestPki;
use super::support::duplex::unix_connect;
use super::support::passed::pass;
use super::support::program::{PROGRAM, Program};
use super::support::wait::{PATIENCE, until};
use super::support::{backend, pairs};

/// Both halves, of which the persona has that inbound address.
fn config(pki: &TestPki, inbound: impl Into<Value>) -> Value {
    pairs::with(
        pairs::both(pki, backend::echo()),
        "/address_pairs/0/inbound",
        inbound,
    )
}

/// A listening socket, and its address.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Starts it with these sockets, to its end: its exit code, and what it has said of itself.
fn end_with<const N: usize>(
    config: &Value,
    sockets: [(&str, OwnedFd); N],
) -> (Option<i32>, Vec<String>) {
    let mut program = Program::start(config, |command| pass(command, sockets));
    let code = program.exit().code();
    let said = until("its last words", || {
        let lines = program.lines();
        let own = lines
            .into_iter()
            .filter(|l| l.starts_with("mtls-persona: "));
        let own: Vec<_> = own.collect();
        (!own.is_empty()).then_some(own)
    });
    (code, said)
}

#[test]
fn a_pair_accepts_by_the_socket_that_was_passed_under_its_name() {
    let pki = TestPki::new();
    let (socket, address) = listener();
    // Who connects before the program is there waits for it.
    let mut early = TcpStream::connect(address).unwrap();
    early.set_read_timeout(Some(PATIENCE)).unwrap();
    let config = config(&pki, address.to_string());
    let program = Program::run_with(&config, |c| pass(c, [("persona", socket.into())]));
    ping(&mut early);
    ping(&mut program.connect("persona"));
    assert_eq!(program.addr("persona"), address);
}

#[test]
fn tcp_and_unix_sockets_of_several_pairs_are_told_apart_by_their_names() {
    let pki = TestPki::new();
    let path = pki.folder().join("inbound");
    let unix = UnixListener::bind(&path).unwrap();
    let mut config = config(&pki, format!("unix:{}", path.display()));
    let gateway: SocketAddr = config["address_pairs"][1]["inbound"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let tcp = TcpListener::bind(gateway).unwrap();
    config["address_pairs"][0]["name"] = json!("plain");
    // Landlock would keep it from removing the file.
    config["landlock"] = json!(false);
    let sockets = [("gateway", tcp.into()), ("plain", unix.into())];
    let mut program = Program::run_with(&config, |c| pass(c, sockets));
    ping(&mut unix_connect(&path));
    program.signal("TERM");
    assert_eq!(program.exit().code(), Some(0));
    assert!(path.exists(), "the file is the manager's");
}

#[test]
fn a_pair_has_all_sockets_of_its_name_and_one_without_binds_its_own() {
    let pki = TestPki::new();
    let ((first, one), (second, other)) = (listener(), listener());
    let config = config(&pki, "127.0.0.1:0");
    let sockets = [("persona", first.into()), ("persona", second.into())];
    let _program = Program::run_with(&config, |c| pass(c, sockets));
    for address in [one, other] {
        // The gateway behind it has bound its own.
        ping(&mut TcpStream::connect(address).unwrap());
    }
}

#[test]
fn a_socket_without_a_pair_ends_it_with_one_and_is_named() {
    let pki = TestPki::new();
    let (socket, address) = listener();
    let config = config(&pki, address.to_string());
    let (code, said) = end_with(&config, [("persona.socket", socket.into())]);
    assert_eq!((code, said.len()), (Some(1), 1), "{said:?}");
    for name in ["persona.socket", "\"persona\"", "\"gateway\""] {
        assert!(said[0].contains(name), "{said:?}");
    }
}

#[test]
fn a_socket_of_another_family_ends_it_with_one_and_is_named() {
    let pki = TestPki::new();
    let (socket, address) = listener();
    let path = format!("unix:{}", pki.folder().join("inbound").display());
    let config = config(&pki, path.as_str());
    let (code, said) = end_with(&config, [("persona", socket.into())]);
    assert_eq!((code, said.len()), (Some(1), 1), "{said:?}");
    assert!(said[0].contains("\"persona\"") && said[0].contains(&path));
    assert!(said[0].contains(&address.to_string()), "{said:?}");
}

#[test]
fn what_is_no_listening_socket_ends_it_with_one_each_told() {
    let pki = TestPki::new();
    let (listener, address) = listener();
    let connection = TcpStream::connect(address).unwrap();
    let _other_end = listener.accept().unwrap();
    let file = fs::File::open("/dev/null").unwrap();
    let config = config(&pki, "127.0.0.1:0");
    let sockets = [("persona", connection.into()), ("gateway", file.into())];
    let (code, said) = end_with(&config, sockets);
    assert_eq!((code, said.len()), (Some(1), 2), "{said:?}");
    assert!(said[0].contains("\"persona\"") && said[1].contains("\"gateway\""));
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let pki = TestPki::new();
    let program = Program::run_with(&config(&pki, "127.0.0.1:0"), |command| {
        command.env("LISTEN_FDS", "2").env("LISTEN_PID", "1");
        command.env("LISTEN_FDNAMES", "nobody:knows");
    });
    ping(&mut program.connect("persona"));
}

#[test]
fn a_passed_socket_outlives_every_change_of_its_pair() {
    let pki = TestPki::new();
    let (socket, address) = listener();
    let before = config(&pki, address.to_string());
    let program = Program::run_with(&before, |c| pass(c, [("persona", socket.into())]));
    let connect = || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    ping(&mut connect());
    // It says that it listens elsewhere.
    let elsewhere = pairs::lone_address();
    let moved = pairs::with(
        before.clone(),
        "/address_pairs/0/inbound",
        elsewhere.to_string(),
    );
    program.reconfigure(&moved);
    program.reload();
    ping(&mut connect());
    TcpStream::connect(elsewhere).expect_err("nobody was to listen there");
    // It goes, and comes back: who connects meanwhile waits.
    let mut without = before.clone();
    without["address_pairs"].as_array_mut().unwrap().remove(0);
    program.reconfigure(&without);
    program.reload();
    let mut waits = connect();
    program.reconfigure(&before);
    program.reload();
    ping(&mut waits);
    ping(&mut connect());
}

#[test]
fn a_reload_that_wants_another_family_than_was_passed_is_refused() {
    let pki = TestPki::new();
    let (socket, address) = listener();
    let before = config(&pki, address.to_string());
    let program = Program::run_with(&before, |c| pass(c, [("persona", socket.into())]));
    let path = pki.folder().join("inbound");
    let path = format!("unix:{}", path.display());
    program.reconfigure(&pairs::with(before, "/address_pairs/0/inbound", path));
    program.refuse_reload();
    ping(&mut program.connect("persona"));
    assert_eq!(program.generation(), 1);
}

#[test]
fn it_runs_behind_the_launcher_of_systemd() {
    let pki = TestPki::new();
    let path = pki.folder().join("inbound");
    let (persona, gateway) = (pairs::lone_address(), pairs::lone_address());
    let mut config = config(&pki, persona.to_string());
    let mut second = config["address_pairs"][0].clone();
    second["name"] = json!("local");
    second["inbound"] = json!(format!("unix:{}", path.display()));
    config["address_pairs"].as_array_mut().unwrap().push(second);
    config["address_pairs"][0]["outbound"] = json!(gateway.to_string());
    config["address_pairs"][1]["inbound"] = json!(gateway.to_string());
    config["address_pairs"][2]["outbound"] = json!(gateway.to_string());
    let mut program = Program::start(&config, |command| {
        let mut launcher = Command::new("systemd-socket-activate");
        let sockets = [persona.to_string(), path.to_str().unwrap().to_owned()];
        for socket in sockets {
            launcher.args(["--listen", &socket]);
        }
        launcher.arg("--fdname=persona:local").arg(PROGRAM);
        launcher.args(command.get_args());
        *command = launcher;
    });
    // It is started by the first connection.
    let mut first = until("the launcher to listen", || UnixStream::connect(&path).ok());
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    ping(&mut first);
    ping(&mut TcpStream::connect(persona).unwrap());
    program.signal("TERM");
    drop(first);
    assert_eq!(program.exit().code(), Some(0));
}
