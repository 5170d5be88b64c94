//! Who may reach what.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;

use super::support::backend;
use super::support::certs::TestPki;
use super::support::connector::{Tables, answer, client, connector, line, said, user_client};
use super::support::pairs::{lone_address, with};
use super::support::postgres::Postgres;
use super::support::program::Program;
use super::support::wait::until;

const NO: &str = "ERROR: not authorized\n";

#[test]
fn a_user_reaches_hosts_of_its_organisation_that_list_it_or_a_team_of_it_and_no_others() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let echo = backend::echo();
    tables.host("direct", echo, "acme", "alice", "");
    tables.host("by-team", echo, "acme", "", "ops");
    tables.host("by-foreign-team", echo, "acme", "", "spies");
    tables.host("foreign", echo, "globex", "alice,carol", "spies");
    tables.host("nobodys", echo, "acme", "", "");
    tables.host("strangers", echo, "acme", "mallory,alice-2", "none");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let hosts = [
        "direct",
        "by-team",
        "by-foreign-team",
        "foreign",
        "nobodys",
        "strangers",
        "unknown",
    ];
    for (org, user, reached) in [
        ("acme", "alice", &["direct"][..]),
        ("acme", "bob", &["by-team"]),
        ("acme", "dave", &[]),
        ("globex", "carol", &["foreign"]),
        // The same names in another organisation's certificate: the database has them elsewhere.
        ("globex", "alice", &[]),
        ("globex", "bob", &[]),
        ("acme", "carol", &[]),
        // Listed on a host, and not among the users.
        ("acme", "mallory", &[]),
        ("nowhere", "alice", &[]),
    ] {
        let client = user_client(&pki, org, user);
        for host in hosts {
            let told = answer(&program, &client, host);
            let expected = if reached.contains(&host) { "OK\n" } else { NO };
            assert_eq!(told, expected, "{user} of {org} asks for {host}");
        }
    }
}

#[test]
fn a_granted_connection_is_relayed_with_its_half_closes_and_tells_of_its_host() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("count", backend::count(), "acme", "alice", "");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    let mut peer = said(&program, &alice, b"count\n");
    assert_eq!(line(&mut peer).unwrap(), "OK\n");
    peer.write_all(&[7; 100_000]).unwrap();
    // The host answers once it has seen this end: the original never passed it on.
    peer.end().unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "100000");
    let access = program.access("connector", 0);
    assert_eq!(
        (access.reason(), access.get("connect_id")),
        ("completed", "count")
    );
    assert_eq!(access.number("bytes_outward"), 100_000);
}

#[test]
fn certificates_that_name_no_user_of_the_issuer_are_refused_alike_and_cost_the_database_nothing() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let (host, connections) = backend::counted();
    tables.host("db", host, "acme", "alice", "");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let right = "spiffe://tinyscale.com/orgs/acme/users/alice";
    let long = format!("spiffe://{}/orgs/acme/users/alice", "a".repeat(256));
    let cases: [&[&str]; 9] = [
        &[],
        &["https://tinyscale.com/orgs/acme/users/alice"],
        &["spiffe://evil.com/orgs/acme/users/alice"],
        &["spiffe://tinyscale.com.evil.com/orgs/acme/users/alice"],
        &[right, "spiffe://tinyscale.com/orgs/acme/users/bob"],
        &["spiffe://tinyscale.com/orgs/acme/users/%61lice"],
        &["spiffe://tinyscale.com/orgs/acme/users/alice/"],
        &["spiffe://tinyscale.com/orgs/acme/teams/alice"],
        &[&long],
    ];
    for (index, uris) in cases.into_iter().enumerate() {
        let client = client(&pki, uris);
        assert_eq!(answer(&program, &client, "db"), NO, "{uris:?}");
        let access = program.access("connector", index);
        assert_eq!(access.reason(), "spiffe_invalid", "{uris:?}");
        assert_eq!(access.get("connect_id"), "");
    }
    assert_eq!(answer(&program, &client(&pki, &[right]), "db"), "OK\n");
    let count = || connections.load(Ordering::SeqCst);
    until("the host's only connection", || {
        (count() == 1).then_some(())
    });
}

