//! PostgreSQL and its clients through the program: before nginx, and before our own gateway.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "postgres/renewal.rs"]
mod renewal;
#[path = "postgres/rotation.rs"]
mod rotation;
#[path = "postgres/trouble.rs"]
mod trouble;
#[path = "postgres/tunnels.rs"]
mod tunnels;
#[path = "postgres/work.rs"]
mod work;

use tunnels::{OwnGateway, ThroughNginx};

#[test]
fn answers_errors_and_exit_codes_pass_through_nginx() {
    let tunnel = ThroughNginx::new();
    for pair in ["tls12", "tls13"] {
        work::queries(&tunnel.route(pair));
    }
}

#[test]
fn both_ends_of_a_connection_through_nginx_know_the_other_by_name() {
    let tunnel = ThroughNginx::new();
    for (index, (pair, version)) in [("tls12", "TLSv1.2"), ("tls13", "TLSv1.3")]
        .into_iter()
        .enumerate()
    {
        tunnel.route(pair).query("select 1");
        let seen = tunnel.nginx.seen(index + 1).pop().unwrap();
        assert_eq!(seen.version, version);
        assert_eq!(seen.verdict, "SUCCESS");
        assert_eq!(seen.subject, "CN=alice");

        let access = tunnel.program.access(pair, 0);
        assert_eq!(access.get("outbound_version"), version);
        assert_eq!(access.get("outbound_sans"), "DNS:localhost");
        assert_eq!(
            access.get("outbound_issuer"),
            "O=Test, CN=Test intermediate"
        );
    }
}

#[test]
fn nginx_which_answers_no_close_notify_is_no_failure_with_on_truncation_end() {
    let tunnel = ThroughNginx::new();
    tunnel.route("lenient").query("select 1");
    let access = tunnel.program.access("lenient", 0);
    assert_eq!(access.reason(), "completed");
    assert_eq!(access.get("detail"), "");
}

#[test]
fn a_copy_of_tens_of_megabytes_through_nginx_is_the_same_in_both_directions() {
    let tunnel = ThroughNginx::new();
    for pair in ["tls12", "tls13"] {
        work::copies(&tunnel.route(pair));
    }
}

#[test]
fn pgbench_loses_no_transaction_through_nginx() {
    work::transactions(&ThroughNginx::new().route("tls13"));
}

#[test]
fn answers_errors_and_exit_codes_pass_through_our_own_gateway() {
    let tunnel = OwnGateway::new();
    work::queries(&tunnel.over_tcp());
    work::queries(&tunnel.over_unix_sockets());
}

#[test]
fn a_copy_of_tens_of_megabytes_through_our_own_gateway_is_the_same_in_both_directions() {
    work::copies(&OwnGateway::new().over_tcp());
}

#[test]
fn a_copy_of_tens_of_megabytes_is_the_same_with_unix_sockets_at_both_ends() {
    work::copies(&OwnGateway::new().over_unix_sockets());
}

#[test]
fn pgbench_loses_no_transaction_through_our_own_gateway() {
    work::transactions(&OwnGateway::new().over_tcp());
}

#[test]
fn pgbench_loses_no_transaction_with_unix_sockets_at_both_ends() {
    work::transactions(&OwnGateway::new().over_unix_sockets());
}
