//! Certificates that are replaced while sessions live.

use std::fs;

use jiff::Zoned;
use mtls_persona::tls::authority::LeafRequest;
use serde_json::{Value, json};

use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::daemon::lasting_port;
use crate::support::nginx::Nginx;
use crate::support::postgres::Postgres;
use crate::support::program::Program;
use crate::support::psql::Route;
use crate::support::wait::until;

/// The five keys that are all that a persona needs, and the port that it listens on.
fn five_keys(pki: &TestPki, client: &IdentityFiles, nginx: &Nginx) -> (Value, u16) {
    let port = lasting_port();
    let config = json!({
        "client_cert": client.cert,
        "client_key": client.key,
        "ca_cert": pki.ca,
        "reload_hour": 3,
        "address_pairs": [ {
            "inbound": format!("localhost:{port}"),
            "outbound": format!("localhost:{}", nginx.tls13().port()),
        } ],
    });
    (config, port)
}

fn subjects(nginx: &Nginx, count: usize) -> Vec<String> {
    let mut subjects: Vec<_> = nginx
        .seen(count)
        .into_iter()
        .map(|seen| seen.subject)
        .collect();
    subjects.sort();
    subjects
}

#[test]
fn sessions_outlive_a_renewal_and_a_failed_one_and_new_ones_present_the_last_good_certificate() {
    let (pki, postgres) = (TestPki::new(), Postgres::shared());
    let client = pki.client("first");
    let nginx = Nginx::before(postgres.address(), &pki.server("localhost"), &pki.ca);
    let (config, port) = five_keys(&pki, &client, &nginx);
    let program = Program::run(&config);
    let route = Route::host("localhost", port, &postgres.database());
    let mut first = route.session();
    assert_eq!(
        first.ask("create temporary table kept as select 42 as it"),
        ""
    );

    pki.renew(&client, &LeafRequest::client("second", pki.validity()));
    program.signal("HUP");
    until("the reload", || {
        program.has_line(" generation 2 serve").then_some(())
    });
    let mut second = route.session();
    assert_eq!(second.ask("select 1"), "1");
    assert_eq!(first.ask("select it from kept"), "42");

    fs::write(&client.cert, "no certificate").unwrap();
    program.signal("HUP");
    until("the refusal", || {
        program
            .has_line(" not reloaded: generation 2")
            .then_some(())
    });
    let mut third = route.session();
    assert_eq!(third.ask("select 1"), "1");
    assert_eq!(second.ask("select 1"), "1");
    assert_eq!(first.ask("select it from kept"), "42");

    for session in [first, second, third] {
        let (code, output) = session.end();
        assert_eq!(code, 0, "{output}");
    }
    assert_eq!(subjects(&nginx, 3), ["CN=first", "CN=second", "CN=second"]);
    let seen = nginx.seen(3);
    let serials = |subject: &str| {
        let of = seen.iter().filter(|seen| seen.subject == subject);
        of.map(|seen| seen.serial.clone()).collect::<Vec<_>>()
    };
    let renewed = serials("CN=second");
    assert_eq!(renewed[0], renewed[1]);
    assert_ne!(serials("CN=first")[0], renewed[0]);
}

#[test]
fn a_renewed_certificate_is_presented_from_the_reload_hour_on_and_sessions_go_on() {
    let (pki, postgres) = (TestPki::new(), Postgres::shared());
    let client = pki.client("yesterday");
    let nginx = Nginx::before(postgres.address(), &pki.server("localhost"), &pki.ca);
    let (config, port) = five_keys(&pki, &client, &nginx);
    let program = Program::run_with(&config, |command| {
        command.env("TZ", zone_shortly_before_three());
    });
    let route = Route::host("localhost", port, &postgres.database());
    let mut session = route.session();
    assert_eq!(session.ask("select 1"), "1");
    pki.renew(&client, &LeafRequest::client("today", pki.validity()));

    until("the reload hour", || {
        program.has_line(" generation 2 serve").then_some(())
    });
    assert_eq!(route.query("select 2"), "2");
    assert_eq!(session.ask("select 3"), "3");
    assert_eq!(session.end().0, 0);
    assert_eq!(subjects(&nginx, 2), ["CN=today", "CN=yesterday"]);
}

/// A time zone (POSIX) in which three o'clock comes after the program's start, and before it looks at
/// the clock for the first time.
fn zone_shortly_before_three() -> String {
    const DAY: i64 = 86_400;
    const AHEAD: i64 = 15;
    let now = Zoned::now().timestamp().as_second();
    let west = (now - (3 * 3600 - AHEAD)).rem_euclid(DAY);
    let west = if west > DAY / 2 { west - DAY } else { west };
    let sign = if west < 0 { "-" } else { "" };
    let (hours, minutes, seconds) = (west.abs() / 3600, west.abs() / 60 % 60, west.abs() % 60);
    format!("TST{sign}{hours}:{minutes:02}:{seconds:02}")
}
