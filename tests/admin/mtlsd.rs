//! Health and metrics in the form of mtlsd: its paths, its words, its families.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::support::certs::TestPki;
use super::support::http::get;
use super::support::metrics::Scrape;
use super::support::program::Program;
use super::support::tls::{TlsPeer, credentials};
use super::support::{backend, pairs};
use mtls_persona::tls::Role;

/// Its families, with their types and labels.
const FAMILIES: [(&str, &str, &[&str]); 7] = [
    ("mtlsd_active_connections", "gauge", &[]),
    ("mtlsd_connections_total", "counter", &[]),
    ("mtlsd_bytes_proxied_total", "counter", &["direction"]),
    ("mtlsd_connection_duration_seconds", "histogram", &["le"]),
    ("mtlsd_acl_decisions_total", "counter", &["result"]),
    ("mtlsd_tls_handshake_duration_seconds", "histogram", &["le"]),
    ("mtlsd_dial_errors_total", "counter", &[]),
];

/// A native configuration that tells as it does.
fn told_as_mtlsd(mut config: Value) -> Value {
    config["admin"] = json!({
        "health": "127.0.0.1:0", "metrics": "127.0.0.1:0", "metric_prefix": "mtlsd",
    });
    config
}

/// What its own file calls a pair.
const PAIR: &str = "127.0.0.1:0";

/// A gateway of its own file, with its own words on the command line, that admits alice alone.
fn gateway(pki: &TestPki, target: SocketAddr) -> Program {
    let files = pki.server("localhost");
    let (cert, key, ca) = (&files.cert, &files.key, &pki.ca);
    let text = format!(
        "mode: server\nlisten: \"{PAIR}\"\ntarget: \"{target}\"\n\
         tls:\n  cert: {cert:?}\n  key: {key:?}\n  ca: {ca:?}\n  client_auth: required\n\
         acl:\n  allow_cn:\n    - \"alice\"\n\
         health:\n  enabled: true\n  listen: \"localhost:0\"\n\
         metrics:\n  enabled: true\n  listen: \"127.0.0.1:0\"\n"
    );
    Program::run_files(&["-config", "server.yaml"], &[("server.yaml", text)])
}

#[test]
fn each_of_two_listeners_has_its_pages_alone() {
    let pki = TestPki::new();
    let program = gateway(&pki, backend::echo());
    let [health, metrics] = ["health", "metrics"].map(|what| program.admin(what));
    let statuses = |address| {
        [
            "/healthz",
            "/readyz",
            "/certz",
            "/metrics",
            "/connections",
            "/",
        ]
        .map(|page| get(address, page).status)
    };
    assert_eq!(statuses(health), [200, 200, 200, 404, 404, 404]);
    assert_eq!(statuses(metrics), [404, 404, 404, 200, 404, 404]);
    assert_eq!(get(health, "/healthz").body, r#"{"status":"alive"}"#);
    assert_eq!(get(health, "/readyz").body, r#"{"status":"ready"}"#);
    let certificate = get(health, "/certz").json();
    let keys: Vec<_> = certificate.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["days_left", "not_after"]);
    assert!([29, 30].contains(&certificate["days_left"].as_i64().unwrap()));
}

#[test]
fn its_seven_families_have_its_types_and_labels_and_count() {
    let pki = TestPki::new();
    let config = pairs::client(&pki, pairs::lone_address());
    let program = gateway(&pki, backend::echo());
    let (address, alice) = (program.addr(PAIR), pki.client("alice"));
    for files in [&alice, &pki.client("bob")] {
        let credentials = credentials(files, &pki.ca, Role::Client);
        drop(TlsPeer::connect(address, &credentials));
    }
    program.access(PAIR, 1);
    let scrape = Scrape::take(program.admin("metrics"));
    for (name, kind, labels) in FAMILIES {
        let line = format!("# TYPE {name} {kind}\n");
        assert!(scrape.text.contains(&line), "{line}{}", scrape.text);
        let sample = match kind {
            "histogram" => format!("{name}_bucket"),
            _ => name.to_owned(),
        };
        let labels: BTreeSet<_> = labels.iter().copied().collect();
        assert_eq!(scrape.labels(&sample), labels, "{name}");
    }
    assert_eq!(scrape.count("mtlsd_connections_total", &[]), 2);
    assert_eq!(scrape.count("mtlsd_active_connections", &[]), 0);
    let decisions =
        ["allow", "deny"].map(|r| scrape.count("mtlsd_acl_decisions_total", &[("result", r)]));
    assert_eq!(decisions, [1, 1]);
    let seconds = "mtlsd_tls_handshake_duration_seconds_count";
    assert_eq!(scrape.count(seconds, &[]), 2);
    assert!(!scrape.text.contains("mtls_persona_"));

    let unreachable = Program::run(&told_as_mtlsd(config));
    drop(unreachable.connect("persona"));
    unreachable.access("persona", 0);
    let scrape = Scrape::take(unreachable.admin("metrics"));
    assert_eq!(scrape.count("mtlsd_dial_errors_total", &[]), 1);
}

#[test]
fn its_directions_are_from_the_client_to_the_target_and_back() {
    let pki = TestPki::new();
    let program = Program::run(&told_as_mtlsd(pairs::both(&pki, backend::count())));
    let mut stream = program.connect("persona");
    std::io::Write::write_all(&mut stream, &[7; 1234]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    std::io::Read::read_to_end(&mut stream, &mut Vec::new()).unwrap();
    for pair in ["persona", "gateway"] {
        program.access(pair, 0);
    }
    let scrape = Scrape::take(program.admin("metrics"));
    // Both halves are one program here, and each has forwarded them; the answer is "1234".
    let bytes = ["client_to_target", "target_to_client"]
        .map(|d| scrape.count("mtlsd_bytes_proxied_total", &[("direction", d)]));
    assert_eq!(bytes, [2 * 1234, 2 * 4]);
}
