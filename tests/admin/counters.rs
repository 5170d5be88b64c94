//! What is counted right after known traffic.

use std::io::{Read, Write};
use std::net::Shutdown;

use serde_json::json;

use super::support::certs::TestPki;
use super::support::metrics::Scrape;
use super::support::program::{Program, with_descriptors};
use super::support::wait::until;
use super::support::{backend, pairs};
use super::{exchange, ping, program, scrape, told};

const PAIRS: [&str; 2] = ["persona", "gateway"];

fn bytes(scrape: &Scrape, pair: &str) -> [u64; 2] {
    ["outward", "inward"].map(|direction| {
        let labels = [("pair", pair), ("direction", direction)];
        scrape.count("mtls_persona_bytes_proxied_total", &labels)
    })
}

/// Full and resumed handshakes.
fn handshakes(scrape: &Scrape, pair: &str, role: &str) -> [u64; 2] {
    ["false", "true"].map(|resumed| {
        let labels = [("pair", pair), ("role", role), ("resumed", resumed)];
        scrape.count("mtls_persona_tls_handshake_duration_seconds_count", &labels)
    })
}

#[test]
fn bytes_handshakes_and_ends_are_counted_exactly() {
    let pki = TestPki::new();
    let (program, _) = program(&pki);
    exchange(program.connect("persona"), 3_000_000);
    for pair in PAIRS {
        program.access(pair, 0);
    }
    exchange(program.connect("persona"), 5);
    for pair in PAIRS {
        program.access(pair, 1);
    }
    let scrape = scrape(&program);
    for (pair, role) in [("persona", "client"), ("gateway", "server")] {
        let of_pair = [("pair", pair)];
        assert_eq!(scrape.count("mtls_persona_connections_total", &of_pair), 2);
        assert_eq!(scrape.count("mtls_persona_active_connections", &of_pair), 0);
        assert_eq!(bytes(&scrape, pair), [3_000_005; 2]);
        // The first is full, and the second goes back to it.
        assert_eq!(handshakes(&scrape, pair, role), [1, 1]);
        let completed = [("pair", pair), ("reason", "completed")];
        let closes = "mtls_persona_connection_closes_total";
        assert_eq!(scrape.count(closes, &completed), 2);
        assert_eq!(scrape.count(closes, &of_pair), 2);
        let durations = "mtls_persona_connection_duration_seconds";
        assert_eq!(scrape.count(&format!("{durations}_count"), &of_pair), 2);
        let all = [("pair", pair), ("le", "+Inf")];
        assert_eq!(scrape.count(&format!("{durations}_bucket"), &all), 2);
        let failed = "mtls_persona_tls_handshake_failures_total";
        assert_eq!(scrape.count(failed, &of_pair), 0);
        assert_eq!(scrape.count("mtls_persona_dial_errors_total", &of_pair), 0);
        let admitted = [("pair", pair), ("role", role), ("result", "allow")];
        assert_eq!(
            scrape.count("mtls_persona_acl_decisions_total", &admitted),
            2
        );
    }
}

#[test]
fn outward_is_from_the_inbound_leg_to_the_outbound_one() {
    let pki = TestPki::new();
    let program = Program::run(&told(pairs::both(&pki, backend::count())));
    let mut stream = program.connect("persona");
    stream.write_all(&[7; 1234]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "1234");
    for pair in PAIRS {
        program.access(pair, 0);
        assert_eq!(bytes(&scrape(&program), pair), [1234, 4]);
    }
}

