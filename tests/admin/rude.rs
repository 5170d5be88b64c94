//! Clients that are slow, many or rude, while others go on.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::TryRecvError;
use serde_json::json;

use super::support::certs::TestPki;
use super::support::crowd::raise_descriptors;
use super::support::http::{self, connect, get};
use super::support::program::Program;
use super::support::wait::{PATIENCE, until};
use super::support::{backend, pairs};
use super::{ping, program, told};

/// Round trips that go on while others are rude.
const ROUND_TRIPS: usize = 500;

/// Pings through the pair, and asks for everything in between.
fn goes_on(program: &Program, admin: SocketAddr) {
    let mut stream = program.connect("persona");
    for number in 0..ROUND_TRIPS {
        ping(&mut stream);
        if number % 100 == 0 {
            for page in ["/healthz", "/metrics", "/connections"] {
                assert_eq!(get(admin, page).status, 200, "{page}");
            }
        }
    }
}

#[test]
fn a_thousand_silent_clients_keep_nobody_out_and_hold_few_descriptors() {
    let pki = TestPki::new();
    assert!(
        raise_descriptors(4096) >= 4096,
        "the descriptor limit is too low for this test"
    );
    let (program, admin) = program(&pki);
    let before = program.descriptors();
    let silent: Vec<TcpStream> = (0..1000).map(|_| connect(admin)).collect();
    // Who is answered came behind all of them.
    assert_eq!(get(admin, "/healthz").status, 200);
    assert!(program.descriptors() <= before + 40);
    goes_on(&program, admin);
    drop(silent);
}

#[test]
fn the_client_that_has_been_there_for_the_longest_gives_way() {
    let pki = TestPki::new();
    let (_program, admin) = program(&pki);
    let mut silent: Vec<TcpStream> = (0..64).map(|_| connect(admin)).collect();
    let slow = connect(admin);
    assert_eq!(get(admin, "/healthz").status, 200);
    let reply = http::ask(slow, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(reply.status, 200);
    for gone in &mut silent[..16] {
        // An end or a reset.
        assert_eq!(gone.read(&mut [0; 16]).unwrap_or(0), 0);
    }
}

#[test]
fn half_a_request_is_given_up() {
    let pki = TestPki::new();
    let (program, admin) = program(&pki);
    let mut halves = ["", "G", "GET /metrics HTTP/1.1\r\nhost"].map(|part| {
        let mut stream = connect(admin);
        stream.write_all(part.as_bytes()).unwrap();
        stream
    });
    goes_on(&program, admin);
    for half in &mut halves {
        // With or without words of its own.
        let mut rest = Vec::new();
        let _ = half.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
}

#[test]
fn who_reads_nothing_of_what_it_asked_for_is_given_up() {
    let pki = TestPki::new();
    let path = pki.folder().join("metrics");
    let mut config = told(pairs::both(&pki, backend::echo()));
    config["admin"]["metrics"] = json!(format!("unix:{}", path.display()));
    // So many pairs that the page is larger than what the system keeps for a reader.
    let pair = config["address_pairs"][0].clone();
    let more = (0..40).map(|number| {
        let mut pair = pair.clone();
        pair["name"] = json!(format!("pair-{number}"));
        pair
    });
    config["address_pairs"].as_array_mut().unwrap().extend(more);
    let program = Program::run(&config);
    let admin = program.admin("everything");
    assert!(get(admin, "/metrics").body.len() > 400_000);
    let before = program.descriptors();
    let deaf: Vec<UnixStream> = (0..40)
        .map(|_| {
            let mut stream = UnixStream::connect(&path).unwrap();
            let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";
            stream.write_all(request).unwrap();
            stream
        })
        .collect();
    until("them to be there", || {
        (program.descriptors() > before + 20).then_some(())
    });
    goes_on(&program, admin);
    let mut last = UnixStream::connect(&path).unwrap();
    last.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(http::ask(&mut last, request).status, 200);
    until("them to be given up", || {
        (program.descriptors() <= before).then_some(())
    });
    drop(deaf);
}

#[test]
fn a_request_without_end_is_refused_before_it_takes_memory() {
    let pki = TestPki::new();
    let (program, admin) = program(&pki);
    for start in ["GET /", "GET / HTTP/1.1\r\nx: ", "x"] {
        let mut stream = connect(admin);
        stream.write_all(start.as_bytes()).unwrap();
        let piece = [b'a'; 64 * 1024];
        let mut sent = 0;
        let error = loop {
            match stream.write(&piece) {
                Ok(count) => sent += count,
                Err(error) => break error.kind(),
            }
        };
        assert!(
            [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error),
            "{error:?} behind {sent} bytes"
        );
    }
    goes_on(&program, admin);
}

#[test]
fn what_is_no_http_is_refused_and_a_body_is_not_read() {
    let pki = TestPki::new();
    let (program, admin) = program(&pki);
    for nonsense in [
        "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = connect(admin);
        stream.write_all(nonsense.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{nonsense:?}");
    }
    let mut stream = connect(admin);
    let request = "POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(http::read(stream).status, 405);
    goes_on(&program, admin);
}

#[test]
fn a_flood_of_questions_leaves_connections_their_turns() {
    let pki = TestPki::new();
    let (program, admin) = program(&pki);
    let mut quiet = program.connect("persona");
    ping(&mut quiet);
    let answered = Arc::new(AtomicU64::new(0));
    let (stop, stopped) = crossbeam_channel::bounded::<()>(0);
    let floods: Vec<_> = (0..4)
        .map(|_| {
            let (answered, stopped) = (Arc::clone(&answered), stopped.clone());
            std::thread::spawn(move || {
                while stopped.try_recv() == Err(TryRecvError::Empty) {
                    for page in ["/connections", "/metrics"] {
                        assert_eq!(get(admin, page).status, 200);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let count = || answered.load(Ordering::Relaxed);
    until("the flood", || (count() > 0).then_some(()));
    let before = count();
    for _ in 0..ROUND_TRIPS {
        ping(&mut quiet);
    }
    // Nor are those kept from going on who ask.
    until("the flood to go on", || (count() > before).then_some(()));
    drop(stop);
    floods.into_iter().for_each(|flood| flood.join().unwrap());
}
