//! Why the bytes of a client are not passed on.

use crate::base::reason::CloseReason;

/// Why a request is refused, and with it the rest of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What its client is told.
    pub status: Status,
    /// Which rule it breaks, for the log.
    pub what: &'static str,
}

/// What the client of a refused request is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is not what a request has to be (RFC 9110, 15.5.1).
    BadRequest,
    /// Its head has too many bytes or too many headers (RFC 6585, 5).
    HeadTooLarge,
    /// It is of another version of HTTP (RFC 9110, 15.6.6).
    Version,
}

impl Refusal {
    pub(super) fn bad(what: &'static str) -> Refusal {
        let status = Status::BadRequest;
        Refusal { status, what }
    }

    pub(super) fn too_large(what: &'static str) -> Refusal {
        let status = Status::HeadTooLarge;
        Refusal { status, what }
    }

    pub(super) fn version() -> Refusal {
        Refusal {
            status: Status::Version,
            what: "it is of another version of HTTP",
        }
    }

    /// Why the connection ends.
    pub fn reason(self) -> CloseReason {
        match self.status {
            Status::HeadTooLarge => CloseReason::HttpHeadTooLarge,
            Status::BadRequest | Status::Version => CloseReason::HttpInvalid,
        }
    }

    /// The response that tells it, and that nothing more is read.
    pub fn answer(self) -> &'static [u8] {
        match self.status {
            Status::BadRequest => {
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
            Status::HeadTooLarge => {
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
            Status::Version => {
                b"HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
        }
    }
}
