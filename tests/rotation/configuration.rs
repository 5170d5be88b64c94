//! Another configuration: pairs that come, go and change, and those that stay.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileTypeExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::json;

use super::ground::{Ground, address, dial, hear, listener, reach};
use super::support::duplex::unix_connect;
use super::support::tls::TlsPeer;
use super::support::wait::until;
use super::support::{backend, rotate};
use super::{Over, alice, ping};

/// Nothing listens there any more.
fn until_refused(address: SocketAddr) {
    until("the listener to be closed", || {
        let error = TcpStream::connect(address).err()?;
        (error.kind() == ErrorKind::ConnectionRefused).then_some(())
    });
}

#[test]
fn a_pair_that_is_added_listens_and_serves() {
    let mut ground = Ground::run(1, json!({ "on_reload": "close" }));
    let (mut live, _) = ground.reach(0);
    let new = ground.new_pair("new");
    let config = ground.but(|pairs| pairs.push(new));
    until_refused(address(&config["address_pairs"][1]));
    ground.take(config);
    ping(&mut ground.reach(1).0);
    ping(&mut ground.reach(0).0);
    ping(&mut live);
}

#[test]
fn a_pair_that_is_removed_listens_no_more_and_its_connections_go_on() {
    let mut ground = Ground::run(2, json!({}));
    let (mut live, _) = ground.reach(0);
    let (mut other, _) = ground.reach(1);
    let gone = ground.address(0);
    ground.take(ground.but(|pairs| drop(pairs.remove(0))));
    until_refused(gone);
    for stream in [&mut live, &mut other, &mut ground.reach(0).0] {
        ping(stream);
    }
}

#[test]
fn a_pair_that_was_removed_can_come_back() {
    let mut ground = Ground::run(2, json!({}));
    let both = ground.config.clone();
    let gone = ground.address(1);
    let (mut live, _) = ground.reach(1);
    for _ in 0..5 {
        ground.take(ground.but(|pairs| drop(pairs.pop())));
        until_refused(gone);
        ground.take(both.clone());
        ping(&mut ground.reach(1).0);
        ping(&mut live);
    }
}

#[test]
fn new_connections_go_to_a_new_destination_and_none_is_refused_meanwhile() {
    let mut ground = Ground::run(2, json!({}));
    let (mut live, _) = ground.reach(0);
    let socket = listener(ground.address(0)).unwrap();
    let (is_over, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let address = ground.address(0);
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                let (mut stream, service) = reach(address);
                assert!(service < 2);
                ping(&mut stream);
                count.fetch_add(1, Ordering::AcqRel);
            }
        });
        for round in 0..20 {
            let service = (round + 1) % 2;
            let outbound = ground.service(service);
            ground.take(ground.but(|pairs| pairs[0]["outbound"] = outbound));
            until("the new destination", || {
                (usize::from(ground.reach(0).1) == service).then_some(())
            });
            assert_eq!(ground.reach(1).1, 0);
            let before = count.load(Ordering::Acquire);
            until("connections", || {
                (count.load(Ordering::Acquire) > before).then_some(())
            });
        }
    });
    assert_eq!(listener(address).unwrap(), socket);
    ping(&mut live);
}

#[test]
fn a_limit_that_is_raised_lets_in_who_waits() {
    let mut ground = Ground::run(1, json!({}));
    ground.take(ground.but(|pairs| pairs[0]["limits"] = json!({ "connections": 1 })));
    let (mut first, _) = ground.reach(0);
    let mut second = dial(ground.address(0));
    // In so many answers it would have had its own.
    (0..300).for_each(|_| ping(&mut first));
    second.set_nonblocking(true).unwrap();
    let heard = second.read(&mut [0]);
    assert_eq!(heard.unwrap_err().kind(), ErrorKind::WouldBlock);
    second.set_nonblocking(false).unwrap();
    ground.take(ground.but(|pairs| pairs[0]["limits"] = json!({ "connections": 2 })));
    hear(&mut second);
    ping(&mut second);
    ping(&mut first);
}

#[test]
fn a_limit_over_all_pairs_that_is_raised_lets_in_who_waits() {
    let mut ground = Ground::run(2, json!({ "limits": { "connections": 1 } }));
    let (mut first, _) = ground.reach(0);
    let mut second = dial(ground.address(1));
    (0..300).for_each(|_| ping(&mut first));
    second.set_nonblocking(true).unwrap();
    assert!(second.read(&mut [0]).is_err());
    second.set_nonblocking(false).unwrap();
    let mut config = ground.config.clone();
    config["limits"]["connections"] = json!(2);
    ground.take(config);
    hear(&mut second);
    ping(&mut first);
}

