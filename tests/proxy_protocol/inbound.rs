//! Headers that come in, from whom they must.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, TryRecvError};

use serde_json::json;
use socket2::SockRef;

use crate::support::black_hole::BlackHole;
use crate::support::certs::TestPki;
use crate::support::program::Program;
use crate::support::tls::{self, TlsPeer};
use crate::support::wait::{PATIENCE, until};
use crate::support::{backend, pairs};
use crate::{BINARY, LINE, LOCAL, TOLD, alice, from_here, localhost, ping, with_proxy};

/// Round trips of another connection in which one that waits would long have been served.
const A_WHILE: usize = 300;

/// A persona that takes headers from this machine, before a TLS echo.
fn persona(pki: &TestPki) -> Program {
    let service = tls::service(localhost(pki), tls::echo);
    Program::run(&from_here(pairs::client(pki, service)))
}

/// The connection is over, without a byte: reset, or where TLS was to come perhaps ended.
fn assert_over(stream: &mut TcpStream, may_end: bool) {
    match stream.read(&mut [0]) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        Ok(count) => assert!(may_end && count == 0),
    }
}

#[test]
fn a_header_in_single_bytes_is_taken_and_what_stands_right_behind_it_arrives() {
    let pki = TestPki::new();
    let program = persona(&pki);
    for (index, header) in [LINE, BINARY].into_iter().enumerate() {
        let mut stream = program.connect("persona");
        stream.set_nodelay(true).unwrap();
        let peer = stream.local_addr().unwrap().to_string();
        let (last, others) = header.split_last().unwrap();
        for byte in others {
            stream.write_all(&[*byte]).unwrap();
        }
        stream
            .write_all(&[&[*last], &b"early"[..]].concat())
            .unwrap();
        let mut early = [0; 5];
        stream.read_exact(&mut early).unwrap();
        assert_eq!(&early, b"early");
        ping(&mut stream);
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        let access = program.access("persona", index);
        assert_eq!(access.reason(), "completed");
        assert_eq!(access.get("inbound"), peer);
        assert_eq!(access.get("inbound_source"), TOLD);
        // The header is no part of what is forwarded.
        assert_eq!(access.number("bytes_outward"), 9);
    }
}

#[test]
fn a_header_and_all_of_a_short_stream_in_one_packet_with_its_end_arrive() {
    let pki = TestPki::new();
    let program = persona(&pki);
    let mut stream = program.connect("persona");
    SockRef::from(&stream).set_tcp_cork(true).unwrap();
    stream.write_all(&[BINARY, b"all of it"].concat()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"all of it");
    assert_eq!(program.access("persona", 0).reason(), "completed");
}

#[test]
fn tls_begins_behind_the_header_in_the_same_packet_or_in_another() {
    let pki = TestPki::new();
    let program = Program::run(&from_here(pairs::server(&pki, backend::echo())));
    let (address, credentials) = (program.addr("gateway"), alice(&pki));
    for (index, is_one_packet) in [true, false].into_iter().enumerate() {
        let mut stream = program.connect("gateway");
        // The system waits for the first message of TLS, to go with it.
        SockRef::from(&stream).set_tcp_cork(is_one_packet).unwrap();
        stream.write_all(LINE).unwrap();
        let mut peer = TlsPeer::dialled(stream, address, &credentials).unwrap();
        ping(&mut peer);
        peer.end().unwrap();
        let access = program.access("gateway", index);
        assert_eq!(access.get("inbound_source"), TOLD);
        assert_eq!(access.get("inbound_subject"), "CN=alice");
    }
}

#[test]
fn a_header_that_tells_nobody_leaves_the_real_address() {
    let pki = TestPki::new();
    let program = persona(&pki);
    let unknown = b"PROXY UNKNOWN 192.0.2.7 198.51.100.9 1 2\r\n";
    let unspecified = [&LOCAL[..12], b"\x21\0\0\x02xx"].concat();
    for (index, header) in [&unknown[..], LOCAL, &unspecified].into_iter().enumerate() {
        let mut stream = program.connect("persona");
        stream.write_all(header).unwrap();
        ping(&mut stream);
        let peer = stream.local_addr().unwrap().to_string();
        drop(stream);
        let access = program.access("persona", index);
        assert_eq!(
            (access.get("inbound"), access.get("inbound_source")),
            (&*peer, "")
        );
    }
}

