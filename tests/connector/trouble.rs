//! A database that is not there, comes back, is silent or slow.

use std::io::Read;

use serde_json::{Value, json};

use super::support::backend;
use super::support::certs::{IdentityFiles, TestPki};
use super::support::connector::{
    Tables, answer, connector, granted, granted_at_last, hearing, is_alive, user_client,
};
use super::support::pairs::with;
use super::support::postgres::Postgres;
use super::support::program::Program;
use super::support::valve::Valve;
use super::support::wait::until;

const LATER: &str = "ERROR: temporarily unavailable\n";

fn patient(config: Value, timeout: &str) -> Value {
    with(
        config,
        "/address_pairs/0/directory/database/timeout",
        timeout,
    )
}

#[test]
fn while_the_database_is_down_live_connections_and_known_grants_hold_and_it_comes_back_by_itself() {
    let (mut postgres, pki) = (Postgres::start(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice,dave", "");
    let config = connector(&pki, &postgres, &tables);
    let config = with(config, "/address_pairs/0/directory/on_revoke", "close");
    let lifetime = json!({"lifetime": "1h"});
    let config = with(config, "/address_pairs/0/directory/cache", lifetime);
    let program = hearing(&config, &tables);
    let (alice, dave) = (
        user_client(&pki, "acme", "alice"),
        user_client(&pki, "acme", "dave"),
    );
    let mut live = granted(&program, &alice, "db");
    postgres.stop();
    assert_eq!(answer(&program, &dave, "db"), LATER);
    assert_eq!(answer(&program, &alice, "db"), "OK\n");
    assert!(is_alive(&mut live));
    let refused = until("the refusal's line", || {
        let accesses = program.accesses("connector");
        accesses
            .into_iter()
            .find(|access| access.reason() == "database_error")
    });
    assert!(!refused.get("detail").is_empty());
    postgres.start_again();
    until("the database to be asked again", || {
        (answer(&program, &dave, "db") == "OK\n").then_some(())
    });
    assert!(is_alive(&mut live));
    // It hears again, too.
    tables.run("update backend_hosts set user_ids = '{dave}'");
    let mut rest = Vec::new();
    assert!(live.read_to_end(&mut rest).is_err());
}

#[test]
fn a_connector_starts_without_its_database_and_serves_once_it_is_there() {
    let (mut postgres, pki) = (Postgres::start(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    postgres.stop();
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    assert_eq!(answer(&program, &alice, "db"), LATER);
    postgres.start_again();
    until("the database to be asked", || {
        (answer(&program, &alice, "db") == "OK\n").then_some(())
    });
}

#[test]
fn a_restart_of_the_database_between_two_questions_is_noticed_by_nobody() {
    let (mut postgres, pki) = (Postgres::start(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice,dave", "");
    let config = connector(&pki, &postgres, &tables);
    // The one that is asked again is the one that has broken.
    let connections = "/address_pairs/0/directory/database/connections";
    let program = Program::run(&with(config, connections, 1));
    for name in ["alice", "dave"] {
        let client = user_client(&pki, "acme", name);
        assert_eq!(answer(&program, &client, "db"), "OK\n", "{name}");
        postgres.stop();
        postgres.start_again();
    }
}

#[test]
fn a_database_that_has_gone_silent_costs_askers_their_patience_and_no_thread_for_ever() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice,dave", "");
    let valve = Valve::before(postgres.address());
    let config = patient(connector(&pki, &postgres, &tables), "500ms");
    let config = with(
        config,
        "/address_pairs/0/directory/database/port",
        valve.address.port(),
    );
    let config = with(config, "/address_pairs/0/directory/database/connections", 1);
    let program = Program::run(&config);
    let (alice, dave) = (
        user_client(&pki, "acme", "alice"),
        user_client(&pki, "acme", "dave"),
    );
    let mut live = granted_at_last(&program, &alice, "db");
    valve.shut();
    for _ in 0..3 {
        assert_eq!(answer(&program, &dave, "db"), LATER);
    }
    assert!(is_alive(&mut live));
    valve.open();
    until("the database to be asked again", || {
        (answer(&program, &dave, "db") == "OK\n").then_some(())
    });
}

#[test]
fn a_slow_database_is_given_up_while_connections_flow_and_nothing_of_it_comes_late() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice,dave", "");
    let config = patient(connector(&pki, &postgres, &tables), "500ms");
    let program = Program::run(&config);
    let (alice, dave) = (
        user_client(&pki, "acme", "alice"),
        user_client(&pki, "acme", "dave"),
    );
    let mut live = granted_at_last(&program, &alice, "db");
    let mut locker = tables.route.session();
    locker.ask("begin; lock table users in access exclusive mode");
    for _ in 0..3 {
        assert_eq!(answer(&program, &dave, "db"), LATER);
        assert!(is_alive(&mut live));
    }
    locker.ask("commit");
    until("the database to be asked again", || {
        (answer(&program, &dave, "db") == "OK\n").then_some(())
    });
}

#[test]
fn a_database_that_refuses_the_question_grants_nothing() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    tables.run("alter table teams rename to squads");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    assert_eq!(answer(&program, &alice, "db"), LATER);
    let access = program.access("connector", 0);
    assert_eq!(access.reason(), "database_error");
    assert!(access.get("detail").contains("teams"), "{access:?}");
}

#[test]
fn a_host_without_an_address_is_nobodys_trouble_but_its_own() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let echo = backend::echo();
    tables.host("db", echo, "acme", "alice", "");
    tables.host("none", echo, "acme", "alice", "");
    tables.run("alter table backend_hosts alter column internal_ip_addr drop not null");
    tables.run("update backend_hosts set internal_ip_addr = null where connect_id = 'none'");
    let config = connector(&pki, &postgres, &tables);
    let config = with(config, "/address_pairs/0/directory/database/connections", 1);
    let cache = json!({"lifetime": 0});
    let program = Program::run(&with(config, "/address_pairs/0/directory/cache", cache));
    let alice = user_client(&pki, "acme", "alice");
    for index in [0, 2, 4] {
        assert_eq!(
            answer(&program, &alice, "none"),
            "ERROR: host unreachable\n"
        );
        assert_eq!(program.access("connector", index).reason(), "route_invalid");
        assert_eq!(answer(&program, &alice, "db"), "OK\n");
        program.access("connector", index + 1);
    }
}

/// A server that speaks TLS, and the role `connector`, who has a password.
fn with_tls_and_password(postgres: &mut Postgres, tables: &Tables, files: &IdentityFiles) {
    for (setting, file) in [("ssl_cert_file", &files.cert), ("ssl_key_file", &files.key)] {
        let own = postgres.own_file(file);
        tables.run(&format!("alter system set {setting} = '{}'", own.display()));
    }
    tables.run("alter system set ssl = on");
    tables.run("alter system set password_encryption = 'scram-sha-256'");
    tables.run("select pg_reload_conf()");
    tables.run("create role connector login password 's3cret word'");
    tables.run("grant select on backend_hosts, teams, users to connector");
    postgres.demand_password("connector");
}

#[test]
fn a_database_is_reached_by_verified_tls_and_a_password_that_nobody_is_shown() {
    let (mut postgres, pki) = (Postgres::start(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    with_tls_and_password(&mut postgres, &tables, &pki.server("localhost"));
    let password = pki.folder().join("password");
    std::fs::write(&password, "s3cret word\nnot this line\n").unwrap();
    let config = connector(&pki, &postgres, &tables);
    let database = |key: &str| format!("/address_pairs/0/directory/database/{key}");
    let config = with(config, &database("user"), "connector");
    let config = with(config, &database("host"), "localhost");
    let config = with(config, &database("tls"), "verify-full");
    let by_file = with(
        config.clone(),
        &database("password_file"),
        password.to_str(),
    );
    let by_variable = with(config, &database("password_env"), "DATABASE_PASSWORD");
    let alice = user_client(&pki, "acme", "alice");
    let with_variable = |config: &Value| {
        Program::run_with(config, |command| {
            command.env("DATABASE_PASSWORD", "s3cret word");
        })
    };
    for config in [&by_file, &by_variable] {
        let config = with(config.clone(), "/log/level", "trace");
        let program = with_variable(&config);
        assert_eq!(answer(&program, &alice, "db"), "OK\n");
        let secured = tables.route.query(
            "select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid)
             where usename = 'connector'",
        );
        assert_eq!(secured, "t");
        assert!(!program.has_line("s3cret"));
    }
    // One that proves another name is not believed, and gets no password.
    let wrong = with(by_file.clone(), &database("server_name"), "other.example");
    let program = Program::run(&wrong);
    assert_eq!(answer(&program, &alice, "db"), LATER);
    let access = program.access("connector", 0);
    assert!(
        access.get("detail").contains("cert_name_mismatch"),
        "{access:?}"
    );
    // A wrong password is told of without it.
    std::fs::write(&password, "wr0ng").unwrap();
    let program = Program::run(&by_file);
    assert_eq!(answer(&program, &alice, "db"), LATER);
    assert!(
        program
            .access("connector", 0)
            .get("detail")
            .contains("password")
    );
    assert!(!program.has_line("wr0ng"));
}
