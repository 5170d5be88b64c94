//! The load: both ends of every connection through a subject, in threads of this process.
//!
//! ```text
//!  activity ──(plain or TLS)──▶ subject ──(TLS or plain)──▶ service
//! ```
//!
//! A connection begins with one byte, the [`Request`], and then both ends know what to do. Since both
//! ends live here, their counts can be compared: nothing that was sent may be missing.

mod activity;
mod end;
mod service;
mod tls;
mod wire;

pub(crate) use activity::{Activity, Job, Latencies, Short, Totals};
pub(crate) use service::Service;
pub(crate) use tls::{ClientTls, Identity, ServerTls};

/// What a connection is for: its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    /// Everything comes back: for messages.
    Echo,
    /// Everything comes back: for connections that are short, or only held.
    Once,
    /// What comes is counted.
    Sink,
    /// Bytes come until the run is over.
    Source,
    /// Both of it.
    Both,
}

impl Request {
    const ALL: [Request; 5] = [
        Request::Echo,
        Request::Once,
        Request::Sink,
        Request::Source,
        Request::Both,
    ];

    fn byte(self) -> u8 {
        match self {
            Request::Echo => b'e',
            Request::Once => b'o',
            Request::Sink => b's',
            Request::Source => b'd',
            Request::Both => b'b',
        }
    }

    fn from_byte(byte: u8) -> Option<Request> {
        Request::ALL
            .into_iter()
            .find(|request| request.byte() == byte)
    }
}

/// The most that an end reads or writes at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Pieces that a connection moves before others have their turn.
const TURN_PIECES: usize = 8;
