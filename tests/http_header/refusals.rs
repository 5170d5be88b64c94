//! What is refused, and what both sides hear of it.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Barrier, Mutex};

use super::*;
use crate::support::wait::until;
use crate::support::{backend, http};

/// What a service has got, and how that ended.
type Heard = Arc<Mutex<Option<(Vec<u8>, io::Result<usize>)>>>;

/// A service that never answers, and what it has got of its first connection.
fn silent() -> (SocketAddr, Heard) {
    silent_until(|| {})
}

/// The same, where it reads nothing before that.
fn silent_until(wait: impl Fn() + Send + Clone + 'static) -> (SocketAddr, Heard) {
    let heard = Heard::default();
    let sink = Arc::clone(&heard);
    let address = backend::service(move |mut stream: TcpStream| {
        wait();
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes);
        sink.lock().unwrap().get_or_insert((bytes, end));
    });
    (address, heard)
}

/// What the client of such a service is told, and the reason, where `bytes` come first; the service is to get
/// these and then a reset.
fn refused(bytes: &str, service_gets: impl FnOnce(&Stage) -> String) -> (u16, String) {
    let (service, heard) = silent();
    let stage = Stage::new(service);
    let reply = http::ask(stage.connect(), bytes);
    assert_eq!(reply.header("connection"), "close");
    let (got, end) = until("the service", || heard.lock().unwrap().take());
    assert_eq!(String::from_utf8(got).unwrap(), service_gets(&stage));
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    (reply.status, stage.reason(0))
}

fn nothing(_: &Stage) -> String {
    String::new()
}

#[test]
fn what_is_no_http_1_is_refused_and_told() {
    let invalid = "http_invalid".to_owned();
    assert_eq!(refused("EHLO there\r\n", nothing), (400, invalid.clone()));
    assert_eq!(
        refused("\0\0\0\x08\x04\u{d2}\x16\x2f", nothing),
        (400, invalid.clone())
    );
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert_eq!(refused(preface, nothing), (505, invalid));
}

#[test]
fn a_head_that_is_too_large_is_refused_and_told() {
    let head = format!("{GET}A: {}\r\n\r\n", "b".repeat(64 * 1024));
    let too_large = (431, "http_head_too_large".to_owned());
    assert_eq!(refused(&head, nothing), too_large);
}

#[test]
fn two_ways_to_read_a_request_are_refused_and_told() {
    let smuggled = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
                    0\r\n\r\n";
    assert_eq!(refused(smuggled, nothing), (400, "http_invalid".to_owned()));
}

#[test]
fn a_wrong_chunk_of_the_first_request_is_refused_and_told() {
    let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n";
    let outcome = refused(&format!("{head}\r\n5\r\nhelloGET"), |stage| {
        format!("{head}{}\r\n5\r\nhello", stage.told())
    });
    assert_eq!(outcome, (400, "http_invalid".to_owned()));
}

