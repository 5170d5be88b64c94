//! Cancelled queries, servers that go away, and gateways that refuse.

use serde_json::json;

use super::tunnels::{OwnGateway, ThroughNginx, nginx_pairs, own_pairs};
use crate::support::certs::TestPki;
use crate::support::nginx::Nginx;
use crate::support::postgres::Postgres;
use crate::support::program::Program;
use crate::support::psql::{Outcome, Route};
use crate::support::wait::until;
use mtls_persona::tls::authority::Purpose;

#[test]
fn ctrl_c_cancels_a_query_through_nginx_and_its_session_goes_on() {
    let tunnel = ThroughNginx::new();
    cancels(&tunnel.route("tls13"), &tunnel.direct());
}

#[test]
fn ctrl_c_cancels_a_query_through_our_own_gateway_and_its_session_goes_on() {
    let tunnel = OwnGateway::new();
    cancels(&tunnel.over_tcp(), &tunnel.direct());
}

/// The request to cancel is a connection of its own, which the server closes without an answer.
fn cancels(route: &Route, direct: &Route) {
    let mut session = route.terminal();
    session.write("select pg_sleep(600);\n");
    let sleeping = "select count(*) from pg_stat_activity \
                    where datname = current_database() and wait_event = 'PgSleep'";
    until("the query to run", || {
        (direct.query(sleeping) == "1").then_some(())
    });
    session.write("\u{3}");
    session.wait_for("ERROR:  canceling statement due to user request");
    // What is typed shows too: the answer must differ from it.
    session.write("select 'still ' || 'here';\n");
    session.wait_for("still here");
    session.write("\\q\n");
    let (code, output) = session.end();
    assert_eq!(code, 0, "{output}");
}

#[test]
fn after_a_restart_of_the_server_the_same_program_serves_again() {
    let pki = TestPki::new();
    let mut postgres = Postgres::start();
    let client = pki.client("alice");
    let nginx = Nginx::before(postgres.address(), &pki.server("localhost"), &pki.ca);
    let mut pairs = own_pairs(&pki, "127.0.0.1:0", &postgres.address().to_string());
    pairs.extend(nginx_pairs(&nginx).as_array().unwrap().iter().cloned());
    let program = Program::run(&json!({
        "ca": pki.ca, "cert": client.cert, "key": client.key, "address_pairs": pairs,
    }));
    let ways = ["127.0.0.1:0", "tls12", "tls13"];
    let routes = ways.map(|pair| Route::tcp(program.addr(pair), "postgres"));
    let mut idle = routes.clone().map(|route| route.session());
    for session in &mut idle {
        assert_eq!(session.ask("select 6 * 7"), "42");
    }

    postgres.stop();
    for mut session in idle {
        session.write("select 1;\n");
        let (code, output) = session.end();
        assert_eq!(code, 2, "{output}");
        let told = "FATAL:  terminating connection due to administrator command";
        assert!(output.contains(told), "{output}");
    }
    for route in &routes {
        has_no_connection(&route.psql("select 1"));
    }

    postgres.start_again();
    for route in &routes {
        assert_eq!(route.query("select 6 * 7"), "42");
    }
}

#[test]
fn an_identity_that_nginx_refuses_is_an_error_for_the_client_and_named_in_the_log() {
    let pki = TestPki::new();
    let stranger = pki.unknown_authority(Purpose::Client);
    let tunnel = ThroughNginx::with_identity(&pki, &stranger);
    for pair in ["tls12", "tls13"] {
        has_no_connection(&tunnel.route(pair).psql("select 1"));
        // nginx refuses after the handshake, as if it were an ordinary end.
        let access = tunnel.program.access(pair, 0);
        assert_eq!(access.number("bytes_inward"), 0);
        let detail = access.get("detail");
        assert!(
            detail.contains("may have refused our certificate"),
            "{access:?}"
        );
    }
    for seen in tunnel.nginx.seen(2) {
        assert!(seen.verdict.starts_with("FAILED"), "{seen:?}");
    }
    assert!(
        tunnel
            .nginx
            .errors()
            .contains("client SSL certificate verify error")
    );
}

fn has_no_connection(outcome: &Outcome) {
    assert_eq!((outcome.code, outcome.out.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.err.contains("connection to server"), "{outcome:?}");
}
