//! A connection that becomes a WebSocket, or does not.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use super::*;
use crate::support::backend;

/// A request for a WebSocket, but for the empty line at its end.
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";

/// A service that answers the first head with that, and then echoes.
fn answers(with: &'static str) -> SocketAddr {
    backend::service(move |mut stream: TcpStream| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.write_all(with.as_bytes()).unwrap();
        stream.write_all(&head).unwrap();
        let _ = std::io::copy(&mut stream.try_clone().unwrap(), &mut stream);
    })
}

#[test]
fn behind_101_everything_is_passed_on_as_it_is() {
    const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    let stage = Stage::new(answers(ANSWER));
    let mut peer = stage.connect();
    // What comes at once has to wait for the answer.
    let frames = format!("\x01\0{FORGED}\r\n");
    let stream = format!("{UPGRADE}{FORGED}\r\n{frames}");
    peer.write_all(stream.as_bytes()).unwrap();
    assert_next(
        &mut peer,
        format!("{ANSWER}{UPGRADE}{}\r\n{frames}", stage.told()),
    );
    peer.write_all(frames.as_bytes()).unwrap();
    assert_next(&mut peer, frames);
}

#[test]
fn behind_every_other_answer_requests_are_read_as_ever() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\n\r\n";
    let stage = Stage::new(answers(ANSWER));
    let mut peer = stage.connect();
    let told = stage.told();
    let stream = format!("{UPGRADE}\r\n{GET}{FORGED}\r\n");
    peer.write_all(stream.as_bytes()).unwrap();
    let expected = format!("{ANSWER}{UPGRADE}{told}\r\n{GET}{told}\r\n");
    assert_next(&mut peer, expected);
}

#[test]
fn behind_an_end_in_the_place_of_an_answer_the_client_can_end_too() {
    let stage = Stage::new(backend::service(|mut stream: TcpStream| {
        stream.shutdown(Shutdown::Write).unwrap();
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    }));
    let mut peer = stage.connect();
    peer.write_all(format!("{UPGRADE}\r\n").as_bytes()).unwrap();
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    peer.end().unwrap();
    assert_eq!(stage.reason(0), "completed");
}