#[test]
fn an_unknown_host_and_one_that_is_not_for_the_user_are_told_alike_and_logged_alike() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let (host, connections) = backend::counted();
    tables.host("bobs", host, "acme", "bob", "");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    for (index, host) in ["unknown", "bobs"].into_iter().enumerate() {
        assert_eq!(answer(&program, &alice, host), NO);
        let access = program.access("connector", index);
        let told = ["reason", "leg", "detail", "outbound"].map(|key| access.get(key).to_owned());
        assert_eq!(told, ["not_authorized", "inbound", "", "-"]);
        // At a beat, not when it was found out.
        assert!(access.number("duration_ms") >= 50, "{access:?}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[test]
fn ok_is_said_only_once_the_host_is_reached() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("dead", lone_address(), "acme", "alice", "");
    tables.host("nonsense", "not an address", "acme", "alice", "");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    for (index, (host, reason)) in [("dead", "connect_refused"), ("nonsense", "route_invalid")]
        .into_iter()
        .enumerate()
    {
        assert_eq!(answer(&program, &alice, host), "ERROR: host unreachable\n");
        assert_eq!(program.access("connector", index).reason(), reason);
    }
}

#[test]
fn a_host_without_a_port_is_reached_at_the_default_port() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let echo = backend::echo();
    tables.host("db", echo.ip(), "acme", "alice", "");
    let config = connector(&pki, &postgres, &tables);
    let config = with(
        config,
        "/address_pairs/0/directory/default_port",
        echo.port(),
    );
    let program = Program::run(&config);
    assert_eq!(
        answer(&program, &user_client(&pki, "acme", "alice"), "db"),
        "OK\n"
    );
}

#[test]
fn metacharacters_are_characters_in_every_field() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let echo = backend::echo();
    let strange = [
        "'; drop table users; --",
        "{alice}",
        "%",
        "_",
        "\\",
        "$1",
        "a\"b",
        "NULL",
        " ",
    ];
    for id in strange {
        let quoted = id.replace('\'', "''");
        tables.host(&quoted, echo, "acme", "alice", "");
    }
    tables.host("plain", echo, "acme", "", "");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    for id in strange {
        assert_eq!(answer(&program, &alice, id), "OK\n", "{id}");
    }
    for id in [
        "' or '1'='1",
        "plain' or 'a'='a",
        "%lain",
        "plai_",
        "{plain}",
        "é' --",
        "''",
    ] {
        assert_eq!(answer(&program, &alice, id), NO, "{id}");
    }
    // Identities cannot hold any; what a user of the database is called does not matter either.
    tables.run("insert into users (user_id, org_id) values ('a.b-c_d', 'acme')");
    tables.host("odd", echo, "acme", "a.b-c_d", "");
    assert_eq!(
        answer(&program, &user_client(&pki, "acme", "a.b-c_d"), "odd"),
        "OK\n"
    );
    assert_eq!(
        answer(&program, &user_client(&pki, "acme", "aXb-c_d"), "odd"),
        NO
    );
    assert_eq!(tables.route.query("select count(*) from users"), "5");
}

#[test]
fn by_sni_nothing_is_said_and_the_first_label_is_the_host() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("localhost", backend::echo(), "acme", "alice", "");
    let config = connector(&pki, &postgres, &tables);
    let program = Program::run(&with(config, "/address_pairs/0/connect_id", "sni"));
    let mut peer = said(&program, &user_client(&pki, "acme", "alice"), b"hello");
    let mut echoed = [0; 5];
    peer.read_exact(&mut echoed).unwrap();
    assert_eq!(&echoed, b"hello");
    let mut refused = said(&program, &user_client(&pki, "acme", "bob"), b"hello");
    let mut rest = Vec::new();
    assert!(
        refused.read_to_end(&mut rest).is_err(),
        "a refusal is no clean end"
    );
    assert!(rest.is_empty());
    assert_eq!(program.access("connector", 0).reason(), "not_authorized");
}
