#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::config::{Pair, parse, print};
use crate::identity::{Pin, Pins};

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const BASE64: &str = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

fn file(keys: Value) -> Value {
    let mut pair = json!({ "inbound": ":1", "outbound": "db:1", "trust": "pinned" });
    for (key, value) in keys.as_object().unwrap() {
        pair[key] = value.clone();
    }
    json!({ "cert": "c", "key": "k", "crl": "l", "address_pairs": [pair] })
}

/// The pair with these keys more. No authority is named anywhere.
fn pinned(keys: Value) -> Pair {
    parse(&file(keys).to_string())
        .unwrap()
        .config
        .pairs
        .remove(0)
}

fn problems(keys: Value) -> String {
    parse(&file(keys).to_string()).unwrap_err().to_string()
}

fn pin(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

#[test]
fn a_pair_with_pins_needs_no_authority_and_no_name_and_takes_no_lists_from_the_top() {
    let pair = pinned(json!({ "pins": HEX, "outbound": "unix:/s" }));
    let servers = vec![pin(HEX)];
    let clients = Vec::new();
    assert_eq!(pair.tls.pins, Some(Pins { clients, servers }));
    assert_eq!((pair.server_name, pair.tls.ca.len()), (None, 0));
    assert!(pair.tls.revocation.crl.is_empty());
}

#[test]
fn a_pin_is_the_same_however_it_is_written_and_is_the_peers_of_the_tls_leg() {
    let other = "11".repeat(32);
    let pair = pinned(json!({ "mode": "server", "pins": [BASE64, other] }));
    let clients = vec![pin(HEX), pin(&other)];
    let servers = Vec::new();
    assert_eq!(pair.tls.pins, Some(Pins { clients, servers }));
    let pair = pinned(json!({ "mode": "bridge", "pins": HEX, "pins_outbound": other }));
    let (clients, servers) = (vec![pin(HEX)], vec![pin(&other)]);
    assert_eq!(pair.tls.pins, Some(Pins { clients, servers }));
}

#[test]
fn what_goes_by_authorities_or_names_is_refused_beside_pins() {
    for (key, value) in [
        ("ca", json!("a")),
        ("ca_cert", json!("a")),
        ("crl", json!("l")),
        ("crl_scope", json!("leaf")),
        ("on_stale_crl", json!("warn")),
        ("server_name", json!("db")),
        ("allow", json!({})),
        ("allow_mode", json!("observe")),
    ] {
        let told = problems(json!({ "pins": HEX, key: value }));
        assert!(
            told.contains(&format!("address_pairs[0].{key}: ")),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn pins_and_trust_come_together_and_fit_the_mode() {
    for (keys, place) in [
        (json!({}), "pins: missing"),
        (json!({ "pins": [] }), "pins: missing"),
        (json!({ "pins": "x" }), "pins: \"x\": it is no SHA-256"),
        (
            json!({ "pins": [HEX, "x"] }),
            "pins[1]: \"x\": it is no SHA-256",
        ),
        (
            json!({ "pins": HEX, "trust": "ca" }),
            "pins: means nothing without",
        ),
        (json!({ "pins": HEX, "trust": "key" }), "trust: "),
        (
            json!({ "pins": HEX, "pins_outbound": HEX }),
            "pins_outbound: only a \"bridge\"",
        ),
        (
            json!({ "pins": HEX, "mode": "bridge" }),
            "pins_outbound: missing",
        ),
        (
            json!({ "pins_outbound": HEX, "mode": "bridge" }),
            "pins: missing",
        ),
    ] {
        let told = problems(keys);
        assert!(
            told.contains(&format!("address_pairs[0].{place}")),
            "{told}"
        );
    }
    let mut connector = file(json!({ "pins": HEX, "mode": "connector" }));
    let pair = connector["address_pairs"][0].as_object_mut().unwrap();
    pair.remove("outbound");
    let told = parse(&connector.to_string()).unwrap_err().to_string();
    assert!(
        told.contains("address_pairs[0].trust: a \"connector\""),
        "{told}"
    );
}

#[test]
fn a_pair_with_pins_is_the_same_when_it_was_printed() {
    let mut many =
        file(json!({ "mode": "bridge", "pins": [HEX, "22".repeat(32)], "pins_outbound": HEX }));
    let pairs = many["address_pairs"].as_array_mut().unwrap();
    pairs.push(json!({ "inbound": ":2", "outbound": "db:1", "trust": "pinned", "pins": BASE64 }));
    pairs.push(json!({ "inbound": ":3", "outbound": "db:1", "ca": "a" }));
    let config = parse(&many.to_string()).unwrap().config;
    assert_eq!(parse(&print(&config)).unwrap().config, config);
}

#[test]
fn other_pins_are_other_peers_of_the_same_pair() {
    let one = pinned(json!({ "mode": "server", "pins": HEX }));
    let other = pinned(json!({ "mode": "server", "pins": "22".repeat(32) }));
    assert_ne!(one, other);
    assert!(one.is_same_but_for_peers(&other));
}
