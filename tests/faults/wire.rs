//! What stands between the legs of two programs and delays, divides, holds and loses.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::support::backend;
use super::support::certs::TestPki;
use super::support::duplex::{self, Duplex};
use super::support::pairs;
use super::support::pattern;
use super::support::program::Program;
use super::support::valve::{Valve, Way};
use super::support::wait::{PATIENCE, until};
use super::{assert_told, told, until_reset};

const PAIRS: [&str; 2] = ["persona", "gateway"];

/// A persona and a gateway with a network between them, before a service that hands over its connections.
struct Line {
    program: Program,
    valve: Valve,
    services: Receiver<TcpStream>,
    _pki: TestPki,
}

impl Line {
    fn laid() -> Line {
        Line::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Value)) -> Line {
        let pki = TestPki::new();
        let (hand_over, services) = channel();
        let service = backend::service(move |stream| {
            stream.be_patient();
            let _ = hand_over.send(stream);
        });
        let mut config = told(pairs::both(&pki, service));
        let gateway = config["address_pairs"][1]["inbound"].as_str().unwrap();
        let valve = Valve::before(gateway.parse().unwrap());
        config["address_pairs"][0]["outbound"] = json!(valve.address.to_string());
        change(&mut config);
        Line {
            program: Program::run(&config),
            valve,
            services,
            _pki: pki,
        }
    }

    /// Both ends of a new connection, which has carried a byte.
    fn ends(&self) -> (TcpStream, TcpStream) {
        let mut near = self.program.connect("persona");
        near.write_all(b"!").unwrap();
        let mut far = self.services.recv_timeout(PATIENCE).unwrap();
        far.read_exact(&mut [0]).unwrap();
        (near, far)
    }

    fn assert_told(&self, reason: &str) {
        for pair in PAIRS {
            assert_told(&self.program, pair, 0, reason);
        }
    }

    fn until_held(&self, way: Way) {
        until("bytes to be held", || self.valve.holds(way).then_some(()));
    }
}

/// Both ends send and read that much at once.
fn assert_exchanged(line: &Line, total: u64) {
    let near = line.program.connect("persona");
    let sending = std::thread::spawn(move || duplex::exchange(near, total));
    duplex::exchange(line.services.recv_timeout(PATIENCE).unwrap(), total);
    sending.join().unwrap();
    line.assert_told("completed");
}

#[test]
fn a_network_that_passes_single_bytes_changes_nothing_but_the_pace() {
    let line = Line::laid();
    line.valve.narrow(1, Duration::ZERO);
    assert_exchanged(&line, 20_000);
}

#[test]
fn a_network_that_takes_its_time_changes_nothing_but_the_pace() {
    let line = Line::laid();
    line.valve.narrow(1000, Duration::from_millis(20));
    assert_exchanged(&line, 20_000);
}

/// Sends, while the network stops in the middle of a record; what has passed until then lies before the
/// reader. Gives back the ends as (sender, reader).
fn stopped(line: &Line, way: Way, total: u64) -> (TcpStream, TcpStream) {
    /// Neither a whole number of records nor a few bytes of one.
    const PASSES: u64 = 40_000;
    let (near, far) = line.ends();
    let (mut sender, mut reader) = match way {
        Way::Outward => (near, far),
        Way::Inward => (far, near),
    };
    line.valve.allow(way, PASSES);
    pattern::send(&mut sender, total).unwrap();
    line.until_held(way);
    // Whole records alone are passed on: what came of the broken one is not.
    let (came, _) = pattern::receive_range(&mut reader, 0, 16_384);
    assert_eq!(came, 16_384);
    (sender, reader)
}

#[test]
fn a_network_that_stalls_within_a_record_and_goes_on_loses_nothing() {
    const TOTAL: u64 = 200_000;
    for way in [Way::Outward, Way::Inward] {
        let line = Line::laid();
        let (sender, mut reader) = stopped(&line, way, TOTAL);
        sender.end();
        line.valve.open();
        let (came, end) = pattern::receive_range(&mut reader, 16_384, u64::MAX);
        end.unwrap();
        assert_eq!(came, TOTAL);
        reader.end();
        line.assert_told("completed");
    }
}

/// Reads on to the reset; nothing of the record came that broke off.
fn assert_broken_off(mut reader: TcpStream, total: u64) {
    let (came, end) = pattern::receive_range(&mut reader, 16_384, u64::MAX);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(came < total && came < 40_000, "{came} bytes of a part");
}

#[test]
fn a_network_that_stalls_within_a_record_for_good_ends_at_the_idle_limit_with_resets() {
    const TOTAL: u64 = 100_000;
    for way in [Way::Outward, Way::Inward] {
        let line = Line::with(|config| config["timeouts"] = json!({ "idle": "3s" }));
        let (mut sender, reader) = stopped(&line, way, TOTAL);
        // Both ways, or the end whose limit comes a moment earlier would reset the other one.
        line.valve.shut();
        assert_broken_off(reader, TOTAL);
        until_reset(&mut sender);
        line.assert_told("idle");
    }
}

#[test]
fn a_network_that_resets_within_a_record_leaves_resets_at_both_ends_and_no_part_of_it() {
    const TOTAL: u64 = 100_000;
    for way in [Way::Outward, Way::Inward] {
        let line = Line::laid();
        let (mut sender, reader) = stopped(&line, way, TOTAL);
        line.valve.cut();
        assert_broken_off(reader, TOTAL);
        until_reset(&mut sender);
        line.assert_told("source_reset");
    }
}

#[test]
fn a_network_that_resets_while_both_ends_send_leaves_each_a_part_and_a_reset() {
    const TOTAL: u64 = 1 << 30;
    const MIDDLE: u64 = 1 << 20;
    let line = Line::laid();
    let (near, far) = line.ends();
    let busy = |mut end: TcpStream| {
        let mut sender = end.twin();
        let sending = std::thread::spawn(move || pattern::send(&mut sender, TOTAL));
        (
            std::thread::spawn(move || pattern::receive(&mut end)),
            sending,
        )
    };
    let ends = [busy(near), busy(far)];
    for way in [Way::Outward, Way::Inward] {
        line.valve.allow(way, MIDDLE);
        line.until_held(way);
    }
    line.valve.cut();
    for (reading, sending) in ends {
        let (came, end) = reading.join().unwrap();
        assert!((MIDDLE / 2..TOTAL).contains(&came), "{came}");
        // The system tells each end of it once: whichever asks first.
        let told = [end, sending.join().unwrap()].map(|end| end.map_err(|error| error.kind()));
        assert!(told.contains(&Err(ErrorKind::ConnectionReset)), "{told:?}");
    }
    line.assert_told("source_reset");
}

#[test]
fn a_network_that_resets_within_a_handshake_costs_the_service_no_connection() {
    for way in [Way::Outward, Way::Inward] {
        let line = Line::laid();
        line.valve.allow(way, 100);
        let mut near = line.program.connect("persona");
        line.until_held(way);
        line.valve.cut();
        assert_eq!(until_reset(&mut near), 0);
        line.assert_told("handshake_closed");
        assert!(line.services.try_recv().is_err());
    }
}
