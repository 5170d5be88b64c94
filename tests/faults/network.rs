//! Machines that cannot hear each other any more: no FIN comes, no reset, nothing.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use super::support::certs::TestPki;
use super::support::duplex::{Duplex, unix_service};
use super::support::machines::{Machine, alone, run};
use super::support::pairs;
use super::support::pattern;
use super::support::program::{PROGRAM, Program};
use super::support::wait::{PATIENCE, until};
use super::{assert_told, told, until_reset};

/// Makes this machine's TCP give up after a moment what it gives up after a quarter of an hour otherwise,
/// and takes two questions without an answer for a dead peer.
const IMPATIENT: &str = "echo 3 >/proc/sys/net/ipv4/tcp_retries2
    echo 2 >/proc/sys/net/ipv4/tcp_keepalive_probes";

/// A persona on this machine, and a gateway on another one before a service that hands over its connections.
struct Machines {
    there: Option<Machine>,
    persona: Program,
    gateway: Option<Program>,
    gateway_file: PathBuf,
    services: Receiver<UnixStream>,
    _pki: TestPki,
}

impl Machines {
    /// Both find out soon that the other one is gone.
    fn impatient() -> Machines {
        run(IMPATIENT);
        let there = machine();
        there.run(IMPATIENT);
        let alert = |config| pairs::with(config, "/tcp/keepalive", "1s");
        Machines::joined(there, alert)
    }

    fn patient() -> Machines {
        Machines::joined(machine(), |config| config)
    }

    fn joined(there: Machine, change: impl Fn(Value) -> Value) -> Machines {
        let pki = TestPki::new();
        let socket = pki.folder().join("service");
        let (hand_over, services) = channel();
        unix_service(&socket, move |stream: UnixStream| {
            stream.be_patient();
            let _ = hand_over.send(stream);
        });
        let change = |config| change(told(config));
        let mut gateway = change(pairs::server(&pki, ([10, 9, 8, 2], 8443).into()));
        let pair = &mut gateway["address_pairs"][0];
        pair["inbound"] = pair["outbound"].take();
        pair["outbound"] = json!(format!("unix:{}", socket.display()));
        let gateway_file = pki.folder().join("gateway.json");
        std::fs::write(&gateway_file, gateway.to_string()).unwrap();
        let persona = change(pairs::client(&pki, ([10, 9, 8, 2], 8443).into()));
        let mut machines = Machines {
            there: Some(there),
            persona: Program::run(&persona),
            gateway: None,
            gateway_file,
            services,
            _pki: pki,
        };
        machines.start_gateway();
        machines
    }

    fn start_gateway(&mut self) {
        let mut command = self.there().command(PROGRAM);
        command.arg("run").arg("--config").arg(&self.gateway_file);
        self.gateway = Some(Program::run_command(command, self.gateway_file.clone()));
    }

    fn there(&self) -> &Machine {
        self.there.as_ref().unwrap()
    }

    fn pull_the_cable(&self) {
        self.there().run("ip link set there down");
    }

    fn plug_it_in(&self) {
        self.there().run("ip link set there up");
    }

    /// Both ends of a new connection, at rest after bytes in both directions.
    fn ends(&self) -> (TcpStream, UnixStream) {
        let mut near = self.persona.connect("persona");
        near.write_all(b"ping").unwrap();
        let mut far = self.services.recv_timeout(PATIENCE).unwrap();
        far.read_exact(&mut [0; 4]).unwrap();
        far.write_all(b"pong").unwrap();
        near.read_exact(&mut [0; 4]).unwrap();
        (near, far)
    }

    /// Why the gateway's connections have ended. Its metrics are on its own machine.
    fn assert_gateway_told(&self, reason: &str) {
        let access = self.gateway.as_ref().unwrap().access("gateway", 0);
        assert_eq!(access.reason(), reason, "{access:?}");
    }
}

fn machine() -> Machine {
    Machine::joined("10.9.8.1/24", "10.9.8.2/24")
}

