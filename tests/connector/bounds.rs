//! Several addresses of a host, the quotas of users, and the table of connections.

use std::io::{Read, Write};
use std::net::SocketAddr;

use serde_json::json;

use super::support::backend;
use super::support::black_hole::BlackHole;
use super::support::certs::TestPki;
use super::support::connector::{Tables, answer, connector, granted, hearing, set, user_client};
use super::support::metrics::Scrape;
use super::support::pairs::{lone_address, with};
use super::support::postgres::Postgres;
use super::support::program::Program;
use super::support::tls::TlsPeer;
use super::support::wait::until;

/// Tells who it is, and stays.
fn named(name: &'static [u8]) -> SocketAddr {
    backend::service(move |mut stream| {
        let _ = stream.write_all(name);
        let _ = stream.read(&mut [0]);
    })
}

fn name_of(peer: &mut TlsPeer) -> char {
    let mut name = [0];
    peer.read_exact(&mut name).unwrap();
    name[0].into()
}

#[test]
fn connections_go_to_the_address_that_has_the_fewest() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let both = format!("{}, {}", named(b"a"), named(b"b"));
    tables.host("db", both, "acme", "alice", "");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    let mut peers: Vec<_> = (0..4).map(|_| granted(&program, &alice, "db")).collect();
    let names: String = peers.iter_mut().map(name_of).collect();
    assert_eq!(names, "abab");
    // Where one has gone, there is room.
    drop(peers.remove(2));
    program.access("connector", 0);
    assert_eq!(name_of(&mut granted(&program, &alice, "db")), 'a');
}

#[test]
fn an_address_that_cannot_be_reached_costs_no_connection_while_another_can() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let hole = BlackHole::open();
    let dead = lone_address();
    let alive = named(b"a");
    let all = format!("{dead},{},no-such-host.invalid:1,{alive}", hole.address());
    tables.host("db", all, "acme", "alice", "");
    tables.host(
        "none",
        format!("{dead},{}", hole.address()),
        "acme",
        "alice",
        "",
    );
    let config = connector(&pki, &postgres, &tables);
    let program = Program::run(&with(config, "/timeouts/connect", "1s"));
    let alice = user_client(&pki, "acme", "alice");
    assert_eq!(name_of(&mut granted(&program, &alice, "db")), 'a');
    assert_eq!(
        answer(&program, &alice, "none"),
        "ERROR: host unreachable\n"
    );
    let access = until("the line of the host that is not there", || {
        let accesses = program.accesses("connector");
        accesses
            .into_iter()
            .find(|access| access.get("connect_id") == "none")
    });
    assert_eq!(access.reason(), "connect_timeout");
}

#[test]
fn users_and_organisations_have_so_many_connections_and_no_more() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", named(b"a"), "acme", "alice,bob,dave", "");
    let limits = json!({"user_connections": 1, "org_connections": 2});
    let config = set(connector(&pki, &postgres, &tables), "limits", limits);
    let program = Program::run(&config);
    let [alice, bob, dave] = ["alice", "bob", "dave"].map(|name| user_client(&pki, "acme", name));
    let first = granted(&program, &alice, "db");
    let _second = granted(&program, &bob, "db");
    for client in [&alice, &dave] {
        assert_eq!(
            answer(&program, client, "db"),
            "ERROR: too many connections\n"
        );
    }
    assert_eq!(program.access("connector", 0).reason(), "rate_limited");
    drop(first);
    until("room", || {
        (answer(&program, &dave, "db") == "OK\n").then_some(())
    });
}

#[test]
fn users_open_so_many_connections_in_a_minute_and_refused_ones_count() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let config = set(
        connector(&pki, &postgres, &tables),
        "limits",
        json!({"user_rate": 3}),
    );
    let program = Program::run(&config);
    let alice = user_client(&pki, "acme", "alice");
    for _ in 0..3 {
        assert_eq!(
            answer(&program, &alice, "unknown"),
            "ERROR: not authorized\n"
        );
    }
    assert_eq!(
        answer(&program, &alice, "unknown"),
        "ERROR: too many connections\n"
    );
    let bob = user_client(&pki, "acme", "bob");
    assert_eq!(answer(&program, &bob, "unknown"), "ERROR: not authorized\n");
}

const ROWS: &str =
    "select org_id, user_id, connect_id, outbound, bytes_outward, bytes_inward, reason
    from connection_log order by reason";