#[test]
fn a_live_connection_is_counted_while_it_lives() {
    let pki = TestPki::new();
    let (program, _) = program(&pki);
    let mut live = program.connect("persona");
    ping(&mut live);
    for pair in PAIRS {
        until("its bytes", || {
            let scrape = scrape(&program);
            assert_eq!(
                scrape.count("mtls_persona_active_connections", &[("pair", pair)]),
                1
            );
            (bytes(&scrape, pair) == [4, 4]).then_some(())
        });
    }
    let scrape = scrape(&program);
    let closes = "mtls_persona_connection_closes_total";
    assert_eq!(scrape.count(closes, &[]), 0);
    // A persona and a gateway have two.
    assert_eq!(scrape.count("mtls_persona_open_connections", &[]), 2);
    assert_eq!(scrape.count("mtls_persona_worker_connections", &[]), 2);
    assert_eq!(scrape.count("mtls_persona_handshakes_under_way", &[]), 0);
}

#[test]
fn destinations_that_cannot_be_reached_are_counted_by_reason() {
    let pki = TestPki::new();
    let config = pairs::with_nameless(pairs::client(&pki, pairs::lone_address()));
    let program = Program::run(&told(config));
    for pair in ["persona", "nameless"] {
        let mut stream = program.connect(pair);
        assert!(stream.read(&mut [0]).is_err());
        program.access(pair, 0);
    }
    let scrape = scrape(&program);
    let errors = "mtls_persona_dial_errors_total";
    for (pair, reason) in [("persona", "connect_refused"), ("nameless", "dns_error")] {
        let labels = [("pair", pair), ("reason", reason)];
        assert_eq!(scrape.count(errors, &labels), 1);
        assert_eq!(scrape.count(errors, &labels[..1]), 1);
        let closes = "mtls_persona_connection_closes_total";
        assert_eq!(scrape.count(closes, &labels), 1);
    }
    assert_eq!(scrape.count("mtls_persona_dns_lookups_total", &[]), 1);
    // A resolver that says nothing for ten seconds has not failed yet.
    assert!(scrape.count("mtls_persona_dns_failures_total", &[]) <= 1);
}

#[test]
fn a_name_without_an_address_is_a_look_up_that_failed() {
    let pki = TestPki::new();
    let mut config = pairs::client(&pki, ([127, 0, 0, 1], 1).into());
    // Longer than a name may be (RFC 1035, 2.3.4), which no resolver has to be asked about.
    let labels = vec!["a".repeat(60); 4].join(".");
    config["address_pairs"][0]["outbound"] = json!(format!("{labels}.invalid:1"));
    let program = Program::run(&told(config));
    assert!(program.connect("persona").read(&mut [0]).is_err());
    until("the failure", || {
        (scrape(&program).count("mtls_persona_dns_failures_total", &[]) == 1).then_some(())
    });
}

#[test]
fn a_limit_that_is_reached_is_counted() {
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    config["address_pairs"][0]["limits"] = json!({ "connections": 1 });
    let program = Program::run(&told(config));
    let mut first = program.connect("persona");
    ping(&mut first);
    let mut second = program.connect("persona");
    second.write_all(b"ping").unwrap();
    let reached = |limit| {
        let labels = [("pair", "persona"), ("limit", limit)];
        scrape(&program).count("mtls_persona_limit_reached_total", &labels)
    };
    until("the limit", || {
        (reached("pair_connections") == 1).then_some(())
    });
    drop(first);
    let mut answer = [0; 4];
    second.read_exact(&mut answer).unwrap();
    assert_eq!((reached("connections"), reached("handshakes")), (0, 0));
}

