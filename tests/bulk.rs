//! Large streams: every byte arrives, in its place, and a half stream is never taken for a whole one.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;
use support::certs::{IdentityFiles, TestPki};
use support::duplex::{self, Duplex as _};
use support::program::Program;
use support::tls::alice;
use support::tls::{TlsPeer, credentials};
use support::wait::until;
use support::{backend, pairs, pattern};

use mtls_persona::tls::{Credentials, Role};

const MIB: u64 = 1024 * 1024;
const TOTAL: u64 = 64 * MIB;

/// A TLS server that reads a pattern to its end and then answers with one of the same length.
fn tls_service(pki: &TestPki) -> std::net::SocketAddr {
    let credentials = credentials(&pki.server("localhost"), &pki.ca, Role::Server);
    backend::service(move |stream| {
        let mut peer = TlsPeer::accept(stream, &credentials).unwrap();
        let (came, end) = pattern::receive(&mut peer);
        end.unwrap();
        pattern::send(&mut peer, came).unwrap();
        peer.end().unwrap();
        // The program's FIN, behind its close_notify: nothing of the answer is destroyed.
        let _ = peer.read(&mut [0]);
    })
}

/// The other side of [`tls_service`] and of [`duplex::answer`].
fn tls_ask(program: &Program, pair: &str, credentials: &Credentials) {
    let mut peer = TlsPeer::connect(program.addr(pair), credentials).unwrap();
    pattern::send(&mut peer, TOTAL).unwrap();
    peer.end().unwrap();
    let (came, end) = pattern::receive(&mut peer);
    end.unwrap();
    assert_eq!(came, TOTAL);
}

fn assert_whole(program: &Program, pair: &str) {
    let access = program.access(pair, 0);
    assert_eq!(access.reason(), "completed");
    assert_eq!(access.number("bytes_outward"), TOTAL);
    assert_eq!(access.number("bytes_inward"), TOTAL);
}

#[test]
fn a_large_request_and_a_large_answer_behind_its_end_pass_through_both_halves() {
    let pki = TestPki::new();
    let service = backend::service(|stream| duplex::answer(stream, TOTAL));
    let program = Program::run(&pairs::both(&pki, service));
    duplex::ask(program.connect("persona"), TOTAL);
    assert_whole(&program, "persona");
    assert_whole(&program, "gateway");
}

#[test]
fn both_directions_are_large_at_once() {
    let pki = TestPki::new();
    let service = backend::service(|stream| duplex::exchange(stream, TOTAL));
    let program = Program::run(&pairs::both(&pki, service));
    duplex::exchange(program.connect("persona"), TOTAL);
    assert_whole(&program, "persona");
    assert_whole(&program, "gateway");
}

#[test]
fn a_persona_alone_carries_them_to_another_tls_server() {
    let pki = TestPki::new();
    let program = Program::run(&pairs::client(&pki, tls_service(&pki)));
    duplex::ask(program.connect("persona"), TOTAL);
    assert_whole(&program, "persona");
}

#[test]
fn a_gateway_alone_takes_them_from_another_tls_client() {
    let pki = TestPki::new();
    let service = backend::service(|stream| duplex::answer(stream, TOTAL));
    let program = Program::run(&pairs::server(&pki, service));
    tls_ask(&program, "gateway", &alice(&pki));
    assert_whole(&program, "gateway");
}

#[test]
fn a_bridge_carries_them_between_two_other_tls_peers() {
    let pki = TestPki::new();
    let IdentityFiles { cert, key } = both_roles(&pki);
    let program = Program::run(&json!({
        "ca": pki.ca, "cert": cert, "key": key,
        "address_pairs": [{
            "name": "bridge", "mode": "bridge", "inbound": "127.0.0.1:0",
            "outbound": tls_service(&pki).to_string(), "server_name": "localhost",
        }],
    }));
    tls_ask(&program, "bridge", &alice(&pki));
    assert_whole(&program, "bridge");
}

/// An identity for a bridge: it serves and it dials.
fn both_roles(pki: &TestPki) -> IdentityFiles {
    use mtls_persona::tls::authority::Purpose;
    pki.issue(&pki.request(Purpose::Both))
}

#[test]
fn unix_sockets_carry_them_on_every_leg() {
    let pki = TestPki::new();
    let path = |name: &str| pki.folder().join(name);
    let (front, middle, back) = (path("front"), path("middle"), path("back"));
    duplex::unix_service(&back, |stream| duplex::answer(stream, TOTAL));
    let unix = |path: &Path| format!("unix:{}", path.display());
    let any = ([127, 0, 0, 1], 1).into();
    let mut config = pairs::both(&pki, any);
    config["address_pairs"][0]["inbound"] = json!(unix(&front));
    config["address_pairs"][0]["outbound"] = json!(unix(&middle));
    config["address_pairs"][1]["inbound"] = json!(unix(&middle));
    config["address_pairs"][1]["outbound"] = json!(unix(&back));
    let program = Program::run(&config);
    duplex::ask(duplex::unix_connect(&front), TOTAL);
    assert_whole(&program, "persona");
    assert_whole(&program, "gateway");
}