/// What was written has come to a reset, without a byte before it: told by the write itself, or by reading.
fn assert_reset(written: io::Result<()>, stream: &mut TcpStream) {
    match written {
        Ok(()) => assert_eq!(until_reset(stream), 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn a_cable_that_is_pulled_and_plugged_in_again_costs_no_byte() {
    alone(
        "network::a_cable_that_is_pulled_and_plugged_in_again_costs_no_byte",
        || {
            const TOTAL: u64 = 1 << 20;
            let machines = Machines::patient();
            let (mut near, mut far) = machines.ends();
            machines.pull_the_cable();
            let mut sender = near.twin();
            let sending = std::thread::spawn(move || {
                pattern::send(&mut sender, TOTAL).unwrap();
                sender.end();
            });
            until("bytes that wait for an answer", || {
                (unanswered() > 0).then_some(())
            });
            machines.plug_it_in();
            let (came, end) = pattern::receive(&mut far);
            end.unwrap();
            assert_eq!(came, TOTAL);
            sending.join().unwrap();
            drop(far);
            assert_eq!(near.read(&mut [0]).unwrap(), 0);
            assert_told(&machines.persona, "persona", 0, "completed");
            machines.assert_gateway_told("completed");
        },
    );
}

/// How many bytes the connections of this machine have sent into the void: see proc(5).
fn unanswered() -> u64 {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let queues = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let is_outside = fields[2].starts_with("0208090A:");
        let sent = fields[4].split(':').next()?;
        is_outside.then(|| u64::from_str_radix(sent, 16).unwrap())
    });
    queues.sum()
}

#[test]
fn bytes_that_nobody_answers_for_end_in_resets_at_both_sides_of_a_pulled_cable() {
    alone(
        "network::bytes_that_nobody_answers_for_end_in_resets_at_both_sides_of_a_pulled_cable",
        || {
            let machines = Machines::impatient();
            let (mut near, mut far) = machines.ends();
            machines.pull_the_cable();
            let written = (near.write_all(b"lost"), far.write_all(b"lost"));
            // By the time that a loaded machine came to it, either may have been given up, which is then told.
            assert_reset(written.0, &mut near);
            // A UNIX socket knows no reset.
            match written.1 {
                Ok(()) => assert_eq!(far.read(&mut [0]).unwrap(), 0),
                Err(error) => assert_eq!(error.kind(), ErrorKind::BrokenPipe),
            }
            assert_told(&machines.persona, "persona", 0, "source_reset");
            machines.assert_gateway_told("source_reset");
        },
    );
}

#[test]
fn a_silent_connection_over_a_pulled_cable_is_found_out_by_keepalive_at_both_ends() {
    alone(
        "network::a_silent_connection_over_a_pulled_cable_is_found_out_by_keepalive_at_both_ends",
        || {
            let machines = Machines::impatient();
            let (mut near, mut far) = machines.ends();
            machines.pull_the_cable();
            assert_eq!(until_reset(&mut near), 0);
            assert_told(&machines.persona, "persona", 0, "source_reset");
            assert_eq!(far.read(&mut [0]).unwrap(), 0);
            machines.assert_gateway_told("source_reset");
        },
    );
}

#[test]
fn a_gateways_machine_that_has_started_anew_knows_nothing_of_its_connections_and_says_so() {
    alone(
        "network::a_gateways_machine_that_has_started_anew_knows_nothing_of_its_connections_and_says_so",
        || {
            let mut machines = Machines::impatient();
            let (mut near, far) = machines.ends();
            machines.pull_the_cable();
            (machines.gateway, machines.there) = (None, None);
            drop(far);
            // What its system still has to say, it says to nobody.
            run("ip link delete here");
            machines.there = Some(machine());
            machines.start_gateway();
            // An answer that was on its way may have been refused before this question, which is then told.
            assert_reset(near.write_all(b"are you there?"), &mut near);
            assert_told(&machines.persona, "persona", 0, "source_reset");
            machines.ends();
        },
    );
}

#[test]
fn a_machine_that_cannot_be_reached_is_told_as_that_and_gets_its_connections_once_it_can() {
    alone(
        "network::a_machine_that_cannot_be_reached_is_told_as_that_and_gets_its_connections_once_it_can",
        || {
            let machines = Machines::impatient();
            machines.pull_the_cable();
            // Nobody answers who has that address.
            assert_eq!(until_reset(&mut machines.persona.connect("persona")), 0);
            assert_told(&machines.persona, "persona", 0, "connect_unreachable");
            run("ip link set here down");
            assert_eq!(until_reset(&mut machines.persona.connect("persona")), 0);
            assert_told(&machines.persona, "persona", 1, "connect_unreachable");
            run("ip link set here up");
            machines.plug_it_in();
            machines.ends();
        },
    );
}
