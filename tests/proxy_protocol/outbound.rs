//! Headers that go out.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use serde_json::{Value, json};

use crate::support::certs::TestPki;
use crate::support::program::Program;
use crate::support::tls::{TlsPeer, echo};
use crate::support::{backend, pairs};
use crate::{BINARY, LINE, LOCAL, alice, localhost, ping, with_proxy};

/// A service that reads a line, answers with it, and then echoes.
fn line_service() -> SocketAddr {
    backend::service(|stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let mut sink = &stream;
        sink.write_all(line.as_bytes()).unwrap();
        let _ = std::io::copy(&mut reader, &mut sink);
        let _ = stream.shutdown(Shutdown::Write);
    })
}

/// A line as it comes.
fn read_line(stream: &mut impl Read) -> String {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

/// What a header of version 1 says of a connection between these.
fn told(source: SocketAddr, destination: SocketAddr) -> String {
    let (from, to) = (source.ip(), destination.ip());
    format!(
        "PROXY TCP4 {from} {to} {} {}\r\n",
        source.port(),
        destination.port()
    )
}

/// The ends of a connection, as the one that opened it sees them.
fn ends(stream: &TcpStream) -> (SocketAddr, SocketAddr) {
    (stream.local_addr().unwrap(), stream.peer_addr().unwrap())
}

fn gateway(pki: &TestPki, service: SocketAddr, proxy: Value) -> Program {
    Program::run(&with_proxy(pairs::server(pki, service), proxy))
}

#[test]
fn a_service_has_the_header_before_the_client_has_said_a_word() {
    let pki = TestPki::new();
    let program = gateway(&pki, line_service(), json!({ "out": "v1" }));
    let stream = program.connect("gateway");
    let (source, destination) = ends(&stream);
    let mut peer = TlsPeer::dialled(stream, destination, &alice(&pki)).unwrap();
    assert_eq!(read_line(&mut peer), told(source, destination));
    ping(&mut peer);
    peer.end().unwrap();
    let access = program.access("gateway", 0);
    assert_eq!(access.reason(), "completed");
    // It is no part of what is forwarded.
    assert_eq!(access.number("bytes_outward"), 4);
}

#[test]
fn a_client_that_ends_without_a_word_is_told_to_the_service_all_the_same() {
    let pki = TestPki::new();
    let program = gateway(&pki, line_service(), json!({ "out": "v1" }));
    let stream = program.connect("gateway");
    let (source, destination) = ends(&stream);
    let mut peer = TlsPeer::dialled(stream, destination, &alice(&pki)).unwrap();
    peer.end().unwrap();
    let mut all = String::new();
    peer.read_to_string(&mut all).unwrap();
    assert_eq!(all, told(source, destination));
    assert_eq!(program.access("gateway", 0).reason(), "completed");
}

/// A TLS echo that takes a header of so many bytes first, and begins with it.
fn tls_behind_header(pki: &TestPki, len: usize) -> SocketAddr {
    let credentials = localhost(pki);
    backend::service(move |mut stream| {
        let mut header = vec![0; len];
        stream.read_exact(&mut header).unwrap();
        let mut peer = TlsPeer::accept(stream, &credentials).unwrap();
        peer.write_all(&header).unwrap();
        echo(peer);
    })
}

#[test]
fn a_header_goes_before_tls() {
    let pki = TestPki::new();
    let service = tls_behind_header(&pki, 28);
    let config = pairs::client(&pki, service);
    let program = Program::run(&with_proxy(config, json!({ "out": "v2" })));
    let mut stream = program.connect("persona");
    let (SocketAddr::V4(source), SocketAddr::V4(destination)) = ends(&stream) else {
        panic!("it was IPv4");
    };
    let mut header = [0; 28];
    stream.read_exact(&mut header).unwrap();
    // Of a client in plain nothing is known but its address.
    let ports = [source.port(), destination.port()]
        .map(u16::to_be_bytes)
        .concat();
    let ips = [source.ip().octets(), destination.ip().octets()].concat();
    let expected = [&BINARY[..12], b"\x21\x11\0\x0c", &ips, &ports].concat();
    assert_eq!(header[..], expected);
    ping(&mut stream);
}

#[test]
fn what_a_header_has_told_is_told_on_and_where_it_tells_nobody_the_real_ends_are() {
    let pki = TestPki::new();
    let proxy = json!({ "in": { "from": "127.0.0.1" }, "out": "v1" });
    let program = gateway(&pki, line_service(), proxy);
    for header in [LINE, BINARY, LOCAL, b"PROXY UNKNOWN\r\n"] {
        let mut stream = program.connect("gateway");
        let (source, destination) = ends(&stream);
        stream.write_all(header).unwrap();
        let mut peer = TlsPeer::dialled(stream, destination, &alice(&pki)).unwrap();
        let expected = match header {
            LINE | BINARY => String::from_utf8(LINE.to_vec()).unwrap(),
            _ => told(source, destination),
        };
        assert_eq!(read_line(&mut peer), expected);
    }
}

#[test]
fn a_header_of_a_client_that_is_not_listed_comes_behind_our_own_as_data() {
    let pki = TestPki::new();
    let service = tls_behind_header(&pki, 28);
    let proxy = json!({ "in": { "from": "192.0.2.1" }, "out": "v2" });
    let program = Program::run(&with_proxy(pairs::client(&pki, service), proxy));
    let mut stream = program.connect("persona");
    stream.write_all(BINARY).unwrap();
    let (mut ours, mut theirs) = ([0; 28], [0; 28]);
    stream.read_exact(&mut ours).unwrap();
    stream.read_exact(&mut theirs).unwrap();
    assert_eq!(&ours[16..20], [127, 0, 0, 1]);
    assert_eq!(theirs, BINARY);
}

#[test]
fn an_ipv4_client_of_a_listener_for_all_addresses_is_told_in_ipv4() {
    let pki = TestPki::new();
    let address = pairs::lone_address();
    let config = pairs::server(&pki, line_service());
    let inbound = format!(":{}", address.port());
    let config = pairs::with(config, "/address_pairs/0/inbound", inbound);
    let _program = Program::run(&with_proxy(config, json!({ "out": "v1" })));
    let stream = TcpStream::connect(address).unwrap();
    let (source, destination) = ends(&stream);
    let mut peer = TlsPeer::dialled(stream, destination, &alice(&pki)).unwrap();
    assert_eq!(read_line(&mut peer), told(source, destination));
}

#[test]
fn a_client_of_a_unix_socket_has_no_address_to_be_told() {
    let pki = TestPki::new();
    let unspecified = [&LOCAL[..12], b"\x21\0\0\0"].concat();
    for (version, header) in [("v1", &b"PROXY UNKNOWN\r\n"[..]), ("v2", &unspecified)] {
        let path = pki.folder().join(version);
        let service = tls_behind_header(&pki, header.len());
        let inbound = format!("unix:{}", path.display());
        let config = pairs::client(&pki, service);
        let config = pairs::with(config, "/address_pairs/0/inbound", inbound);
        let _program = Program::run(&with_proxy(config, json!({ "out": version })));
        let mut stream = UnixStream::connect(&path).unwrap();
        let mut told = vec![0; header.len()];
        stream.read_exact(&mut told).unwrap();
        assert_eq!(told, header);
        ping(&mut stream);
    }
}

#[test]
fn a_service_behind_a_unix_socket_is_told_the_clients_address() {
    let pki = TestPki::new();
    let path = pki.folder().join("service");
    let listener = UnixListener::bind(&path).unwrap();
    let outbound = format!("unix:{}", path.display());
    let config = pairs::server(&pki, pairs::lone_address());
    let config = pairs::with(config, "/address_pairs/0/outbound", outbound);
    let program = Program::run(&with_proxy(config, json!({ "out": "v1" })));
    let stream = program.connect("gateway");
    let (source, destination) = ends(&stream);
    let _peer = TlsPeer::dialled(stream, destination, &alice(&pki)).unwrap();
    let (mut service, _) = listener.accept().unwrap();
    assert_eq!(read_line(&mut service), told(source, destination));
}
