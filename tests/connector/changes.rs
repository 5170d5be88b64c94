//! What is known, and what becomes of it when the database changes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::support::backend;
use super::support::certs::TestPki;
use super::support::connector::{
    Tables, answer, connector, granted, hearing, is_alive, set, user_client,
};
use super::support::metrics::Scrape;
use super::support::pairs::with;
use super::support::postgres::Postgres;
use super::support::program::Program;
use super::support::wait::until;

const NO: &str = "ERROR: not authorized\n";

/// What ends a grant of alice to `db`, and what gives it again.
const CHANGES: [(&str, &str); 5] = [
    (
        "update backend_hosts set user_ids = '{bob}' where connect_id = 'db'",
        "update backend_hosts set user_ids = '{alice}' where connect_id = 'db'",
    ),
    (
        "delete from users where user_id = 'alice'",
        "insert into users (user_id, org_id) values ('alice', 'acme')",
    ),
    (
        "update backend_hosts set connect_id = 'elsewhere' where connect_id = 'db'",
        "update backend_hosts set connect_id = 'db' where connect_id = 'elsewhere'",
    ),
    (
        "update backend_hosts set org_id = 'globex' where connect_id = 'db'",
        "update backend_hosts set org_id = 'acme' where connect_id = 'db'",
    ),
    (
        "truncate users",
        "insert into users (user_id, org_id) values ('alice', 'acme')",
    ),
];

#[test]
fn a_revoked_grant_ends_new_decisions_at_once_and_a_new_one_begins_them() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    let config = connector(&pki, &postgres, &tables);
    // Nothing but what is heard can end a grant.
    let config = set(config, "cache", serde_json::json!({"lifetime": "1h"}));
    let program = hearing(&config, &tables);
    let alice = user_client(&pki, "acme", "alice");
    for (revoke, grant) in CHANGES {
        assert_eq!(answer(&program, &alice, "db"), "OK\n");
        tables.run(revoke);
        until("the grant to end", || {
            (answer(&program, &alice, "db") == NO).then_some(())
        });
        tables.run(grant);
        assert_eq!(
            answer(&program, &alice, "db"),
            "OK\n",
            "a refusal is not kept: {revoke}"
        );
    }
}

#[test]
fn the_end_of_a_membership_is_heard_too() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "", "ops");
    let config = connector(&pki, &postgres, &tables);
    let config = set(config, "cache", serde_json::json!({"lifetime": "1h"}));
    let program = hearing(&config, &tables);
    let bob = user_client(&pki, "acme", "bob");
    for revoke in [
        "update teams set user_ids = '{}' where team_id = 'ops'",
        "update teams set org_id = 'globex', user_ids = '{bob}' where team_id = 'ops'",
        "delete from teams where team_id = 'ops'",
    ] {
        tables.run(
            "insert into teams (team_id, org_id, user_ids) values ('ops', 'acme', '{bob}')
            on conflict (team_id) do update set org_id = 'acme', user_ids = '{bob}'",
        );
        assert_eq!(answer(&program, &bob, "db"), "OK\n");
        tables.run(revoke);
        until("the grant to end", || {
            (answer(&program, &bob, "db") == NO).then_some(())
        });
    }
}

#[test]
fn a_change_of_thousands_of_rows_is_heard_as_well_as_one_of_an_endless_name() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    let config = connector(&pki, &postgres, &tables);
    let config = set(config, "cache", serde_json::json!({"lifetime": "1h"}));
    let program = hearing(&config, &tables);
    let alice = user_client(&pki, "acme", "alice");
    tables.run("insert into users (user_id, org_id) select 'u' || n, 'acme' from generate_series(1, 5000) n");
    tables.run("insert into users (user_id, org_id) values (repeat('x', 100000), 'acme')");
    assert_eq!(answer(&program, &alice, "db"), "OK\n");
    tables.run("update users set org_id = 'globex'");
    until("the grants to end", || {
        (answer(&program, &alice, "db") == NO).then_some(())
    });
}

#[test]
fn without_a_word_of_changes_a_grant_ends_with_its_lifetime() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    for table in ["backend_hosts", "teams", "users"] {
        tables.run(&format!("alter table {table} disable trigger user"));
    }
    let config = connector(&pki, &postgres, &tables);
    let config = set(config, "cache", serde_json::json!({"lifetime": "1s"}));
    let program = hearing(&config, &tables);
    let alice = user_client(&pki, "acme", "alice");
    assert_eq!(answer(&program, &alice, "db"), "OK\n");
    tables.run("update backend_hosts set user_ids = '{}'");
    until("the grant to end", || {
        (answer(&program, &alice, "db") == NO).then_some(())
    });
}

#[test]
fn with_on_revoke_close_live_connections_of_the_revoked_end_and_those_of_others_stay() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let echo = backend::echo();
    tables.host("db", echo, "acme", "alice,dave", "");
    tables.host("web", echo, "acme", "alice", "");
    let config = connector(&pki, &postgres, &tables);
    let program = hearing(&set(config, "on_revoke", "close"), &tables);
    let (alice, dave) = (
        user_client(&pki, "acme", "alice"),
        user_client(&pki, "acme", "dave"),
    );
    let mut revoked = granted(&program, &alice, "db");
    let mut others = [
        granted(&program, &dave, "db"),
        granted(&program, &alice, "web"),
    ];
    assert!(is_alive(&mut revoked) && others.iter_mut().all(is_alive));
    tables.run("update backend_hosts set user_ids = '{dave}' where connect_id = 'db'");
    let mut rest = Vec::new();
    assert!(
        revoked.read_to_end(&mut rest).is_err(),
        "it is no clean end"
    );
    let access = program.access("connector", 0);
    assert_eq!(
        (access.reason(), access.get("connect_id")),
        ("revoked", "db")
    );
    assert!(others.iter_mut().all(is_alive));
    assert_eq!(program.accesses("connector").len(), 1);
}

