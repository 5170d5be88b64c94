//! The question over HTTP.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::config::{Address, Host};

/// For the whole of it: the program may wait a second for a busy worker.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest answer. A thousand pairs have some MiB, a thousand connections one or two.
const BYTES_MAX: usize = 64 << 20;

/// What was told: two JSON texts, as they came.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) status: String,
    pub(super) connections: String,
}

impl Told {
    /// Both as one object. Control characters that JSON lets stand in a text are written as escapes, so
    /// that none reaches a terminal.
    pub(super) fn json(&self) -> String {
        let (status, connections) = (shielded(&self.status), shielded(&self.connections));
        format!("{{\"status\":{status},\"connections\":{connections}}}\n")
    }
}

fn shielded(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // They can only be in a text; those below 0x20 cannot be in one.
            '\u{7f}'..='\u{9f}' => text += &format!("\\u{:04x}", u32::from(c)),
            _ => text.push(c),
        }
    }
    text
}

/// Asks the program at that address for both pages.
///
/// # Errors
/// Nobody answers, not in time, too much, or not as this program does: what it is, and what to do.
pub(super) fn ask(address: &Address) -> Result<Told, String> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the system refused: {error}"))?;
    let both = async {
        Ok::<_, String>(Told {
            status: page(address, "/status").await?,
            connections: page(address, "/connections").await?,
        })
    };
    let answer = runtime.block_on(async { timeout(PATIENCE, both).await });
    // A name may still be looked up for nobody.
    runtime.shutdown_background();
    let late = |_| format!("no answer within {} seconds", PATIENCE.as_secs());
    answer.map_err(late)?
}

/// What is said of an answer that this program does not give.
pub(super) fn stranger(what: &dyn std::fmt::Display) -> String {
    format!("who answers there is not mtls-persona, or of another version: {what}")
}

async fn page(address: &Address, path: &'static str) -> Result<String, String> {
    let stream = match address {
        Address::Unix(path) => UnixStream::connect(path).await.map(boxed),
        Address::Tcp { host, port } => connect(host, *port).await.map(boxed),
    };
    let nobody = |error: io::Error| {
        format!("nobody answers there: {error}: is it running, with this address?")
    };
    let stream = stream.map_err(nobody)?;
    let strange = |error: hyper::Error| stranger(&error);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(strange)?;
    // It tells of its errors by the answer.
    tokio::spawn(connection);
    let request = Request::get(path)
        .header(HOST, "localhost")
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await.map_err(strange)?;
    if answer.status() != StatusCode::OK {
        return Err(stranger(&format!("{path}: {}", answer.status())));
    }
    let body = Limited::new(answer.into_body(), BYTES_MAX).collect().await;
    let body = body.map_err(|error| stranger(&format!("{path}: {error}")))?;
    let text = String::from_utf8(body.to_bytes().into());
    text.map_err(|error| stranger(&format!("{path}: {error}")))
}

async fn connect(host: &Host, port: u16) -> io::Result<TcpStream> {
    match host {
        Host::Ip(ip) if !ip.is_unspecified() => TcpStream::connect((*ip, port)).await,
        Host::Name(name) => TcpStream::connect((&**name, port)).await,
        // It listens on all interfaces, and this is one of them.
        Host::Any | Host::Ip(_) => TcpStream::connect(("localhost", port)).await,
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

fn boxed(stream: impl Stream + 'static) -> Box<dyn Stream> {
    Box::new(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_become_one_object_without_a_control_character() {
        let told = Told {
            status: "{\"name\":\"a\u{9b}31m\u{7f}\u{e9}\"}".to_owned(),
            connections: "[]".to_owned(),
        };
        let json = told.json();
        let expected = "{\"status\":{\"name\":\"a\\u009b31m\\u007f\u{e9}\"},\"connections\":[]}\n";
        assert_eq!(json, expected);
        let read: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
        assert_eq!(read["status"]["name"], "a\u{9b}31m\u{7f}\u{e9}");
    }
}
