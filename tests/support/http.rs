//! A client of HTTP that does what it is told, and no more.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::wait::PATIENCE;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status of the first line.
    pub status: u16,
    /// The lines behind it.
    head: String,
    /// What follows.
    pub body: String,
}

impl Reply {
    /// The value of a header, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        values.next().map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A connection with time-outs.
pub fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Asks for a page.
pub fn get(to: SocketAddr, path: &str) -> Reply {
    ask(
        connect(to),
        &format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n"),
    )
}

/// Sends a request and reads until the end.
pub fn ask(mut stream: impl Read + Write, request: &str) -> Reply {
    stream.write_all(request.as_bytes()).unwrap();
    read(stream)
}

/// Reads a reply until the end.
pub fn read(mut stream: impl Read) -> Reply {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (first, head) = head.split_once("\r\n").unwrap();
    Reply {
        status: first.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
