//! What takes too long is cut, with a reset where half an answer could be taken for a whole one.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::support::certs::TestPki;
use super::support::program::Program;
use super::support::tls::{self, TlsPeer};
use super::support::wait::{PATIENCE, until};
use super::support::{backend, pairs};
use super::{alice, assert_reset, localhost, ping};

/// Waits for so many access lines of the pair, all of them with that reason.
fn assert_reasons(program: &Program, pair: &str, reason: &str, count: usize) {
    let accesses = until("the access lines", || {
        let accesses = program.accesses(pair);
        let matching = accesses.iter().filter(|access| access.reason() == reason);
        (matching.count() >= count).then_some(accesses)
    });
    let matching = accesses.iter().filter(|access| access.reason() == reason);
    assert_eq!(matching.count(), count);
}

/// Begins a TLS record and sends the rest of it so slowly that it will not be done in time; gives back
/// once it was cut.
fn dribble(to: SocketAddr) {
    const RECORD: usize = 4096;
    let mut stream = TcpStream::connect(to).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(10)))
        .unwrap();
    stream.write_all(&[22, 3, 1, 16, 0]).unwrap();
    for sent in 0..RECORD {
        match stream.read(&mut [0]) {
            Ok(0) => return,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
            Ok(_) => panic!("an answer to a part of a record"),
        }
        if stream.write_all(&[u8::from(sent == 0)]).is_err() {
            return;
        }
    }
    panic!("a whole record was taken, byte by byte");
}

#[test]
fn silent_and_slow_peers_are_cut_at_the_handshake_deadline_and_others_are_served() {
    const SILENT: usize = 300;
    const SLOW: usize = 20;
    let pki = TestPki::new();
    let config = pairs::server(&pki, backend::echo());
    let config = pairs::with(config, "/timeouts/handshake", "3s");
    let program = Program::run(&config);
    let address = program.addr("gateway");
    let base = program.descriptors();
    let mut silent: Vec<TcpStream> = (0..SILENT).map(|_| program.connect("gateway")).collect();
    let slow: Vec<_> = (0..SLOW)
        .map(|_| std::thread::spawn(move || dribble(address)))
        .collect();
    let credentials = alice(&pki);
    for _ in 0..5 {
        let mut peer = TlsPeer::connect(address, &credentials).unwrap();
        ping(&mut peer, 10);
        peer.end().unwrap();
    }
    for stream in &mut silent {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    slow.into_iter().for_each(|thread| thread.join().unwrap());
    assert_reasons(&program, "gateway", "handshake_timeout", SILENT + SLOW);
    until("the descriptors to be free", || {
        (program.descriptors() <= base).then_some(())
    });
}

#[test]
fn a_server_that_never_answers_the_handshake_is_given_up_with_a_reset() {
    let pki = TestPki::new();
    let service = backend::service(|mut stream| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let config = pairs::with(pairs::client(&pki, service), "/timeouts/handshake", "1s");
    let program = Program::run(&config);
    assert_reset(&mut program.connect("persona"));
    assert_reasons(&program, "persona", "handshake_timeout", 1);
}

#[test]
fn a_connection_without_a_byte_is_cut_at_the_idle_limit() {
    let pki = TestPki::new();
    let service = tls::service(localhost(&pki), tls::echo);
    let config = pairs::with(pairs::client(&pki, service), "/timeouts/idle", "2s");
    let program = Program::run(&config);
    let mut stream = program.connect("persona");
    ping(&mut stream, 100);
    assert_reset(&mut stream);
    let access = program.access("persona", 0);
    assert_eq!(access.reason(), "idle");
    assert_eq!(access.number("bytes_outward"), 800);
    assert_eq!(access.number("bytes_inward"), 800);
}

#[test]
fn without_an_idle_limit_the_short_deadlines_of_the_beginning_cut_nobody() {
    let pki = TestPki::new();
    let service = tls::service(localhost(&pki), tls::echo);
    let mut config = pairs::client(&pki, service);
    for kind in ["connect", "handshake", "half_close"] {
        config = pairs::with(config, &format!("/timeouts/{kind}"), "2s");
    }
    let program = Program::run(&config);
    let mut kept = program.connect("persona");
    ping(&mut kept, 1);
    // Another one, begun later, is cut after as long: their time has gone by.
    TlsSink::start(&pki).until_cut();
    ping(&mut kept, 1);
}

/// A pair whose service never ends its half; its client has ended its own.
struct TlsSink {
    program: Program,
    stream: TcpStream,
}

impl TlsSink {
    fn start(pki: &TestPki) -> TlsSink {
        let service = tls::service(localhost(pki), |mut peer| {
            peer.write_all(b"half").unwrap();
            // Reads to the end and says no more; the connection goes away with the program's end.
            let _ = std::io::copy(&mut peer, &mut std::io::sink());
            let _ = peer.wait_for_fin();
        });
        let config = pairs::client(pki, service);
        let program = Program::run(&pairs::with(config, "/timeouts/half_close", "2s"));
        let stream = program.connect("persona");
        TlsSink { program, stream }
    }

    fn until_cut(&mut self) {
        let mut answer = [0; 4];
        self.stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"half");
        self.stream.shutdown(Shutdown::Write).unwrap();
        assert_reset(&mut self.stream);
    }
}

#[test]
fn a_half_closed_connection_without_progress_is_cut_with_a_reset() {
    let pki = TestPki::new();
    let mut sink = TlsSink::start(&pki);
    sink.until_cut();
    let access = sink.program.access("persona", 0);
    assert_eq!(access.reason(), "half_close_idle");
    assert_eq!(access.number("bytes_inward"), 4);
}

#[test]
fn a_connection_whose_reader_has_stopped_is_cut_at_the_idle_limit() {
    let pki = TestPki::new();
    let (hand_over, readers) = std::sync::mpsc::channel();
    let service = tls::service(localhost(&pki), move |peer| hand_over.send(peer).unwrap());
    let config = pairs::client(&pki, service);
    let program = Program::run(&pairs::with(config, "/timeouts/idle", "2s"));
    let mut stream = program.connect("persona");
    let _reader = readers.recv_timeout(PATIENCE).unwrap();
    // More than any buffer on the way holds: the connection is cut under the sender.
    let piece = vec![7; 1 << 20];
    until("the sender to be cut", || {
        stream.write_all(&piece).is_err().then_some(())
    });
    assert_reasons(&program, "persona", "idle", 1);
}