#[test]
fn connections_that_have_ended_are_rows_of_a_table_the_refused_ones_too() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let count = backend::count();
    tables.host("db", count, "acme", "alice", "");
    let config = set(connector(&pki, &postgres, &tables), "connection_log", true);
    let mut program = Program::run(&config);
    let alice = user_client(&pki, "acme", "alice");
    let mut peer = granted(&program, &alice, "db");
    peer.write_all(b"hello").unwrap();
    peer.end().unwrap();
    peer.read_to_end(&mut Vec::new()).unwrap();
    answer(&program, &alice, "unknown");
    let nobody = super::support::connector::client(&pki, &[]);
    answer(&program, &nobody, "db");
    program.access("connector", 2);
    // The last ones are not waited for by anybody but the end.
    program.signal("TERM");
    assert!(program.exit().success());
    let rows = format!(
        "acme|alice|db|{count}|5|1|completed\n\
         acme|alice|unknown||0|0|not_authorized\n\
         ||||0|0|spiffe_invalid"
    );
    assert_eq!(tables.route.query(ROWS), rows);
}

#[test]
fn a_row_that_the_database_has_no_characters_for_keeps_no_other_one_from_the_table() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::in_encoding(&postgres, "LATIN1");
    tables.run("insert into users (user_id, org_id) values ('alice', 'acme')");
    tables.host("db", backend::echo(), "acme", "alice", "");
    let config = set(connector(&pki, &postgres, &tables), "connection_log", true);
    let mut program = Program::run(&config);
    let alice = user_client(&pki, "acme", "alice");
    for (host, told) in [("\u{65e5}", "ERROR: not authorized\n"), ("db", "OK\n")] {
        assert_eq!(answer(&program, &alice, host), told);
    }
    program.access("connector", 1);
    program.signal("TERM");
    assert!(program.exit().success());
    let hosts = "select connect_id from connection_log order by connect_id";
    assert_eq!(tables.route.query(hosts), "\\u{65e5}\ndb");
}

#[test]
fn rows_wait_for_a_database_that_is_away_and_no_connection_waits_for_them() {
    let (mut postgres, pki) = (Postgres::start(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    let config = set(connector(&pki, &postgres, &tables), "connection_log", true);
    let config = set(config, "cache", json!({"lifetime": "1h"}));
    // What it begins to know behind that, it goes on knowing.
    let program = hearing(&config, &tables);
    let alice = user_client(&pki, "acme", "alice");
    assert_eq!(answer(&program, &alice, "db"), "OK\n");
    postgres.stop();
    for _ in 0..5 {
        assert_eq!(answer(&program, &alice, "db"), "OK\n");
    }
    program.access("connector", 5);
    postgres.start_again();
    until("the rows", || {
        let count = tables.route.psql("select count(*) from connection_log");
        (count.out == "6").then_some(())
    });
}

#[test]
fn what_is_decided_is_counted() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    let program = hearing(&connector(&pki, &postgres, &tables), &tables);
    let scrape = || Scrape::take(program.admin("everything"));
    let alice = user_client(&pki, "acme", "alice");
    for (host, told) in [
        ("db", "OK\n"),
        ("db", "OK\n"),
        ("unknown", "ERROR: not authorized\n"),
    ] {
        assert_eq!(answer(&program, &alice, host), told);
    }
    // A question waits until its answer is handed on.
    let scrape = until("no question to wait", || {
        let waiting = "mtls_persona_connector_questions_waiting";
        Some(scrape()).filter(|scrape| scrape.count(waiting, &[]) == 0)
    });
    let decisions = |result| {
        scrape.count(
            "mtls_persona_connector_decisions_total",
            &[("result", result)],
        )
    };
    let results = ["granted", "refused", "unavailable", "overloaded", "limited"].map(decisions);
    assert_eq!(results, [2, 1, 0, 0, 0]);
    assert_eq!(
        scrape.count("mtls_persona_connector_known_grants_total", &[]),
        1
    );
    assert_eq!(scrape.count("mtls_persona_connector_lookups_total", &[]), 2);
    assert_eq!(
        scrape.count("mtls_persona_connector_rows_lost_total", &[]),
        0
    );
    assert!(scrape.sum("mtls_persona_connector_lookup_seconds_total", &[]) > 0.0);
}
