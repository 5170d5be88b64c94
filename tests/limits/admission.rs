//! At a limit nobody is refused: new connections wait until there is a place.

use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};

use mtls_persona::tls::Credentials;
use serde_json::json;

use super::support::certs::TestPki;
use super::support::crowd::Crowd;
use super::support::pairs;
use super::support::program::Program;
use super::support::tls::TlsPeer;
use super::support::wait::{PATIENCE, until};
use super::{alice, ping};

/// Round trips of another connection in which one that waits would long have been served.
const A_WHILE: usize = 300;

fn dial(program: &Program, pair: &str, credentials: &Credentials) -> TlsPeer {
    TlsPeer::connect(program.addr(pair), credentials).unwrap()
}

/// A client that wants one answer; tells when it has it, and holds its connection until then.
fn client_that_waits(program: &Program, pair: &str, pki: &TestPki) -> Receiver<()> {
    let (tell, served) = mpsc::channel();
    let (address, credentials) = (program.addr(pair), alice(pki));
    std::thread::spawn(move || {
        let mut peer = TlsPeer::connect(address, &credentials).unwrap();
        ping(&mut peer, 1);
        tell.send(()).unwrap();
    });
    served
}

fn until_descriptors(program: &Program, count: usize) {
    until("the descriptors to be as many", || {
        (program.descriptors() == count).then_some(())
    });
}

#[test]
fn a_pair_at_its_limit_lets_new_connections_wait_and_other_pairs_go_on() {
    let (pki, crowd) = (TestPki::new(), Crowd::start());
    let mut config = pairs::both(&pki, crowd.address);
    let mut other = config["address_pairs"][0].clone();
    other["name"] = json!("other");
    config["address_pairs"].as_array_mut().unwrap().push(other);
    config["address_pairs"][0]["limits"] = json!({ "connections": 2 });
    let program = Program::run(&config);

    let mut first = program.connect("persona");
    let mut second = program.connect("persona");
    ping(&mut first, 1);
    ping(&mut second, 1);
    // The system accepts it for us; its bytes wait.
    let mut third = program.connect("persona");
    std::io::Write::write_all(&mut third, &0_usize.to_be_bytes()).unwrap();
    let mut other = program.connect("other");
    ping(&mut other, A_WHILE);
    ping(&mut first, A_WHILE);
    assert_eq!(crowd.live.load(Ordering::Acquire), 3);
    drop(second);
    let mut answer = [1; size_of::<usize>()];
    std::io::Read::read_exact(&mut third, &mut answer).unwrap();
    assert_eq!(answer, 0_usize.to_be_bytes());
    ping(&mut first, 1);
}

#[test]
fn the_limit_over_all_pairs_holds_between_them() {
    let (pki, crowd) = (TestPki::new(), Crowd::start());
    let config = pairs::with(pairs::server(&pki, crowd.address), "/limits/connections", 2);
    let mut other = config["address_pairs"][0].clone();
    other["name"] = json!("other");
    // Two pairs that listen on any free port would be told from one another by nothing.
    other["inbound"] = json!(pairs::lone_address().to_string());
    let mut config = config;
    config["address_pairs"].as_array_mut().unwrap().push(other);
    let program = Program::run(&config);

    let credentials = alice(&pki);
    let mut first = dial(&program, "gateway", &credentials);
    let mut second = dial(&program, "other", &credentials);
    ping(&mut first, 1);
    ping(&mut second, 1);
    let (third, fourth) = (
        client_that_waits(&program, "gateway", &pki),
        client_that_waits(&program, "other", &pki),
    );
    ping(&mut first, A_WHILE);
    ping(&mut second, A_WHILE);
    assert_eq!(crowd.live.load(Ordering::Acquire), 2);
    assert!(third.try_recv().is_err() && fourth.try_recv().is_err());
    drop(first);
    // Each holds its place for one answer.
    third.recv_timeout(PATIENCE).unwrap();
    fourth.recv_timeout(PATIENCE).unwrap();
    ping(&mut second, 1);
}

#[test]
fn handshakes_under_way_have_a_limit_that_live_connections_do_not_count_for() {
    const HANDSHAKES: usize = 3;
    let (pki, crowd) = (TestPki::new(), Crowd::start());
    let config = pairs::server(&pki, crowd.address);
    let config = pairs::with(config, "/limits/handshakes", HANDSHAKES);
    let config = pairs::with(config, "/timeouts/handshake", "10m");
    let program = Program::run(&config);
    let credentials = alice(&pki);
    let mut live: Vec<TlsPeer> = (0..2 * HANDSHAKES)
        .map(|_| dial(&program, "gateway", &credentials))
        .collect();
    live.iter_mut().for_each(|peer| ping(peer, 1));

    let base = program.descriptors();
    let mut silent: Vec<TcpStream> = (0..HANDSHAKES)
        .map(|_| program.connect("gateway"))
        .collect();
    until_descriptors(&program, base + HANDSHAKES);
    let late = client_that_waits(&program, "gateway", &pki);
    ping(&mut live[0], A_WHILE);
    assert!(late.try_recv().is_err());
    assert_eq!(program.descriptors(), base + HANDSHAKES);
    silent.pop();
    late.recv_timeout(PATIENCE).unwrap();
    ping(&mut live[0], 1);
}