#[test]
fn many_small_writes_come_out_as_the_same_stream() {
    const WRITES: usize = 20_000;
    let pki = TestPki::new();
    let program = Program::run(&pairs::both(&pki, backend::echo()));
    let mut stream = program.connect("persona");
    let sizes: Vec<usize> = pattern::random_bytes(7, WRITES)
        .iter()
        .map(|byte| 1 + usize::from(*byte % 90))
        .collect();
    let total: usize = sizes.iter().sum();
    let bytes = pattern::random_bytes(8, total);
    let mut sender = stream.twin();
    let sent = bytes.clone();
    let sending = std::thread::spawn(move || {
        sender.set_nodelay(true).unwrap();
        let mut rest = &sent[..];
        for size in sizes {
            let (piece, behind) = rest.split_at(size);
            sender.write_all(piece).unwrap();
            rest = behind;
        }
        sender.end();
    });
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    sending.join().unwrap();
    assert!(answer == bytes);
}

#[test]
fn a_reader_that_stops_costs_no_memory_and_misses_nothing() {
    const OFFERED: u64 = 200 * MIB;
    let pki = TestPki::new();
    let (hand_over, readers) = mpsc::channel();
    let service = backend::service(move |stream| hand_over.send(stream).unwrap());
    let program = Program::run(&pairs::both(&pki, service));

    // What a worker allocates once, it has allocated behind this.
    let mut warm = Vec::new();
    for _ in 0..4 {
        let stream = program.connect("persona");
        let reader: TcpStream = readers.recv().unwrap();
        warm.push(send_all(stream, 4 * MIB));
        warm.push(std::thread::spawn(move || {
            assert_eq!(pattern::receive(&mut &reader).0, 4 * MIB);
        }));
    }
    warm.into_iter().for_each(|thread| thread.join().unwrap());

    let before = program.memory_kib();
    let offered = Arc::new(AtomicU64::new(0));
    let stream = program.connect("persona");
    let mut reader = readers.recv().unwrap();
    reader.be_patient();
    let counter = Counter(stream, Arc::clone(&offered));
    let sending = send_all(counter, OFFERED);
    let most = until_stuck(&program, &offered);
    let grown = most.saturating_sub(before);
    println!("a stopped reader: {before} KiB before, {grown} KiB more at most");
    assert!(offered.load(Ordering::Relaxed) < OFFERED);
    assert!(grown < 2048, "{grown} KiB");

    let (came, end) = pattern::receive(&mut reader);
    end.unwrap();
    assert_eq!(came, OFFERED);
    sending.join().unwrap();
}

/// Counts what was written.
struct Counter<W>(W, Arc<AtomicU64>);

impl<W: Write> Write for Counter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let count = self.0.write(data)?;
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends the pattern in a thread; the sink goes away with it.
fn send_all(mut sink: impl Write + Send + 'static, total: u64) -> JoinHandle<()> {
    std::thread::spawn(move || pattern::send(&mut sink, total).unwrap())
}

/// Waits until nothing has been offered for a while, because every buffer on the way is full or the
/// sender is done; the most memory that was seen meanwhile, in KiB.
fn until_stuck(program: &Program, offered: &AtomicU64) -> u64 {
    const LOOKS: u32 = 60;
    let (mut last, mut same, mut most) = (0, 0, 0);
    until("the stream to get stuck", || {
        most = most.max(program.memory_kib());
        let now = offered.load(Ordering::Relaxed);
        same = if now == last { same + 1 } else { 0 };
        last = now;
        (now > 0 && same == LOOKS).then_some(())
    });
    most
}

/// A TLS client sends so many bytes through a gateway and dies. The reader behind the gateway takes
/// `promptly` bytes, waits for the stream to get stuck, and takes the rest.
fn truncate(total: u64, promptly: u64) {
    let pki = TestPki::new();
    let (hand_over, readers) = mpsc::channel();
    let service = backend::service(move |stream| hand_over.send(stream).unwrap());
    let program = Program::run(&pairs::server(&pki, service));
    let peer = TlsPeer::connect(program.addr("gateway"), &alice(&pki)).unwrap();
    let mut reader: TcpStream = readers.recv().unwrap();
    reader.be_patient();
    let offered = Arc::new(AtomicU64::new(0));
    let sending = send_all(Counter(peer, Arc::clone(&offered)), total);
    let (came, end) = pattern::receive_range(&mut reader, 0, promptly);
    end.unwrap();
    assert_eq!(came, promptly);
    until_stuck(&program, &offered);
    let (came, end) = pattern::receive_range(&mut reader, came, u64::MAX);
    assert_eq!(came, total);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    sending.join().unwrap();
    let access = program.access("gateway", 0);
    assert_eq!(access.reason(), "tls_truncated");
    assert_eq!(access.number("bytes_outward"), total);
}

