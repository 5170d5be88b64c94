//! Configurations with a mistake: nothing of them takes effect, until it is mended.

use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use super::ground::{Ground, address, reach};
use super::ping;
use super::support::pairs::lone_address;
use super::support::reads::Reads;
use super::support::wait::until;

/// A program, a connection of its own, and a good configuration that it does not have yet: pair 0 leads
/// to service 1, and pair 1 is new.
fn ground(more: Value) -> (Ground, TcpStream, Value) {
    let ground = Ground::run(1, more);
    let (live, _) = ground.reach(0);
    let (outbound, new) = (ground.service(1), ground.new_pair("new"));
    let config = ground.but(|pairs| {
        pairs[0]["outbound"] = outbound;
        pairs.push(new);
    });
    (ground, live, config)
}

/// Nothing of that configuration has taken effect.
fn assert_unchanged(ground: &Ground, config: &Value) {
    assert_eq!(ground.program.generation(), 1);
    assert_eq!(ground.reach(0).1, 0);
    let new = TcpStream::connect(address(&config["address_pairs"][1]));
    assert_eq!(new.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

fn until_changed(ground: &Ground, config: &Value) {
    until("the new destination", || {
        (ground.reach(0).1 == 1).then_some(())
    });
    ping(&mut reach(address(&config["address_pairs"][1])).0);
}

/// With a mistake behind its good parts a configuration is refused, and without it is taken.
fn is_dropped_as_a_whole(spoil: impl FnOnce(&Ground, &mut Vec<Value>)) {
    let (mut ground, mut live, config) = ground(json!({}));
    let mut spoilt = config.clone();
    spoil(&ground, spoilt["address_pairs"].as_array_mut().unwrap());
    ground.refuse(&spoilt);
    assert_unchanged(&ground, &config);
    ping(&mut live);
    ground.take(config.clone());
    until_changed(&ground, &config);
    ping(&mut live);
}

#[test]
fn a_configuration_with_an_unknown_key_is_dropped_as_a_whole() {
    is_dropped_as_a_whole(|_, pairs| pairs[1]["on_relaod"] = json!("close"));
}

#[test]
fn a_configuration_with_two_pairs_of_one_name_is_dropped_as_a_whole() {
    is_dropped_as_a_whole(|ground, pairs| pairs.push(ground.new_pair("new")));
}

#[test]
fn a_configuration_with_a_bad_certificate_is_dropped_as_a_whole() {
    is_dropped_as_a_whole(|ground, pairs| {
        let mut pair = ground.new_pair("bad");
        let (cert, key) = (
            ground.pki.client("bob").cert,
            ground.pki.client("carol").key,
        );
        pair["cert"] = json!(cert);
        pair["key"] = json!(key);
        pairs.push(pair);
    });
}

#[test]
fn a_configuration_with_an_address_in_use_is_dropped_as_a_whole_until_it_is_free() {
    let (mut ground, mut live, config) = ground(json!({}));
    let holder = TcpListener::bind(lone_address()).unwrap();
    let mut spoilt = config.clone();
    let mut pair = ground.new_pair("late");
    pair["inbound"] = json!(holder.local_addr().unwrap().to_string());
    let pairs = spoilt["address_pairs"].as_array_mut().unwrap();
    pairs.push(pair);
    ground.refuse(&spoilt);
    assert_unchanged(&ground, &config);
    ping(&mut live);
    drop(holder);
    ground.take(spoilt);
    until_changed(&ground, &config);
    ping(&mut ground.reach(2).0);
}

#[test]
fn a_mistake_in_a_watched_configuration_is_told_and_mended_without_a_signal() {
    let (ground, mut live, config) = ground(json!({ "watch": true }));
    let text = config.to_string();
    fs::write(&ground.program.config, &text[..text.len() / 2]).unwrap();
    until("the refusal", || {
        (ground.program.refusals() > 0).then_some(())
    });
    assert_unchanged(&ground, &config);
    fs::write(&ground.program.config, &text).unwrap();
    until("the configuration", || {
        (ground.program.generation() == 2).then_some(())
    });
    until_changed(&ground, &config);
    ping(&mut live);
}

#[test]
fn a_watched_configuration_that_is_put_back_as_it_was_makes_no_generation() {
    let (ground, mut live, config) = ground(json!({ "watch": true }));
    fs::write(&ground.program.config, "{").unwrap();
    until("the refusal", || {
        (ground.program.refusals() > 0).then_some(())
    });
    let told = ground.program.errors();
    let mut reads = Reads::of(&ground.program.config);
    fs::write(&ground.program.config, ground.config.to_string()).unwrap();
    reads.wait();
    ground.program.reconfigure(&config);
    until("the configuration", || {
        (ground.program.generation() > 1).then_some(())
    });
    assert_eq!(ground.program.generation(), 2);
    assert_eq!(ground.program.errors(), told);
    until_changed(&ground, &config);
    ping(&mut live);
}

#[test]
fn a_mistake_in_a_watched_configuration_is_told_once_whatever_the_interval_brings() {
    let more = json!({ "watch": true, "reload_interval": "1s" });
    let (ground, mut live, config) = ground(more);
    fs::write(&ground.program.config, "{").unwrap();
    until("the refusal", || {
        (ground.program.refusals() > 0).then_some(())
    });
    let told = ground.program.errors();
    let cert = ground.config["cert"].as_str().unwrap();
    let mut reads = Reads::of(cert.as_ref());
    reads.wait();
    // It is a sign, but nothing new.
    fs::write(&ground.program.config, "{").unwrap();
    for _ in 0..4 {
        reads.wait();
    }
    assert_eq!(ground.program.errors(), told);
    assert_eq!(ground.reach(0).1, 0);
    ground.program.reconfigure(&config);
    until_changed(&ground, &config);
    ping(&mut live);
}