#[test]
fn a_client_that_has_an_answer_already_is_told_nothing_more() {
    let stage = Stage::new(backend::echo());
    let mut peer = stage.connect();
    let expected = format!("{GET}{}\r\n", stage.told());
    peer.write_all(format!("{GET}\r\n").as_bytes()).unwrap();
    assert_next(&mut peer, expected);
    peer.write_all(b"Client-Cert: f\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    let end = peer.read_to_end(&mut rest);
    // Nor is it a clean end.
    assert!(end.is_err() && rest.is_empty(), "{end:?}, {rest:?}");
    assert_eq!(stage.reason(0), "http_invalid");
}

#[test]
fn within_an_answer_to_the_first_request_no_other_begins() {
    let stage = Stage::new(backend::echo());
    let mut peer = stage.connect();
    let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n";
    peer.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    assert_next(&mut peer, format!("{head}{}\r\n", stage.told()));
    peer.write_all(b"no chunk").unwrap();
    let mut rest = Vec::new();
    let end = peer.read_to_end(&mut rest);
    assert!(end.is_err() && rest.is_empty(), "{end:?}, {rest:?}");
    assert_eq!(stage.reason(0), "http_invalid");
}

#[test]
fn the_answer_to_a_later_request_is_not_given_for_an_earlier_one() {
    let (service, heard) = silent();
    let stage = Stage::new(service);
    let mut peer = stage.connect();
    peer.write_all(format!("{GET}\r\nNONE\r\n").as_bytes())
        .unwrap();
    let mut rest = Vec::new();
    let end = peer.read_to_end(&mut rest);
    assert!(end.is_err() && rest.is_empty(), "{end:?}, {rest:?}");
    assert_eq!(stage.reason(0), "http_invalid");
    // The earlier one was good.
    let (got, _) = until("the service", || heard.lock().unwrap().take());
    let expected = format!("{GET}{}\r\n", stage.told());
    assert_eq!(String::from_utf8(got).unwrap(), expected);
}

#[test]
fn what_came_before_reaches_a_service_that_reads_late_and_then_a_reset() {
    let too_large = format!("{GET}A: {}", "b".repeat(64 * 1024));
    // More than a system takes for who does not read, and less than it keeps for who has sent.
    let content = "x".repeat(512 * 1024);
    let head = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n",
        content.len()
    );
    for (bad, reason) in [
        ("EHLO there\r\n", "http_invalid"),
        (&too_large, "http_head_too_large"),
    ] {
        let gate = Arc::new(Barrier::new(2));
        let (service, heard) = silent_until({
            let gate = Arc::clone(&gate);
            move || {
                gate.wait();
            }
        });
        let stage = Stage::new(service);
        let mut peer = stage.connect();
        peer.write_all(format!("{head}\r\n{content}{bad}").as_bytes())
            .unwrap();
        assert_eq!(stage.reason(0), reason);
        gate.wait();
        let (got, end) = until("the service", || heard.lock().unwrap().take());
        assert!(got == format!("{head}{}\r\n{content}", stage.told()).as_bytes());
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}

#[test]
fn a_service_gets_nothing_of_a_head_that_ends_halfway() {
    let (service, heard) = silent();
    let stage = Stage::new(service);
    let mut peer = stage.connect();
    peer.write_all(GET.as_bytes()).unwrap();
    peer.end().unwrap();
    assert_eq!(http::read(peer).status, 400);
    assert_eq!(stage.reason(0), "http_invalid");
    let (got, end) = until("the service", || heard.lock().unwrap().take());
    assert!(got.is_empty() && end.is_err(), "{got:?}, {end:?}");
}

#[test]
fn a_head_that_is_cut_off_is_no_end_even_where_a_cut_is_one() {
    for (policy, reason) in [("abort", "tls_truncated"), ("end", "http_invalid")] {
        let (service, heard) = silent();
        let stage = Stage::with(service, |config| {
            pairs::with(config, "/address_pairs/0/on_truncation", policy)
        });
        let mut peer = stage.connect();
        peer.write_all(GET.as_bytes()).unwrap();
        drop(peer);
        assert_eq!(stage.reason(0), reason);
        let (got, end) = until("the service", || heard.lock().unwrap().take());
        assert!(got.is_empty() && end.is_err(), "{got:?}, {end:?}");
    }
}

/// A persona before a service that says nothing.
fn persona() -> Program {
    let pki = TestPki::new();
    let service = crate::support::tls::service(crate::support::tls::localhost(&pki), |mut peer| {
        let _ = peer.wait_for_fin();
    });
    Program::run(&with_header(pairs::client(&pki, service)))
}

#[test]
fn a_client_in_plain_is_told_too_and_may_go_on_sending_meanwhile() {
    let program = persona();
    // More than systems keep for who does not read: closed at once, its bytes would meet a reset. Not much more, as
    // it has two seconds.
    let stream = "EHLO there\r\n".to_owned() + &"x".repeat(6 * 1024 * 1024);
    let reply = http::ask(program.connect("persona"), &stream);
    assert_eq!(reply.status, 400);
    assert_eq!(program.access("persona", 0).reason(), "http_invalid");
}

#[test]
fn a_client_in_plain_that_ends_within_a_head_is_told_too() {
    let program = persona();
    let mut client = program.connect("persona");
    client.write_all(GET.as_bytes()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(http::read(client).status, 400);
    assert_eq!(program.access("persona", 0).reason(), "http_invalid");
}
