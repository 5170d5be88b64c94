//! What the two ends tell one another: a line of JSON each, `{"cert": "<PEM>"}` and, by the one that
//! listens, `"port": N` besides. What is wrong is told without a byte of what was said.

use std::fmt;

use serde_json::{Value, json};

use crate::identity::Pin;
use crate::tls;

/// The longest line, with its end: a certificate has a few kilobytes.
pub(super) const LINE_MAX: usize = 64 * 1024;

/// Why a line is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It has no end.
    TooLong,
    /// The stream has ended before a line.
    Nothing,
    /// The stream has ended in the middle of it.
    Half,
    /// The stream cannot be read.
    Unreadable,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::TooLong => write!(f, "its first line has more than {LINE_MAX} bytes"),
            Fault::Nothing => f.write_str("it ended its output without a word"),
            Fault::Half => f.write_str("it ended its output in the middle of its first line"),
            Fault::Unreadable => f.write_str("its output cannot be read"),
        }
    }
}

/// The first line of a stream, as it comes.
#[derive(Debug, Default)]
pub(super) struct FirstLine(Vec<u8>);

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The line has no end yet.
    More,
    /// The line without its end, and what came behind it.
    Line(Vec<u8>, Vec<u8>),
    /// There will be none.
    Fault(Fault),
}

impl FirstLine {
    /// Takes the next bytes of the stream; none at its end.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Taken {
        if bytes.is_empty() {
            return Taken::Fault(match self.0.is_empty() {
                true => Fault::Nothing,
                false => Fault::Half,
            });
        }
        let room = LINE_MAX - self.0.len();
        let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
        match end {
            Some(end) => {
                self.0.extend_from_slice(&bytes[..end]);
                let line = std::mem::take(&mut self.0);
                Taken::Line(line, bytes[end + 1..].to_vec())
            }
            None if bytes.len() >= room => Taken::Fault(Fault::TooLong),
            None => {
                self.0.extend_from_slice(bytes);
                Taken::More
            }
        }
    }
}

/// What the other end has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// The key of its certificate.
    pub(super) pin: Pin,
    /// Where it listens, if it does.
    pub(super) port: Option<u16>,
}

impl Said {
    /// Reads a line. Of an object only the keys that are asked for count.
    pub(super) fn read(line: &[u8]) -> Result<Said, &'static str> {
        let said: Value =
            serde_json::from_slice(line).map_err(|_| "what it said is not one JSON object")?;
        let said = said
            .as_object()
            .ok_or("what it said is not one JSON object")?;
        let cert = said.get("cert").and_then(Value::as_str);
        let cert = cert.ok_or("what it said has no \"cert\" with a certificate in PEM")?;
        let unusable = "its \"cert\" is not one certificate in PEM";
        let certs = tls::describe(cert.as_bytes()).map_err(|_| unusable)?;
        let [cert] = &certs[..] else {
            return Err(unusable);
        };
        let pin = Pin::of(&cert.cert).ok_or("the key of its certificate cannot be read")?;
        let port = match said.get("port") {
            None => None,
            Some(port) => Some(port_of(port).ok_or("its \"port\" is no number from 1 to 65535")?),
        };
        Ok(Said { pin, port })
    }
}

fn port_of(value: &Value) -> Option<u16> {
    u16::try_from(value.as_u64()?).ok().filter(|port| *port > 0)
}

/// The line of an end with that certificate, which listens there if it does.
pub(super) fn line(cert: &str, port: Option<u16>) -> String {
    let mut line = json!({ "cert": cert });
    if let Some(port) = port {
        line["port"] = json!(port);
    }
    format!("{line}\n")
}

#[cfg(test)]
mod tests;