#[test]
fn pairs_that_stand_in_another_order_are_the_same_ones() {
    let mut ground = Ground::run(3, json!({ "on_reload": "close" }));
    let mut live: Vec<TcpStream> = (0..3).map(|place| ground.reach(place).0).collect();
    let sockets = |ground: &Ground| [0, 1, 2].map(|place| listener(ground.address(place)));
    let mut sockets_before = sockets(&ground);
    ground.take(ground.but(|pairs| pairs.reverse()));
    sockets_before.reverse();
    assert_eq!(sockets(&ground), sockets_before);
    live.iter_mut().for_each(ping);
    (0..3).for_each(|place| ping(&mut ground.reach(place).0));
}

#[test]
fn a_pair_that_is_renamed_is_the_same_one_by_another_name() {
    let mut ground = Ground::run(2, json!({}));
    let (mut live, _) = ground.reach(0);
    let socket = listener(ground.address(0));
    ground.take(ground.but(|pairs| pairs[0]["name"] = json!("renamed")));
    until("an access line of that name", || {
        drop(ground.reach(0));
        let accesses = ground.program.accesses("renamed");
        (!accesses.is_empty()).then_some(())
    });
    assert_eq!(listener(ground.address(0)), socket);
    ping(&mut live);
}

#[test]
fn a_pair_that_becomes_a_gateway_keeps_its_listener_and_its_plain_connections() {
    let mut ground = Ground::run(1, json!({}));
    let (mut live, _) = ground.reach(0);
    let socket = listener(ground.address(0));
    let server = ground.pki.server("localhost");
    let echo = backend::echo().to_string();
    let address = ground.address(0).to_string();
    ground.take(ground.but(|pairs| {
        pairs[0] = json!({
            "mode": "server", "inbound": address, "outbound": echo,
            "cert": server.cert, "key": server.key,
        });
    }));
    let client = alice(&ground.pki);
    let mut peer = until("a gateway", || {
        TlsPeer::connect(ground.address(0), &client).ok()
    });
    ping(&mut peer);
    assert_eq!(listener(ground.address(0)), socket);
    ping(&mut live);
}

#[test]
fn a_unix_socket_comes_and_goes_with_its_pair() {
    let mut ground = Ground::run(1, json!({}));
    let path = ground.pki.folder().join("inbound");
    let mut pair = ground.new_pair("unix");
    pair["inbound"] = json!(format!("unix:{}", path.display()));
    let with = ground.but(|pairs| pairs.push(pair));
    let without = ground.config.clone();
    ground.take(with.clone());
    let mut live = unix_connect(&path);
    hear(&mut live);
    // It is the same socket as long as the pair is the same.
    ground.take(with);
    assert!(path.metadata().unwrap().file_type().is_socket());
    let mut second = unix_connect(&path);
    hear(&mut second);
    ground.take(without);
    until("the file to go", || (!path.exists()).then_some(()));
    ping(&mut live);
    ping(&mut second);
    ping(&mut ground.reach(0).0);
}

#[test]
fn a_watched_configuration_is_taken_without_a_signal_and_its_new_files_are_watched() {
    let ground = Ground::run(1, json!({ "watch": true }));
    let (mut live, _) = ground.reach(0);
    let files = ground.pki.folder().join("new");
    let files = rotate::copy_into(&files, &ground.pki.client("first"));
    let mut pair = ground.new_pair("new");
    pair["cert"] = json!(files.cert);
    pair["key"] = json!(files.key);
    let config = ground.but(|pairs| pairs.push(pair));
    ground.program.reconfigure(&config);
    let until_generation = |number| {
        until("the generation", || {
            (ground.program.generation() == number).then_some(())
        });
    };
    until_generation(2);
    ping(&mut reach(address(&config["address_pairs"][1])).0);
    rotate::rename_key_first(&ground.pki.client("second"), &files);
    until_generation(3);
    assert_eq!(ground.program.errors(), 0);
    ping(&mut live);
}

#[test]
fn watching_can_be_switched_on_and_off() {
    let mut ground = Ground::run(1, json!({}));
    let mut config = ground.config.clone();
    config["watch"] = json!(true);
    ground.take(config.clone());
    let new = ground.new_pair("new");
    config["address_pairs"].as_array_mut().unwrap().push(new);
    config["watch"] = json!(false);
    ground.program.reconfigure(&config);
    until("the generation", || {
        (ground.program.generation() == 3).then_some(())
    });
    ping(&mut reach(address(&config["address_pairs"][1])).0);
}