#[test]
fn a_reload_that_changes_the_directory_takes_no_live_connection_out_of_hearing() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    let config = connector(&pki, &postgres, &tables);
    let config = set(config, "on_revoke", "close");
    let config = with(config, "/admin/listen", "127.0.0.1:0");
    let alice = user_client(&pki, "acme", "alice");
    for (key, value) in [
        ("cache", serde_json::json!({"lifetime": "1h"})),
        ("database/timeout", "4s".into()),
    ] {
        let listeners = || {
            tables.route.query(
                "select pid from pg_stat_activity
                where datname = current_database() and query like 'LISTEN%'",
            )
        };
        let program = hearing(&config, &tables);
        let first = listeners();
        let mut live = granted(&program, &alice, "db");
        program.reconfigure(&set(config.clone(), key, value));
        program.reload();
        until("another connection to hear alone", || {
            let now = listeners();
            (now != first && now.lines().count() == 1).then_some(())
        });
        assert!(is_alive(&mut live));
        tables.run("update backend_hosts set user_ids = '{}'");
        let end = live.read_to_end(&mut Vec::new());
        assert!(end.is_err(), "{key}: it is no clean end");
        assert_eq!(program.access("connector", 0).reason(), "revoked", "{key}");
        tables.run("update backend_hosts set user_ids = '{alice}'");
    }
}

/// Something before a database that breaks a connection behind the text that it notifies, and lets nobody in
/// from then on.
fn breaking_behind(text: &'static [u8], database: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let is_shut = Arc::new(AtomicBool::new(false));
    std::thread::spawn(move || {
        for inbound in listener.incoming().map_while(Result::ok) {
            if is_shut.load(Ordering::SeqCst) {
                continue;
            }
            let outbound = TcpStream::connect(database).unwrap();
            let (mut from, mut to) = (inbound.try_clone().unwrap(), outbound.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            let is_shut = Arc::clone(&is_shut);
            std::thread::spawn(move || pass_up_to(text, outbound, inbound, &is_shut));
        }
    });
    address
}

fn pass_up_to(text: &[u8], mut from: TcpStream, mut to: TcpStream, is_shut: &AtomicBool) {
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let is_last = piece[..count].windows(text.len()).any(|part| part == text);
        is_shut.fetch_or(is_last, Ordering::SeqCst);
        if to.write_all(&piece[..count]).is_err() || is_last {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn what_was_heard_holds_though_the_connection_breaks_behind_it() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    let between = breaking_behind(b"host db", postgres.address());
    let config = connector(&pki, &postgres, &tables);
    let config = set(config, "cache", serde_json::json!({"lifetime": "1h"}));
    let config = set(config, "database/port", between.port());
    // One connection asks, which stays, and one hears, which cannot come back.
    let config = set(config, "database/connections", 1);
    let program = hearing(&config, &tables);
    let alice = user_client(&pki, "acme", "alice");
    assert_eq!(answer(&program, &alice, "db"), "OK\n");
    tables.run("update backend_hosts set user_ids = '{}'");
    until("the grant to end", || {
        (answer(&program, &alice, "db") == NO).then_some(())
    });
}

/// Something before a database that breaks every connection on which that text is said.
fn refusing(text: &'static [u8], database: SocketAddr) -> SocketAddr {
    backend::service(move |mut inbound| {
        let outbound = TcpStream::connect(database).unwrap();
        let (mut back, mut to) = (outbound.try_clone().unwrap(), inbound.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut back, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = inbound.read(&mut piece) {
            let is_said = piece[..count].windows(text.len()).any(|part| part == text);
            if is_said || (&outbound).write_all(&piece[..count]).is_err() {
                break;
            }
        }
        let _ = outbound.shutdown(Shutdown::Both);
    })
}

#[test]
fn where_no_change_can_be_heard_of_live_connections_are_asked_for_again_at_every_lifetime() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    let between = refusing(b"LISTEN", postgres.address());
    let config = connector(&pki, &postgres, &tables);
    let config = set(config, "on_revoke", "close");
    let config = set(config, "cache", serde_json::json!({"lifetime": "200ms"}));
    let config = set(config, "database/port", between.port());
    let config = with(config, "/admin/listen", "127.0.0.1:0");
    let program = Program::run(&config);
    let mut live = granted(&program, &user_client(&pki, "acme", "alice"), "db");
    assert!(is_alive(&mut live));
    let scrape = Scrape::take(program.admin("everything"));
    let unheard = "mtls_persona_connector_databases_unheard";
    assert_eq!(scrape.count(unheard, &[]), 1);
    tables.run("update backend_hosts set user_ids = '{}'");
    assert!(live.read_to_end(&mut Vec::new()).is_err());
    assert_eq!(program.access("connector", 0).reason(), "revoked");
}

#[test]
fn with_on_revoke_keep_live_connections_stay() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    let config = connector(&pki, &postgres, &tables);
    let program = hearing(&config, &tables);
    let alice = user_client(&pki, "acme", "alice");
    let mut live = granted(&program, &alice, "db");
    tables.run("delete from users where user_id = 'alice'");
    until("the grant to end", || {
        (answer(&program, &alice, "db") == NO).then_some(())
    });
    assert!(is_alive(&mut live));
}
