//! Puts a certificate into the requests of an HTTP/1.1 connection, for servers that cannot see it.
//!
//! [`Requests`] takes the bytes of a client and gives the bytes for the server. It does no I/O and reads no
//! response but the status of the first one ([`FirstAnswer`]). The server is going to believe what is put in,
//! so the one danger is that it finds another request in the bytes than we did (request smuggling): whatever
//! two readers could take differently is refused, not mended.
//!
//! | what comes | what becomes of it |
//! |---|---|
//! | a header that a server could take for one of ours, in a head or in a trailer | left out |
//! | a head | written anew from what was read in it, ours at its end |
//! | content by `Content-Length` or in chunks | passed on byte for byte |
//! | an empty line before a request | left out, once (RFC 9112, 2.2) |
//! | bare CR or LF, a control character, a continuation line, a space before a colon | refused |
//! | `Content-Length` twice, or with `Transfer-Encoding`, or not a plain number | refused |
//! | `Transfer-Encoding` other than one `chunked`, or in HTTP/1.0 | refused |
//! | content in GET, HEAD and TRACE, which many servers do not expect | refused |
//! | content in DELETE and OPTIONS, which some servers do not read | passed on, with `Connection: close` in the head |
//! | no `Host` in HTTP/1.1, or two | refused |
//! | `Connection` that names a header of ours or of the framing | refused |
//! | `Expect: 100-continue` | left out; in the first request of a connection, it is us who answers it ([`CONTINUE`]) |
//! | any other `Expect` | refused |
//! | CONNECT, whose bytes nobody could read | refused |
//! | `Upgrade: websocket` in the first request of a connection | waits for the answer: with 101, all that follows is passed on unread |
//! | any other `Upgrade` | left out, as a server may ignore it (RFC 9110, 7.8) |
//! | anything that is no HTTP/1.1 and no HTTP/1.0 | refused |

mod answer;
mod chunks;
mod head;
mod lines;
mod names;
mod refusal;
mod requests;
mod scan;

pub use answer::FirstAnswer;
pub use lines::lines;
pub use refusal::{Refusal, Status};
pub use requests::Requests;

/// Lets a client send the content that it holds back (RFC 9110, 15.2.1).
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
