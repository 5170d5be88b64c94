//! What is shown.

use serde_json::json;

use super::support::certs::TestPki;
use super::support::program::Program;
use super::support::tls::{TlsPeer, credentials};
use super::support::{backend, pairs};
use super::{page, ping, program, told};
use mtls_persona::tls::Role;

/// Whether any line of a cell is that one.
fn has_line(cell: &str, line: &str) -> bool {
    cell.lines().any(|told| told.trim() == line)
}

#[test]
fn pairs_and_live_connections_are_shown_with_both_identities_and_the_days_that_are_left() {
    let pki = TestPki::new();
    let program = program(&pki);
    let mut browser = page(&program);
    browser.until_rows("pairs", |rows| rows.len() == 2);
    let mut live = program.connect("persona");
    ping(&mut live);

    let rows = browser.until_rows("pairs", |rows| {
        rows.len() == 2 && rows.iter().all(|row| has_line(&row[3], "1"))
    });
    let (persona, gateway) = (&rows[0], &rows[1]);
    assert!(has_line(&persona[0], "persona") && has_line(&persona[0], "client"));
    assert!(has_line(&gateway[0], "gateway") && has_line(&gateway[0], "server"));
    for (row, pair) in [(persona, "persona"), (gateway, "gateway")] {
        assert!(has_line(&row[1], "listening"), "{row:?}");
        let address = program.addr(pair).to_string();
        assert!(has_line(&row[2], &address), "{row:?}");
    }

    let rows = browser.until_rows("connections", |rows| {
        rows.len() == 2 && rows.iter().all(|row| has_line(&row[3], "4 B in"))
    });
    let of = |pair: &str| rows.iter().find(|row| has_line(&row[0], pair)).unwrap();
    let (persona, gateway) = (of("persona"), of("gateway"));
    let near = live.local_addr().unwrap().to_string();
    assert_eq!(persona[1].trim(), near);
    assert!(has_line(&persona[2], "CN=localhost"), "{persona:?}");
    assert!(has_line(&persona[2], "DNS:localhost"), "{persona:?}");
    assert!(has_line(&gateway[1], "CN=alice"), "{gateway:?}");
    assert!(gateway[1].contains("TLSv1.3"), "{gateway:?}");

    for row in browser.rows("certificates") {
        let days = ["29 days left", "30 days left"];
        assert!(days.iter().any(|days| has_line(&row[4], days)), "{row:?}");
    }
    drop(live);
    browser.until_rows("connections", |rows| rows.is_empty());
    browser.wait("document.querySelector('#connections').innerText === 'There is none.'");
}

#[test]
fn who_was_refused_is_shown_with_the_reason_and_what_to_do() {
    let pki = TestPki::new();
    let mut config = pairs::server(&pki, backend::echo());
    config["address_pairs"][0]["allow"] = json!({ "cn": ["alice"] });
    let program = Program::run(&told(config));
    let mut browser = page(&program);
    browser.wait("document.querySelector('#failures').innerText === 'Nothing has failed.'");
    let bob = credentials(&pki.client("bob"), &pki.ca, Role::Client);
    drop(TlsPeer::connect(program.addr("gateway"), &bob));

    let rows = browser.until_rows("failures", |rows| rows.len() == 1);
    let [_, pair, reason, who, what] = &rows[0][..] else {
        panic!("{rows:?}");
    };
    assert_eq!(pair, "gateway");
    assert!(has_line(reason, "acl_denied") && has_line(reason, "inbound leg"));
    assert!(has_line(who, "CN=bob"), "{who}");
    assert!(what.contains("add the peer to allow of the pair"), "{what}");
}

#[test]
fn a_pair_whose_destination_is_not_reached_is_shown_with_the_reason_and_what_to_do() {
    let pki = TestPki::new();
    let nowhere = pairs::lone_address();
    let program = Program::run(&told(pairs::client(&pki, nowhere)));
    let mut browser = page(&program);
    browser.until_rows("pairs", |rows| {
        rows.len() == 1 && has_line(&rows[0][1], "listening")
    });
    drop(program.connect("persona"));
    let rows = browser.until_rows("pairs", |rows| has_line(&rows[0][1], "failing"));
    assert!(has_line(&rows[0][1], "connect_refused"), "{rows:?}");
    let remedy = "check that the destination runs and listens on that port";
    assert!(has_line(&rows[0][1], remedy), "{rows:?}");
}

#[test]
fn a_reload_that_is_refused_raises_the_alarm_and_one_that_is_served_takes_it_away() {
    let pki = TestPki::new();
    let config = told(pairs::both(&pki, backend::echo()));
    let program = Program::run(&config);
    let mut browser = page(&program);
    browser.until_rows("loads", |rows| rows.len() == 1);
    let alarm = "document.querySelector('#alarm').checkVisibility()";
    assert_eq!(browser.value(alarm), false);

    program.reconfigure(&json!({ "nonsense": true }));
    program.refuse_reload();
    browser.wait(alarm);
    let told = browser.value("document.querySelector('#alarm').innerText");
    let told = told.as_str().unwrap();
    assert!(told.contains("generation 1 goes on serving"), "{told}");
    assert!(told.contains("nonsense"), "{told}");

    program.reconfigure(&config);
    program.reload();
    browser.wait(&format!("!{alarm}"));
    let rows = browser.rows("loads");
    let outcomes: Vec<_> = rows.iter().map(|row| row[2].as_str()).collect();
    let expected = ["generation 2 serves", "refused", "generation 1 serves"];
    assert_eq!(outcomes, expected);
}

#[test]
fn connections_are_found_by_their_pair_and_by_the_identity_of_a_peer() {
    let pki = TestPki::new();
    let program = program(&pki);
    let mut live = program.connect("persona");
    ping(&mut live);
    let mut browser = page(&program);
    browser.until_rows("connections", |rows| rows.len() == 2);
    for (wanted, pairs) in [
        ("GATEWAY", &["gateway"][..]),
        ("cn=alice", &["gateway"]),
        ("nobody", &[]),
    ] {
        browser.value(&format!(
            "filter.value = {wanted:?}; filter.dispatchEvent(new Event('input'))"
        ));
        let rows = browser.rows("connections");
        let found: Vec<_> = rows
            .iter()
            .map(|row| row[0].lines().next().unwrap())
            .collect();
        assert_eq!(found, pairs, "{wanted}");
    }
}

#[test]
fn when_the_program_is_gone_the_page_says_so_and_keeps_what_it_was_told() {
    let pki = TestPki::new();
    let mut program = program(&pki);
    let mut browser = page(&program);
    browser.until_rows("pairs", |rows| rows.len() == 2);
    program.signal("TERM");
    assert_eq!(program.exit().code(), Some(0));
    browser.wait("document.querySelector('#stage').innerText === 'no answer'");
    assert_eq!(browser.rows("pairs").len(), 2);
}
