//! Destinations that refuse, are silent, have no name, or come back.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::json;

use super::support::black_hole::BlackHole;
use super::support::certs::TestPki;
use super::support::pairs;
use super::support::program::Program;
use super::support::tls::{self, TlsPeer};
use super::support::wait::until;
use super::{Credentials, assert_reset, localhost, ping};

/// Serves TLS on a listener from now on.
fn serve(listener: TcpListener, credentials: Arc<Credentials>) {
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let credentials = Arc::clone(&credentials);
            std::thread::spawn(move || {
                if let Ok(peer) = TlsPeer::accept(stream, &credentials) {
                    tls::echo(peer);
                }
            });
        }
    });
}

#[test]
fn a_destination_that_refuses_is_told_by_a_reset_and_served_once_it_is_there() {
    let pki = TestPki::new();
    let address = pairs::lone_address();
    let program = Program::run(&pairs::client(&pki, address));
    assert_reset(&mut program.connect("persona"));
    assert_eq!(program.access("persona", 0).reason(), "connect_refused");
    serve(TcpListener::bind(address).unwrap(), localhost(&pki));
    ping(&mut program.connect("persona"), 3);
}

#[test]
fn a_destination_that_does_not_answer_is_given_up_at_the_deadline_and_served_once_it_does() {
    let pki = TestPki::new();
    let hole = BlackHole::open();
    let config = pairs::client(&pki, hole.address());
    // Longer than the second after which the system asks again: its queue stays short.
    let program = Program::run(&pairs::with(config, "/timeouts/connect", "3s"));
    let mut streams: Vec<TcpStream> = (0..3).map(|_| program.connect("persona")).collect();
    streams.iter_mut().for_each(assert_reset);
    for index in 0..streams.len() {
        let access = program.access("persona", index);
        assert_eq!(access.reason(), "connect_timeout");
    }
    serve(hole.listener, localhost(&pki));
    ping(&mut program.connect("persona"), 3);
}

#[test]
fn a_destination_that_goes_away_and_comes_back_needs_no_restart() {
    let pki = TestPki::new();
    let address = pairs::lone_address();
    let program = Program::run(&pairs::client(&pki, address));
    let credentials = localhost(&pki);
    for round in 1..=3 {
        let listener = TcpListener::bind(address).unwrap();
        let mut stream = program.connect("persona");
        let (accepted, _) = listener.accept().unwrap();
        drop(listener);
        let credentials = Arc::clone(&credentials);
        let serving = std::thread::spawn(move || {
            tls::echo(TlsPeer::accept(accepted, &credentials).unwrap());
        });
        ping(&mut stream, 3);
        drop(stream);
        serving.join().unwrap();
        assert_reset(&mut program.connect("persona"));
        let accesses = until("both ends", || {
            let accesses = program.accesses("persona");
            (accesses.len() == 2 * round).then_some(accesses)
        });
        let refused = accesses.iter().filter(|a| a.reason() == "connect_refused");
        assert_eq!(refused.count(), round);
    }
}

#[test]
fn a_name_that_does_not_resolve_keeps_nobody_from_starting_and_is_told_by_a_reset() {
    let pki = TestPki::new();
    let service = tls::service(localhost(&pki), tls::echo);
    let config = pairs::with_nameless(pairs::client(&pki, service));
    let config = pairs::with(config, "/timeouts/connect", "4s");
    let program = Program::run_with(&config, |command| {
        // A resolver that cannot be reached says so sooner.
        command.env("RES_OPTIONS", "timeout:1 attempts:1");
    });
    assert_reset(&mut program.connect("nameless"));
    assert_eq!(program.access("nameless", 0).reason(), "dns_error");
    ping(&mut program.connect("persona"), 3);
    assert_reset(&mut program.connect("nameless"));
}

/// Gives the program a hosts file of its own.
fn with_hosts(command: &mut Command, hosts: &Path) {
    let mut apart = Command::new("unshare");
    let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
    apart.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    apart.arg(hosts).arg(command.get_program());
    apart.args(command.get_args());
    apart.stdin(Stdio::null()).stderr(Stdio::piped());
    *command = apart;
}

/// Whether this machine lets [`with_hosts`] work, and has both families.
fn can_have_two_addresses(hosts: &Path) -> bool {
    let mut command = Command::new("true");
    with_hosts(&mut command, hosts);
    command.status().is_ok_and(|s| s.success()) && TcpListener::bind("[::1]:0").is_ok()
}

#[test]
fn every_address_of_a_name_is_tried() {
    let pki = TestPki::new();
    let hosts = pki.folder().join("hosts");
    fs::write(&hosts, "127.0.0.1 both.test\n::1 both.test\n").unwrap();
    let is_apart = can_have_two_addresses(&hosts);
    let (name, addresses) = match is_apart {
        true => ("both.test", &["127.0.0.1:0", "[::1]:0"][..]),
        false => ("localhost", &["127.0.0.1:0"][..]),
    };
    println!("{name} has a service on one of {addresses:?} at a time");
    for address in addresses {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        serve(listener, localhost(&pki));
        let mut config = pairs::client(&pki, address);
        config["address_pairs"][0]["outbound"] = json!(format!("{name}:{}", address.port()));
        let program = Program::run_with(&config, |command| {
            if is_apart {
                with_hosts(command, &hosts);
            }
        });
        for _ in 0..3 {
            ping(&mut program.connect("persona"), 3);
        }
        let access = program.access("persona", 0);
        assert_eq!(access.get("outbound"), address.to_string());
    }
}
