//! What the page never does: believe what strangers write, and ask anybody else.

use std::sync::atomic::Ordering;

use super::support::backend;
use super::support::certs::TestPki;
use super::support::http::{ask, connect};
use super::support::tls::{TlsPeer, credentials};
use super::{page, ping, program, url};
use mtls_persona::tls::Role;

/// Would show, if it were taken for markup.
const MARKUP: &str = "<img src=x onerror=document.title=1>";

#[test]
fn markup_in_a_certificate_stays_text() {
    let pki = TestPki::new();
    let program = program(&pki);
    let mut browser = page(&program);
    // Once in a live connection, and once among those that were refused.
    let name = MARKUP;
    let admitted = credentials(&pki.client(name), &pki.ca, Role::Client);
    let mut live = TlsPeer::connect(program.addr("gateway"), &admitted).unwrap();
    ping(&mut live);
    let stranger = TestPki::new();
    let refused = credentials(&stranger.client(name), &pki.ca, Role::Client);
    drop(TlsPeer::connect(program.addr("gateway"), &refused));

    let subject = |row: &Vec<String>, cell: usize| row[cell].contains(name);
    browser.until_rows("connections", |rows| {
        rows.len() == 1 && subject(&rows[0], 1)
    });
    browser.until_rows("failures", |rows| rows.len() == 1 && subject(&rows[0], 3));
    assert_eq!(browser.value("document.querySelectorAll('img').length"), 0);
    assert_eq!(browser.value("document.title"), "mtls-persona");
}

#[test]
fn nothing_is_asked_of_another_host_and_nothing_may_be() {
    let pki = TestPki::new();
    let program = program(&pki);
    let admin = program.admin("everything");
    let (elsewhere, visits) = backend::counted();
    let mut browser = page(&program);
    browser.until_rows("pairs", |rows| rows.len() == 2);
    let begins = url(admin);
    let paths: Vec<_> = browser
        .requests()
        .iter()
        .map(|url| url.strip_prefix(&begins))
        .collect();
    assert!(
        paths.contains(&Some("status")) && paths.contains(&Some("connections")),
        "{paths:?}"
    );
    for path in &paths {
        assert!(
            ["", "status", "connections"].map(Some).contains(path),
            "{paths:?}"
        );
    }

    // Whatever a script in it tried, the browser has been told not to.
    let outcome = browser.value(&format!(
        "fetch('http://{elsewhere}/', {{ mode: 'no-cors' }}).then(() => 'sent', () => 'kept')"
    ));
    assert_eq!(outcome, "kept");
    let image = format!(
        "new Promise(done => {{ const image = new Image(); image.src = 'http://{elsewhere}/'; \
         image.onload = () => done('sent'); image.onerror = () => done('kept'); }})"
    );
    assert_eq!(browser.value(&image), "kept");
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[test]
fn the_page_comes_with_a_policy_that_lets_it_reach_this_site_alone() {
    let pki = TestPki::new();
    let program = program(&pki);
    let request = "GET / HTTP/1.1\r\nhost: here\r\naccept: text/html\r\n\r\n";
    let reply = ask(connect(program.admin("everything")), request);
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    let policy = reply.header("content-security-policy");
    let rules: Vec<_> = policy.split(';').map(str::trim).collect();
    for rule in [
        "default-src 'none'",
        "connect-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(rules.contains(&rule), "{rule}: {policy}");
    }
    for scheme in ["http:", "https:", "*"] {
        assert!(!policy.contains(scheme), "{policy}");
    }
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("referrer-policy"), "no-referrer");
}