#[test]
fn the_process_and_its_workers_are_told() {
    let pki = TestPki::new();
    let config = pairs::with(pairs::both(&pki, backend::echo()), "/workers", 3);
    let program = Program::run(&told(config));
    let open = |scrape: &Scrape| scrape.count("process_open_fds", &[]);
    // The question itself is one.
    let quiet = |what: &str, more: usize| {
        until(what, || {
            let scrape = scrape(&program);
            let count = program.descriptors();
            (open(&scrape) == (count + 1) as u64 && count >= more).then_some((scrape, count))
        })
    };
    let (before, count) = quiet("the descriptors of nobody", 0);
    let mut live: Vec<_> = (0..8).map(|_| program.connect("persona")).collect();
    live.iter_mut().for_each(ping);
    // Two legs each, and two halves.
    let (after, _) = quiet("the descriptors of eight connections", count + 8 * 4);
    assert!(open(&after) < after.count("process_max_fds", &[]));
    assert!(after.sum("process_resident_memory_bytes", &[]) > 1e6);
    for worker in ["0", "1", "2"] {
        let of_worker = [("worker", worker)];
        let turns = |scrape: &Scrape| scrape.count("mtls_persona_worker_turns_total", &of_worker);
        assert!(turns(&after) > turns(&before), "{worker}");
        let busy =
            |scrape: &Scrape| scrape.sum("mtls_persona_worker_cpu_seconds_total", &of_worker);
        assert!(busy(&after) > busy(&before), "{worker}");
    }
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(after.count("mtls_persona_build_info", &version), 1);
    let is_module = u64::from(mtls_persona::tls::is_fips());
    assert_eq!(after.count("mtls_persona_fips_enabled", &[]), is_module);
    assert_eq!(after.count("mtls_persona_fips_in_effect", &[]), 0);
    let states = ["full", "partial", "unavailable", "off"];
    let held = states.map(|state| after.count("mtls_persona_landlock", &[("state", state)]));
    assert_eq!(held.iter().sum::<u64>(), 1);
    for stream in &live {
        stream.shutdown(Shutdown::Both).unwrap();
    }
}

#[test]
fn who_stays_when_it_is_over_costs_the_workers_next_to_nothing() {
    let pki = TestPki::new();
    let program = Program::run(&told(pairs::server(&pki, backend::echo())));
    let mut stranger = program.connect("gateway");
    stranger.write_all(b"this is no TLS").unwrap();
    // An alert, if the library sends one to those who speak no TLS, and the end.
    stranger.read_to_end(&mut Vec::new()).unwrap();
    let scrape = until("it to be given up", || {
        let scrape = scrape(&program);
        (scrape.count("mtls_persona_open_connections", &[]) == 0).then_some(scrape)
    });
    let turns = scrape.count("mtls_persona_worker_turns_total", &[]);
    assert!(turns < 100, "{turns}");
    drop(stranger);
}

#[test]
fn what_was_negotiated_is_counted_by_kind_and_word() {
    let pki = TestPki::new();
    let (program, _) = program(&pki);
    let seen = |scrape: &Scrape, parameter: &str| {
        let labels = [("parameter", parameter)];
        scrape.count("mtls_persona_tls_negotiated_total", &labels)
    };
    let before = scrape(&program);
    ping(&mut program.connect("persona"));
    let after = scrape(&program);
    for parameter in ["version", "suite", "group", "signature"] {
        // Both halves of one connection are in this program.
        assert_eq!(seen(&before, parameter), 0, "{parameter}");
        assert_eq!(seen(&after, parameter), 2, "{parameter}");
    }
    let labels = [("parameter", "version"), ("value", "TLSv1.3")];
    assert_eq!(after.count("mtls_persona_tls_negotiated_total", &labels), 2);
}

#[test]
fn running_out_of_descriptors_is_counted() {
    let pki = TestPki::new();
    let config = pairs::with(
        pairs::server(&pki, backend::echo()),
        "/limits/connections",
        1000,
    );
    let config = told(pairs::with(config, "/timeouts/handshake", "10m"));
    let program = Program::run_with(&config, |command| with_descriptors(command, 64));
    let errors = || scrape(&program).count("mtls_persona_accept_errors_total", &[]);
    assert_eq!(errors(), 0);
    let silent: Vec<_> = (0..64).map(|_| program.connect("gateway")).collect();
    until("the want to be told", || {
        program.has_line(" ERROR ").then_some(())
    });
    drop(silent);
    until("the want to be counted", || (errors() > 0).then_some(()));
}
