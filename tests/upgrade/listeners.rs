//! Every kind of listening socket goes along.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::ping;
use super::support::certs::TestPki;
use super::support::duplex::unix_connect;
use super::support::http;
use super::support::passed::pass;
use super::support::succession::Line;
use super::support::wait::{PATIENCE, until};
use super::support::{backend, pairs, rotate};

/// Both halves, of which the persona listens at that path too, as `local`.
fn with_local(pki: &TestPki, path: &Path) -> Value {
    let mut config = pairs::both(pki, backend::echo());
    let mut local = config["address_pairs"][0].clone();
    local["name"] = json!("local");
    local["inbound"] = json!(format!("unix:{}", path.display()));
    config["address_pairs"].as_array_mut().unwrap().push(local);
    config
}

/// Lets the last process stop, and waits until none is left.
fn stop(line: &Line) {
    for pid in line.pids() {
        line.signal(pid, Signal::TERM);
    }
    until("the end of all", || line.pids().is_empty().then_some(()));
}

#[test]
fn files_of_unix_sockets_stay_with_who_serves_and_go_with_the_last() {
    let (pki, folder) = (TestPki::new(), TempDir::new().unwrap());
    let (inbound, admin) = (folder.path().join("in"), folder.path().join("admin"));
    let mut config = with_local(&pki, &inbound);
    config["admin"] = json!({ "listen": format!("unix:{}", admin.display()) });
    let mut line = Line::run(&config);
    let ask = || {
        let stream = UnixStream::connect(&admin).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        http::ask(stream, "GET /readyz HTTP/1.1\r\nhost: here\r\n\r\n")
    };
    assert_eq!(ask().status, 200);
    let first = line.pids()[0];
    let second = line.upgrade(first);
    assert_eq!(line.program.exit().code(), Some(0));
    for _ in 0..2 {
        ping(&mut unix_connect(&inbound));
        assert_eq!(ask().status, 200);
        // A failed one has not had them.
        line.program.reconfigure(&json!({}));
        let failures = line.failures();
        line.signal(second, Signal::USR2);
        until("the failure", || (line.failures() > failures).then_some(()));
    }
    stop(&line);
    assert!(!inbound.exists() && !admin.exists());
}

#[test]
fn the_administrative_port_answers_all_the_time_and_then_for_the_new_process() {
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    config["admin"] = json!({ "listen": "127.0.0.1:0", "health": "127.0.0.1:0" });
    let line = Line::run(&config);
    let mut live = line.program.connect("persona");
    ping(&mut live);
    let (everything, health) = (
        line.program.admin("everything"),
        line.program.admin("health"),
    );
    let pid = || http::get(everything, "/status").json()["program"]["pid"].clone();
    let first = line.program.pid();
    assert_eq!(pid(), json!(first));
    line.signal(first, Signal::USR2);
    until("the new process", || {
        assert_eq!(http::get(health, "/readyz").status, 200);
        (pid() != json!(first)).then_some(())
    });
    let second = line.pids()[1];
    // For a moment both answer, and then one alone.
    until("the old one's silence", || {
        (0..20).all(|_| pid() == json!(second)).then_some(())
    });
    ping(&mut live);
}

#[test]
fn who_asks_the_old_process_for_readiness_behind_the_upgrade_hears_that_all_is_well() {
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    config["admin"] = json!({ "listen": "127.0.0.1:0" });
    let config = pairs::with(config, "/timeouts/drain", "10m");
    let line = Line::run(&config);
    let at = line.program.admin("everything");
    let mut lasting = Vec::new();
    // A guest that takes too long to ask is sent away without an answer.
    let status = until("an answer", || {
        let last = *line.pids().last().unwrap();
        // It drains for as long as this one lives.
        let mut live = line.program.connect("persona");
        ping(&mut live);
        lasting.push(live);
        let mut guest = http::connect(at);
        guest.write_all(b"GET /readyz HTTP/1.1\r\n").unwrap();
        line.upgrade(last);
        let drains = || {
            line.program
                .lines()
                .iter()
                .filter(|line| line.contains("stopping: "))
                .count()
        };
        until("the drain", || (drains() == lasting.len()).then_some(()));
        guest.write_all(b"host: here\r\n\r\n").ok()?;
        let mut answer = String::new();
        guest.read_to_string(&mut answer).ok()?;
        answer.split(' ').nth(1).map(str::to_owned)
    });
    assert_eq!(status, "200");
}

#[test]
fn what_a_newer_configuration_has_no_use_for_is_closed_by_who_serves() {
    let (pki, folder) = (TestPki::new(), TempDir::new().unwrap());
    let inbound = folder.path().join("in");
    let config = with_local(&pki, &inbound);
    let line = Line::run(&config);
    let mut without = config.clone();
    without["address_pairs"].as_array_mut().unwrap().pop();
    line.program.reconfigure(&without);
    let first = line.pids()[0];
    line.upgrade(first);
    until("the file's end", || (!inbound.exists()).then_some(()));
    ping(&mut line.program.connect("persona"));
}

#[test]
fn at_any_free_port_the_name_tells_which_socket_is_whose() {
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    let mut other = config["address_pairs"][0].clone();
    other["name"] = json!("other");
    // Nobody is there.
    other["outbound"] = json!(pairs::lone_address().to_string());
    let pairs = config["address_pairs"].as_array_mut().unwrap();
    pairs.push(other);
    let line = Line::run(&config);
    config["address_pairs"].as_array_mut().unwrap().reverse();
    line.program.reconfigure(&config);
    let first = line.pids()[0];
    line.upgrade(first);
    ping(&mut line.program.connect("persona"));
}

#[test]
fn a_socket_of_the_service_manager_goes_along_even_if_no_pair_has_it_now() {
    let pki = TestPki::new();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let config = pairs::both(&pki, backend::echo());
    let config = pairs::with(config, "/address_pairs/0/inbound", address.to_string());
    let line = Line::run_with(&config, |c| pass(c, [("persona", socket.into())]));
    let second = line.upgrade(line.program.pid());
    ping(&mut TcpStream::connect(address).unwrap());
    let without = pairs::with(config.clone(), "/address_pairs/0/name", "renamed");
    let port = pairs::lone_address().to_string();
    let without = pairs::with(without, "/address_pairs/0/inbound", port);
    line.program.reconfigure(&without);
    let third = line.upgrade(second);
    let mut waits = TcpStream::connect(address).unwrap();
    line.program.reconfigure(&config);
    line.upgrade(third);
    ping(&mut waits);
}

#[test]
fn the_new_process_is_held_to_its_own_configuration_and_not_to_the_old_one() {
    let (pki, elsewhere) = (TestPki::new(), TempDir::new().unwrap());
    let config = pairs::both(&pki, backend::echo());
    let line = Line::run(&config);
    // Another folder, another port to listen on and another one to connect to.
    let files = rotate::copy_into(&elsewhere.path().join("tls"), &pki.client("alice"));
    let mut newer = pairs::both(&pki, backend::echo());
    newer["cert"] = json!(files.cert);
    newer["key"] = json!(files.key);
    line.program.reconfigure(&newer);
    let privileges = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let mut lines = status.lines().map(str::to_owned);
        lines.find(|line| line.starts_with("NoNewPrivs:")).unwrap()
    };
    let first = line.pids()[0];
    let before = privileges(first);
    let mut last = first;
    for _ in 0..2 {
        last = line.upgrade(last);
        ping(&mut line.program.connect("persona"));
    }
    // Landlock takes this away, and so it is held too.
    assert_eq!(privileges(last), before);
}