#[test]
fn whoever_comes_without_a_header_or_with_a_bad_one_costs_the_destination_no_connection() {
    let pki = TestPki::new();
    let (service, count) = backend::counted();
    let gateway = Program::run(&from_here(pairs::server(&pki, service)));
    let persona = Program::run(&from_here(pairs::client(&pki, service)));
    let too_long = [&BINARY[..14], b"\xff\xff"].concat();
    for (program, pair) in [(&gateway, "gateway"), (&persona, "persona")] {
        let cases = [
            (
                &b"\x16\x03\x01\x02\x00\x01\x00\x01"[..],
                "proxy_header_missing",
            ),
            (b"GET / HTTP/1.1\r\n\r\n", "proxy_header_missing"),
            (
                b"PROXY TCP4 192.0.2.7 198.51.100.9 +1 2\r\n",
                "proxy_header_invalid",
            ),
            (&too_long, "proxy_header_invalid"),
        ];
        for (index, (bytes, reason)) in cases.into_iter().enumerate() {
            let mut stream = program.connect(pair);
            stream.write_all(bytes).unwrap();
            assert_over(&mut stream, pair == "gateway");
            let access = program.access(pair, index);
            assert_eq!((access.reason(), access.get("leg")), (reason, "inbound"));
        }
    }
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn a_header_that_ends_half_way_is_bad_and_a_connection_without_a_byte_is_no_news() {
    let pki = TestPki::new();
    let program = persona(&pki);
    for (index, header) in [&LINE[..20], &BINARY[..20], b""].into_iter().enumerate() {
        let mut stream = program.connect("persona");
        stream.write_all(header).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_over(&mut stream, false);
        let reason = match header {
            b"" => "inbound_gone",
            _ => "proxy_header_invalid",
        };
        assert_eq!(program.access("persona", index).reason(), reason);
    }
}

#[test]
fn silent_and_slow_sources_are_cut_at_the_deadline_and_others_are_served() {
    let pki = TestPki::new();
    let echo = tls::service(localhost(&pki), tls::echo);
    for (config, pair) in [
        (pairs::client(&pki, echo), "persona"),
        (pairs::server(&pki, backend::echo()), "gateway"),
    ] {
        let config = pairs::with(from_here(config), "/timeouts/handshake", "2s");
        let program = Program::run(&config);
        let silent = program.connect(pair);
        let mut slow = program.connect(pair);
        slow.write_all(&BINARY[..5]).unwrap();
        let mut good = program.connect(pair);
        good.write_all(LINE).unwrap();
        match pair {
            "persona" => ping(&mut good),
            _ => {
                let address = program.addr(pair);
                let mut peer = TlsPeer::dialled(good, address, &alice(&pki)).unwrap();
                ping(&mut peer);
            }
        }
        for mut stream in [silent, slow] {
            assert_over(&mut stream, pair == "gateway");
        }
        until("both to be told", || {
            let accesses = program.accesses(pair).into_iter();
            let timeouts = accesses.filter(|access| access.reason() == "proxy_header_timeout");
            (timeouts.count() == 2).then_some(())
        });
    }
}

#[test]
fn the_time_for_the_header_is_over_once_it_is_there() {
    let pki = TestPki::new();
    let hole = BlackHole::open();
    let config = from_here(pairs::client(&pki, hole.address()));
    let waits = json!({ "handshake": "1s", "connect": "2s" });
    let program = Program::run(&pairs::with(config, "/timeouts", waits));
    let mut stream = program.connect("persona");
    stream.write_all(LINE).unwrap();
    assert_over(&mut stream, false);
    assert_eq!(program.access("persona", 0).reason(), "connect_timeout");
}

#[test]
fn a_tls_handshake_has_what_the_header_has_left_of_the_time() {
    let pki = TestPki::new();
    let config = from_here(pairs::server(&pki, backend::echo()));
    let program = Program::run(&pairs::with(config, "/timeouts/handshake", "1s"));
    let mut stream = program.connect("gateway");
    stream.write_all(LINE).unwrap();
    assert_over(&mut stream, true);
    let access = program.access("gateway", 0);
    assert_eq!(access.reason(), "handshake_timeout");
    assert_eq!(access.get("inbound_source"), TOLD);
}

#[test]
fn who_owes_a_header_before_tls_counts_as_a_handshake_under_way() {
    let pki = TestPki::new();
    let mut config = from_here(pairs::server(&pki, backend::echo()));
    let service = tls::service(localhost(&pki), tls::echo);
    let persona = pairs::client(&pki, service);
    let mut other = persona["address_pairs"][0].clone();
    for key in ["cert", "key"] {
        other[key] = persona[key].clone();
    }
    config["address_pairs"].as_array_mut().unwrap().push(other);
    let program = Program::run(&pairs::with(config, "/limits/handshakes", 1));
    // Its handshake is done before there is one that is not.
    let mut other = program.connect("persona");
    ping(&mut other);
    let mut owing = program.connect("gateway");
    owing.write_all(&LINE[..7]).unwrap();
    let mut waiting = program.connect("gateway");
    waiting.write_all(LINE).unwrap();
    let (address, credentials) = (program.addr("gateway"), alice(&pki));
    let (tell, served) = mpsc::channel();
    std::thread::spawn(move || {
        let mut peer = TlsPeer::dialled(waiting, address, &credentials).unwrap();
        ping(&mut peer);
        tell.send(()).unwrap();
    });
    for _ in 0..A_WHILE {
        ping(&mut other);
    }
    assert_eq!(served.try_recv(), Err(TryRecvError::Empty));
    drop(owing);
    served.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_unix_socket_takes_headers_from_all_who_connect_to_it() {
    let pki = TestPki::new();
    let path = pki.folder().join("inbound");
    let service = tls::service(localhost(&pki), tls::echo);
    let inbound = format!("unix:{}", path.display());
    let config = pairs::with(
        pairs::client(&pki, service),
        "/address_pairs/0/inbound",
        inbound,
    );
    let program = Program::run(&with_proxy(config, json!({ "in": { "from": "unix:" } })));
    let mut stream = UnixStream::connect(&path).unwrap();
    for byte in BINARY {
        stream.write_all(&[*byte]).unwrap();
    }
    ping(&mut stream);
    drop(stream);
    let access = program.access("persona", 0);
    assert_eq!(access.get("inbound_source"), TOLD);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"no header").unwrap();
    let access = program.access("persona", 1);
    assert_eq!(access.reason(), "proxy_header_missing");
}
