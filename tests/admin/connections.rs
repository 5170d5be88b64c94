//! The live connections, as they are told.

use std::io::Write;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::support::certs::TestPki;
use super::support::crowd::raise_descriptors;
use super::support::http::get;
use super::support::program::Program;
use super::support::wait::until;
use super::support::{backend, pairs};
use super::{ping, told};

/// Waits until the page tells what is expected, which it does a second later at most.
fn page(admin: SocketAddr, is_it: impl Fn(&Value) -> bool) -> Value {
    until("the page of live connections", || {
        let page = get(admin, "/connections").json();
        is_it(&page).then_some(page)
    })
}

fn list(page: &Value) -> &Vec<Value> {
    page["connections"].as_array().unwrap()
}

#[test]
fn a_live_connection_is_told_with_its_ends_its_peers_and_its_bytes() {
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    config["address_pairs"][1]["allow"] = json!({ "cn": ["alice"] });
    let between = config["address_pairs"][0]["outbound"].clone();
    let program = Program::run(&told(config));
    let admin = program.admin("everything");
    assert_eq!(
        *list(&get(admin, "/connections").json()),
        Vec::<Value>::new()
    );
    let mut live = program.connect("persona");
    ping(&mut live);
    let page = page(admin, |page| list(page).len() == 2);
    let of = |pair: &str| list(&page).iter().find(|c| c["pair"] == pair).unwrap();
    let (persona, gateway) = (of("persona"), of("gateway"));
    for half in [persona, gateway] {
        assert_eq!(half["phase"], "relaying");
        assert_eq!(
            (&half["bytes_outward"], &half["bytes_inward"]),
            (&json!(4), &json!(4))
        );
        assert!(half["age_ms"].as_u64() >= half["idle_ms"].as_u64());
    }
    let near = live.local_addr().unwrap().to_string();
    assert_eq!(persona["inbound"], json!({ "endpoint": near }));
    assert_eq!(persona["outbound"]["endpoint"], between);
    assert_eq!(
        persona["outbound"]["peer"]["sans"],
        json!(["DNS:localhost"])
    );
    assert_eq!(persona["outbound"]["tls"]["version"], "TLSv1.3");
    assert_eq!(gateway["inbound"]["peer"]["subject"], "CN=alice");
    assert_eq!(gateway["inbound"]["peer"]["allowed_by"], "cn:alice");
    assert_eq!(gateway["outbound"].get("peer"), None);
    assert_eq!(page["open"], 2);
    assert_eq!(
        (&page["truncated"], &page["silent_workers"]),
        (&json!(false), &json!(0))
    );
    drop(live);
    self::page(admin, |page| list(page).is_empty());
}

#[test]
fn a_connection_in_its_handshake_is_told_as_that() {
    let pki = TestPki::new();
    let program = Program::run(&told(pairs::server(&pki, backend::echo())));
    let mut silent = program.connect("gateway");
    silent.write_all(&[22, 3, 1]).unwrap();
    let page = page(program.admin("everything"), |page| list(page).len() == 1);
    let half = &list(&page)[0];
    assert_eq!(half["phase"], "inbound_handshake");
    assert_eq!(half["outbound"], json!({ "endpoint": null }));
}

#[test]
fn of_very_many_connections_a_thousand_of_each_worker_are_told() {
    const MANY: usize = 1100;
    let pki = TestPki::new();
    assert!(
        raise_descriptors(4096) >= 4096,
        "the descriptor limit is too low for this test"
    );
    let config = pairs::with(pairs::server(&pki, backend::echo()), "/workers", 1);
    let config = pairs::with(config, "/timeouts/handshake", "10m");
    let program = Program::run(&told(config));
    let silent: Vec<_> = (0..MANY).map(|_| program.connect("gateway")).collect();
    let page = page(program.admin("everything"), |page| page["open"] == MANY);
    assert_eq!(list(&page).len(), 1000);
    assert_eq!(page["truncated"], true);
    drop(silent);
}

#[test]
fn the_workers_are_asked_once_a_second_at_most() {
    let pki = TestPki::new();
    let program = Program::run(&told(pairs::both(&pki, backend::echo())));
    let admin = program.admin("everything");
    let mut live = program.connect("persona");
    ping(&mut live);
    page(admin, |page| list(page).len() == 2);
    // Asked anew each time, one of them would be older each time.
    until("the same page ten times over", || {
        let pages = [(); 10].map(|()| get(admin, "/connections").body);
        pages.iter().all(|page| *page == pages[0]).then_some(())
    });
    let before = get(admin, "/connections").body;
    until("another page", || {
        (get(admin, "/connections").body != before).then_some(())
    });
}
