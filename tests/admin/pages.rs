//! The pages: what they say, and to whom.

use std::path::PathBuf;

use mtls_persona::tls::authority::Purpose;

use super::support::certs::{IdentityFiles, TestPki};
use super::support::http::{ask, connect, get};
use super::support::program::Program;
use super::support::wait::until;
use super::support::{backend, pairs};
use super::{ping, program, scrape, told};

const PAGES: [&str; 8] = [
    "/",
    "/healthz",
    "/readyz",
    "/certz",
    "/metrics",
    "/connections",
    "/status",
    "/fips",
];

#[test]
fn each_page_is_there_and_has_a_head() {
    let pki = TestPki::new();
    let (_program, admin) = program(&pki);
    for page in PAGES {
        let reply = get(admin, page);
        assert_eq!(reply.status, 200, "{page}");
        assert!(!reply.body.is_empty(), "{page}");
        let length = reply.header("content-length");
        assert_eq!(length, reply.body.len().to_string(), "{page}");
        let head = ask(connect(admin), &format!("HEAD {page} HTTP/1.0\r\n\r\n"));
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{page}");
        let kind = head.header("content-type");
        assert_eq!(kind, reply.header("content-type"), "{page}");
    }
}

#[test]
fn nothing_can_be_changed_and_nothing_else_is_found() {
    let pki = TestPki::new();
    let (program, admin) = program(&pki);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "NONSENSE"] {
        for page in PAGES {
            let request = format!("{method} {page} HTTP/1.1\r\nhost: here\r\n\r\n");
            let reply = ask(connect(admin), &request);
            assert_eq!(reply.status, 405, "{method} {page}");
            assert_eq!(reply.header("allow"), "GET, HEAD");
        }
    }
    for page in ["/metrics/", "/reload", "/../healthz", "/healthz/x", "//"] {
        assert_eq!(get(admin, page).status, 404, "{page}");
    }
    assert_eq!(get(admin, "/healthz?verbose=1").status, 200);
    ping(&mut program.connect("persona"));
}

#[test]
fn health_and_readiness_are_told_while_it_serves() {
    let pki = TestPki::new();
    let (_program, admin) = program(&pki);
    assert_eq!(get(admin, "/healthz").body, r#"{"status":"alive"}"#);
    let ready = get(admin, "/readyz");
    assert_eq!(ready.body, r#"{"status":"ready"}"#);
    assert_eq!(ready.header("content-type"), "application/json");
}

#[test]
fn for_health_every_worker_is_asked() {
    let pki = TestPki::new();
    let config = pairs::with(pairs::both(&pki, backend::echo()), "/workers", 3);
    let program = Program::run(&told(config));
    let turns = || {
        let scrape = scrape(&program);
        ["0", "1", "2"]
            .map(|worker| scrape.count("mtls_persona_worker_turns_total", &[("worker", worker)]))
    };
    let before = turns();
    assert_eq!(get(program.admin("everything"), "/healthz").status, 200);
    until("each worker to look at the question", || {
        let pairs = turns().into_iter().zip(before);
        pairs.clone().all(|(now, then)| now > then).then_some(())
    });
}

#[test]
fn while_it_drains_it_is_alive_and_not_ready() {
    let pki = TestPki::new();
    let (mut program, admin) = program(&pki);
    let mut live = program.connect("persona");
    ping(&mut live);
    program.signal("TERM");
    let reply = until("it to drain", || {
        let reply = get(admin, "/readyz");
        (reply.status == 503).then_some(reply)
    });
    assert_eq!(reply.json()["reason"], "draining");
    assert_eq!(get(admin, "/healthz").status, 200);
    assert_eq!(get(admin, "/metrics").status, 200);
    ping(&mut live);
    drop(live);
    assert_eq!(program.exit().code(), Some(0));
}

#[test]
fn each_certificate_is_told_with_its_days_and_a_reload_brings_the_new_one() {
    let pki = TestPki::new();
    let config = told(pairs::both(&pki, backend::echo()));
    let program = Program::run(&config);
    let admin = program.admin("everything");
    let page = get(admin, "/certz").json();
    let list = page["certificates"].as_array().unwrap();
    let pairs: Vec<_> = list.iter().map(|entry| &entry["pair"]).collect();
    assert_eq!(pairs, ["persona", "gateway"]);
    let (persona, gateway) = (&list[0], &list[1]);
    assert_eq!(persona["file"], config["cert"]);
    assert_eq!(persona["subject"], "CN=alice");
    for entry in list {
        // Made for 30 days, perhaps in this very second.
        assert!([29, 30].contains(&entry["days_left"].as_i64().unwrap()));
        assert!(entry["not_after"].as_str().unwrap().ends_with('Z'));
    }

    let path = |key: &str| PathBuf::from(config["address_pairs"][1][key].as_str().unwrap());
    let files = IdentityFiles {
        cert: path("cert"),
        key: path("key"),
    };
    let mut request = pki.request(Purpose::Server);
    request.validity.not_after += 100 * 86_400;
    pki.renew(&files, &request);
    program.signal("HUP");
    let renewed = until("the new certificate", || {
        let page = get(admin, "/certz").json();
        let entry = page["certificates"][1].clone();
        (entry["serial"] != gateway["serial"]).then_some(entry)
    });
    assert!([129, 130].contains(&renewed["days_left"].as_i64().unwrap()));
}

#[test]
fn the_metrics_are_told_in_the_form_that_is_asked_for() {
    let pki = TestPki::new();
    let (_program, admin) = program(&pki);
    let plain = get(admin, "/metrics");
    let kind = plain.header("content-type");
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let total = "# TYPE mtls_persona_connections_total counter\n";
    assert!(plain.body.contains(total), "{}", plain.body);
    assert!(!plain.body.contains("# EOF"));

    let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
    let request = format!("GET /metrics HTTP/1.1\r\nhost: here\r\naccept: {accept}\r\n\r\n");
    let open = ask(connect(admin), &request);
    let kind = open.header("content-type");
    assert!(
        kind.starts_with("application/openmetrics-text; version=1.0.0"),
        "{kind}"
    );
    let family = "# TYPE mtls_persona_connections counter\nmtls_persona_connections_total{";
    assert!(open.body.contains(family), "{}", open.body);
    assert!(open.body.ends_with("\n# EOF\n"));
}