#[test]
fn a_peer_that_dies_behind_few_bytes_leaves_them_and_a_reset_to_a_late_reader() {
    truncate(100_000, 0);
}

#[test]
fn a_peer_that_dies_in_mid_stream_leaves_all_its_bytes_and_a_reset_to_a_slow_reader() {
    truncate(64 * MIB, 32 * MIB);
}

/// Reads piece by piece, each a moment after the one before.
struct Slow(TcpStream);

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        std::thread::park_timeout(Duration::from_millis(25));
        let most = into.len().min(16 * 1024);
        self.0.read(&mut into[..most])
    }
}

#[test]
fn a_reader_that_goes_on_gets_everything_however_long_it_takes() {
    const TOTAL: u64 = 4 * MIB;
    let pki = TestPki::new();
    let (hand_over, readers) = mpsc::channel();
    let service = backend::service(move |stream| hand_over.send(stream).unwrap());
    let config = pairs::server(&pki, service);
    // Far less than the reading takes, and far more than lies between two reads.
    let program = Program::run(&pairs::with(config, "/timeouts/half_close", "1s"));
    let peer = TlsPeer::connect(program.addr("gateway"), &alice(&pki)).unwrap();
    let reader: TcpStream = readers.recv().unwrap();
    reader.be_patient();
    let sending = send_all(peer, TOTAL);
    let (came, end) = pattern::receive(&mut Slow(reader));
    assert_eq!(came, TOTAL);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    sending.join().unwrap();
    assert_eq!(program.access("gateway", 0).reason(), "tls_truncated");
}

#[test]
fn a_reader_that_has_stopped_for_good_is_given_up() {
    let pki = TestPki::new();
    let (hand_over, readers) = mpsc::channel();
    let service = backend::service(move |stream| hand_over.send(stream).unwrap());
    let config = pairs::server(&pki, service);
    let program = Program::run(&pairs::with(config, "/timeouts/half_close", "1s"));
    let base = program.descriptors();
    let peer = TlsPeer::connect(program.addr("gateway"), &alice(&pki)).unwrap();
    let _reader: TcpStream = readers.recv().unwrap();
    send_all(peer, 300_000).join().unwrap();
    assert_eq!(program.access("gateway", 0).reason(), "tls_truncated");
    until("the connection to be given up", || {
        (program.descriptors() <= base).then_some(())
    });
}

#[test]
fn a_server_that_dies_in_mid_answer_leaves_its_bytes_and_a_reset_to_a_slow_reader() {
    const ANSWER: u64 = 16 * MIB;
    let pki = TestPki::new();
    let credentials = credentials(&pki.server("localhost"), &pki.ca, Role::Server);
    let offered = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&offered);
    let service = backend::service(move |stream| {
        let peer = TlsPeer::accept(stream, &credentials).unwrap();
        pattern::send(&mut Counter(peer, Arc::clone(&counter)), ANSWER).unwrap();
    });
    let program = Program::run(&pairs::client(&pki, service));
    let mut reader = program.connect("persona");
    until_stuck(&program, &offered);
    let (came, end) = pattern::receive(&mut reader);
    assert_eq!(came, ANSWER);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let access = program.access("persona", 0);
    assert_eq!(access.reason(), "tls_truncated");
    assert_eq!(access.number("bytes_inward"), ANSWER);
}

#[test]
fn a_peer_that_never_sends_close_notify_may_be_declared_to_end_so() {
    let pki = TestPki::new();
    let (tell, told) = mpsc::channel();
    let service = backend::service(move |mut stream| {
        stream.be_patient();
        let (came, end) = pattern::receive(&mut stream);
        tell.send((came, end.is_ok())).unwrap();
    });
    let config = pairs::server(&pki, service);
    let config = pairs::with(config, "/address_pairs/0/on_truncation", "end");
    let program = Program::run(&config);
    let mut peer = TlsPeer::connect(program.addr("gateway"), &alice(&pki)).unwrap();
    pattern::send(&mut peer, MIB).unwrap();
    drop(peer);
    assert_eq!(told.recv().unwrap(), (MIB, true));
}
