//! The program, its pairs, its loads and its failures, as they are told.

use std::net::SocketAddr;

use mtls_persona::tls::Role;
use serde_json::{Value, json};

use super::support::certs::TestPki;
use super::support::http::get;
use super::support::program::Program;
use super::support::tls::{TlsPeer, credentials};
use super::support::wait::until;
use super::support::{backend, pairs};
use super::{exchange, ping, program, told};

/// Waits until the page tells what is expected, which it does a second later at most.
fn page(admin: SocketAddr, is_it: impl Fn(&Value) -> bool) -> Value {
    until("the status", || {
        let page = get(admin, "/status").json();
        is_it(&page).then_some(page)
    })
}

fn pair<'a>(page: &'a Value, name: &str) -> &'a Value {
    let pairs = page["pairs"].as_array().unwrap();
    pairs.iter().find(|pair| pair["name"] == name).unwrap()
}

fn failures(page: &Value) -> &Vec<Value> {
    page["failures"].as_array().unwrap()
}

#[test]
fn the_program_and_each_pair_are_told_with_what_they_have_done() {
    let pki = TestPki::new();
    let (program, admin) = program(&pki);
    exchange(program.connect("persona"), 1000);
    program.access("persona", 0);
    program.access("gateway", 0);
    let page = page(admin, |page| pair(page, "persona")["bytes_inward"] == 1000);
    assert_eq!(page["stage"], "serving");
    assert_eq!(page["program"]["pid"], program.pid());
    assert_eq!(page["generation"]["number"], 1);
    assert_eq!(page["fips"]["in_effect"], false);
    assert_eq!(page["pairs_total"], 2);
    assert_eq!(page["silent_workers"], 0);
    assert!(page["process"]["open_fds"].as_u64().unwrap() > 5);
    for worker in page["workers"].as_array().unwrap() {
        assert!(worker["cpu_seconds"].as_f64().is_some(), "{worker}");
    }
    for (name, legs) in [("persona", ["outbound"]), ("gateway", ["inbound"])] {
        let pair = pair(&page, name);
        assert_eq!(pair["state"], "listening");
        assert_eq!(pair["listening"], json!([program.addr(name).to_string()]));
        let connections = json!({ "active": 0, "total": 1, "limit": null });
        assert_eq!(pair["connections"], connections);
        assert_eq!(pair["bytes_outward"], 1000);
        assert_eq!(pair["closes"], json!({ "completed": 1 }));
        let handshakes = pair["handshakes"].as_object().unwrap();
        assert!(handshakes.keys().eq(legs));
        assert_eq!(handshakes[legs[0]]["full"], 1);
        assert!(handshakes[legs[0]]["mean_ms"].as_f64().unwrap() > 0.0);
        assert!([29, 30].contains(&pair["certificate"]["days_left"].as_i64().unwrap()));
        // Those of the root and of the intermediate.
        assert_eq!(pair["crls"].as_array().unwrap().len(), 2);
        assert_eq!(pair["crls"][0]["overdue"], false);
        assert!(!pair["chain"].as_array().unwrap().is_empty());
    }
}

#[test]
fn a_pair_is_failing_while_its_destination_is_not_reached() {
    let pki = TestPki::new();
    let destination = pairs::lone_address();
    let program = Program::run(&told(pairs::server(&pki, destination)));
    let (admin, gateway) = (program.admin("everything"), program.addr("gateway"));
    let alice = credentials(&pki.client("alice"), &pki.ca, Role::Client);
    drop(TlsPeer::connect(gateway, &alice));
    program.access("gateway", 0);
    let failing = page(admin, |page| pair(page, "gateway")["state"] == "failing");
    let why = &pair(&failing, "gateway")["failing"];
    assert_eq!(why["reason"], "connect_refused");
    assert_ne!(why["remedy"], "");
    assert_eq!(pair(&failing, "gateway")["dial_errors"], 1);

    let _destination = std::net::TcpListener::bind(destination).unwrap();
    drop(TlsPeer::connect(gateway, &alice));
    let well = page(admin, |page| pair(page, "gateway")["state"] == "listening");
    assert_eq!(pair(&well, "gateway").get("failing"), None);
}

#[test]
fn who_was_refused_is_told_with_reason_and_remedy() {
    let pki = TestPki::new();
    let mut config = pairs::server(&pki, backend::echo());
    config["address_pairs"][0]["allow"] = json!({ "cn": ["alice"] });
    let program = Program::run(&told(config));
    let (admin, gateway) = (program.admin("everything"), program.addr("gateway"));
    assert_eq!(
        *failures(&get(admin, "/status").json()),
        Vec::<Value>::new()
    );
    let bob = credentials(&pki.client("bob"), &pki.ca, Role::Client);
    for _ in 0..3 {
        drop(TlsPeer::connect(gateway, &bob));
    }
    program.access("gateway", 2);
    let times = |page: &Value| {
        let times = failures(page).iter().map(|failure| &failure["times"]);
        times.map(|times| times.as_u64().unwrap()).sum::<u64>()
    };
    let page = page(admin, |page| times(page) == 3);
    for failure in failures(&page) {
        assert_eq!(failure["pair"], "gateway");
        assert_eq!(failure["reason"], "acl_denied");
        assert_eq!(failure["leg"], "inbound");
        assert_ne!(failure["remedy"], "");
        let peer = &failure["inbound"]["peer"];
        assert_eq!(peer["subject"], "CN=bob");
    }
    // The pair is well: it is they who are not.
    assert_eq!(pair(&page, "gateway")["state"], "listening");
    assert_eq!(pair(&page, "gateway")["acl"]["deny"], 3);
}

#[test]
fn loads_are_told_with_what_was_wrong_with_them() {
    let pki = TestPki::new();
    let config = told(pairs::both(&pki, backend::echo()));
    let program = Program::run(&config);
    let admin = program.admin("everything");
    program.reconfigure(&json!({ "nonsense": true }));
    program.refuse_reload();
    program.reconfigure(&config);
    program.reload();
    let page = page(admin, |page| page["generation"]["number"] == 2);
    let reloads = &page["reloads"];
    assert_eq!(reloads["failing"], false);
    assert_eq!(
        (&reloads["served"], &reloads["refused"]),
        (&json!(1), &json!(1))
    );
    let last = reloads["last"].as_array().unwrap();
    let told: Vec<_> = last
        .iter()
        .map(|load| (&load["occasion"], &load["result"]))
        .map(|(occasion, result)| [occasion, result].map(|word| word.as_str().unwrap()))
        .collect();
    let expected = [
        ["signal", "served"],
        ["signal", "refused"],
        ["start", "served"],
    ];
    assert_eq!(told, expected);
    assert_eq!(last[0]["generation"], 2);
    let problems = last[1]["problems"].as_array().unwrap();
    let names = |problem: &Value| problem.as_str().unwrap().contains("nonsense");
    assert!(problems.iter().any(names), "{problems:?}");
    ping(&mut program.connect("persona"));
}
