//! Requests on their way to a service, and its answers on theirs back.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};

use super::*;
use crate::support::backend;
use crate::support::pattern;
use crate::support::peers::{Peer, command};

/// 10 MiB.
const LARGE: u64 = 10 * 1024 * 1024;

#[test]
fn each_request_of_a_connection_gets_the_certificate_alone_or_with_others() {
    let stage = Stage::new(backend::echo());
    let mut peer = stage.connect();
    let told = stage.told();
    for path in ["/a", "/b"] {
        let head = GET.replace(" / ", &format!(" {path} "));
        peer.write_all(format!("{head}{FORGED}\r\n").as_bytes())
            .unwrap();
        assert_next(&mut peer, format!("{head}{told}\r\n"));
    }
    let post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n";
    let chunked = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n";
    let chunks = "5;a=b\r\nhello\r\n0\r\n";
    let stream = [
        format!("{post}{FORGED}\r\n\r\nGET / \r"),
        format!("{chunked}\r\n{chunks}{FORGED}Trail: er\r\n\r\n"),
        format!("{GET}{FORGED}\r\n"),
    ];
    peer.write_all(stream.concat().as_bytes()).unwrap();
    let expected = [
        format!("{post}{told}\r\n\r\nGET / \r"),
        format!("{chunked}{told}\r\n{chunks}Trail: er\r\n\r\n"),
        format!("{GET}{told}\r\n"),
    ];
    assert_next(&mut peer, expected.concat());
    peer.end().unwrap();
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    assert_eq!(stage.reason(0), "completed");
}

#[test]
fn a_head_that_comes_byte_by_byte_is_passed_on_whole() {
    let stage = Stage::new(backend::echo());
    let mut peer = stage.connect();
    for byte in format!("{GET}{FORGED}\r\n").bytes() {
        peer.write_all(&[byte]).unwrap();
    }
    assert_next(&mut peer, format!("{GET}{}\r\n", stage.told()));
}

/// Answers DELETE without a look at its content, as many do.
const CARELESS: &str = r#"
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_DELETE(self):
        self.send_response(204)
        self.end_headers()
    def do_GET(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(self.headers.get("Client-Cert", "").encode())
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

#[test]
fn content_that_a_server_does_not_read_is_no_request_to_it() {
    let server = Peer::serve(|port| {
        let mut python = command("python3");
        python.arg("-c").arg(CARELESS).arg(port.to_string());
        python
    });
    let stage = Stage::new(([127, 0, 0, 1], server.port).into());
    let smuggled = format!("{GET}{FORGED}\r\n");
    let head = "DELETE / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n";
    let length = smuggled.len();
    let stream = format!("{head}Content-Length: {length}\r\n\r\n{smuggled}");
    let mut peer = stage.connect();
    peer.write_all(stream.as_bytes()).unwrap();
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

/// A service that says nothing before it has a head and four bytes of content, and then gives them back.
fn four() -> SocketAddr {
    backend::service(|mut stream: TcpStream| {
        let mut came = Vec::new();
        while !came.ends_with(b"\r\n\r\nfour") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            came.push(byte[0]);
        }
        stream.write_all(&came).unwrap();
        let _ = stream.read(&mut [0]);
    })
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it_and_its_service_does_not_know() {
    let stage = Stage::new(four());
    let mut peer = stage.connect();
    let head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n";
    peer.write_all(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes())
        .unwrap();
    assert_next(&mut peer, "HTTP/1.1 100 Continue\r\n\r\n");
    peer.write_all(b"four").unwrap();
    assert_next(&mut peer, format!("{head}{}\r\nfour", stage.told()));
}

#[test]
fn within_an_answer_nobody_is_let_continue() {
    let stage = Stage::new(backend::service(|mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200").unwrap();
        let _ = std::io::copy(&mut stream.try_clone().unwrap(), &mut stream);
    }));
    let mut peer = stage.connect();
    assert_next(&mut peer, "HTTP/1.1 200");
    let head = "PUT / HTTP/1.1\r\nHost: h\r\n";
    peer.write_all(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes())
        .unwrap();
    assert_next(&mut peer, format!("{head}{}\r\n", stage.told()));
}

/// A service that reads a head and so many bytes of the pattern behind it, and only then answers with the same.
fn large() -> SocketAddr {
    backend::service(|mut stream: TcpStream| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let (came, end) = pattern::receive(&mut stream);
        end.unwrap();
        assert_eq!(came, LARGE);
        stream.write_all(&head).unwrap();
        pattern::send(&mut stream, LARGE).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    })
}

#[test]
fn large_content_and_a_large_answer_are_what_they_were() {
    let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {LARGE}\r\n");
    let stage = Stage::new(large());
    let mut peer = stage.connect();
    peer.write_all(format!("{head}{FORGED}\r\n").as_bytes())
        .unwrap();
    pattern::send(&mut peer, LARGE).unwrap();
    peer.end().unwrap();
    assert_next(&mut peer, format!("{head}{}\r\n", stage.told()));
    let (came, end) = pattern::receive(&mut peer);
    end.unwrap();
    assert_eq!(came, LARGE);
    assert_eq!(stage.reason(0), "completed");
}

/// A service that takes the chunks of a pattern apart again, until the last one, and says how much was in them.
fn unchunk() -> SocketAddr {
    backend::service(|stream: TcpStream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        let mut at = 0;
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let size = u64::from_str_radix(line.trim_end(), 16).unwrap();
            if size == 0 {
                break;
            }
            let (to, end) = pattern::receive_range(&mut reader, at, at + size);
            end.unwrap();
            at = to;
            reader.read_exact(&mut [0; 2]).unwrap();
        }
        (&stream).write_all(at.to_string().as_bytes()).unwrap();
    })
}

#[test]
fn large_content_in_chunks_of_all_sizes_is_what_it_was() {
    let stage = Stage::new(unchunk());
    let mut peer = stage.connect();
    let mut all = Vec::new();
    pattern::send(&mut all, LARGE).unwrap();
    let mut stream = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let (mut rest, mut size) = (&all[..], 1);
    while !rest.is_empty() {
        let (chunk, more) = rest.split_at(size.min(rest.len()));
        stream.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        stream.extend_from_slice(chunk);
        stream.extend_from_slice(b"\r\n");
        (rest, size) = (more, size * 3 / 2 + 1);
        size = if size > 2_000_000 { 1 } else { size };
    }
    stream.extend_from_slice(b"0\r\n\r\n");
    peer.write_all(&stream).unwrap();
    assert_next(&mut peer, LARGE.to_string());
}

#[test]
fn requests_that_grow_to_many_times_their_size_are_all_passed_on() {
    const COUNT: usize = 3000;
    let stage = Stage::new(backend::echo());
    let mut peer = stage.connect();
    let (to, from) = (stage.told(), format!("{GET}\r\n").repeat(COUNT));
    // In fewer bytes than a client may have on their way, so that they are here at once.
    peer.write_all(from.as_bytes()).unwrap();
    peer.end().unwrap();
    assert_next(&mut peer, format!("{GET}{to}\r\n").repeat(COUNT));
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    assert_eq!(stage.reason(0), "completed");
}
