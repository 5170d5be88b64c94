//! Heads and trailers: read once they are whole, and written anew from what was read.

use httparse::{EMPTY_HEADER, Error, Header, Request, Status};

use super::names::{is_like_framing, is_ours, is_to_stay};
use super::refusal::Refusal;
use crate::base::buffer::Buffer;

/// The most headers of a request.
const HEADERS_MAX: usize = 128;

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    None,
    /// So many bytes.
    Length(u64),
    Chunked,
    /// Whatever the server agrees to.
    Upgrade,
}

impl Content {
    /// Whether there is any that a server has to read.
    fn is_some(self) -> bool {
        match self {
            Content::Length(length) => length > 0,
            Content::Chunked => true,
            Content::None | Content::Upgrade => false,
        }
    }
}

/// What there is to know of a head that was passed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// What follows it.
    pub(super) content: Content,
    /// Its client waits for 100 (Continue) before it sends content.
    pub(super) is_waiting: bool,
}

/// What the headers of a request say about it.
#[derive(Default)]
struct Facts<'a> {
    expects_continue: bool,
    hosts: usize,
    length: Option<&'a [u8]>,
    coding: Option<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
}

/// Looks whether that can be the first line of a request.
pub(super) fn check_first_line(line: &[u8]) -> Result<(), Refusal> {
    let mut request = Request::new(&mut []);
    request.parse(line).map_err(refusal)?;
    match line.is_ascii() {
        true => Ok(()),
        // Some servers take such bytes for spaces.
        false => Err(Refusal::bad("its first line is not ASCII")),
    }
}

/// Adds a whole head to `out`, with `lines` at its end.
pub(super) fn rewrite(
    head: &[u8],
    lines: &[u8],
    may_upgrade: bool,
    out: &mut Buffer,
) -> Result<Passed, Refusal> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let status = request.parse(head).map_err(refusal)?;
    let (Some(method), Some(target), Some(minor), true) = (
        request.method,
        request.path,
        request.version,
        status == Status::Complete(head.len()),
    ) else {
        return Err(Refusal::bad("it is no request"));
    };
    let facts = Facts::of(request.headers)?;
    let content = facts.content(method, minor, may_upgrade)?;
    let version = match minor {
        0 => " HTTP/1.0\r\n",
        _ => " HTTP/1.1\r\n",
    };
    for part in [method, " ", target, version] {
        out.append(part.as_bytes());
    }
    let is_last = is_closed_behind(method, content);
    let is_dropped = |header: &Header<'_>| {
        is_last && header.name.eq_ignore_ascii_case("connection")
            || is_of_upgrade(header.name) && content != Content::Upgrade
            // A service that does not answer it with 100 may take the next bytes for another request, while
            // its client may send content all the same.
            || header.name.eq_ignore_ascii_case("expect")
    };
    for header in request.headers.iter().filter(|header| !is_dropped(header)) {
        write(header, out);
    }
    if is_last {
        out.append(b"Connection: close\r\n");
    }
    out.append(lines);
    out.append(b"\r\n");
    Ok(Passed {
        content,
        // HTTP/1.0 knows no 100 (RFC 9110, 15.2).
        is_waiting: facts.expects_continue && minor == 1,
    })
}

/// Adds whole trailers to `out`.
pub(super) fn rewrite_trailers(trailers: &[u8], out: &mut Buffer) -> Result<(), Refusal> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let parsed = httparse::parse_headers(trailers, &mut headers).map_err(refusal)?;
    let Status::Complete((_, headers)) = parsed else {
        return Err(Refusal::bad("there are no trailers"));
    };
    // Some servers put them among the headers.
    let says_how = |header: &Header<'_>| is_to_stay(header.name) && !is_ours(header.name);
    if headers.iter().any(says_how) {
        return Err(Refusal::bad("a trailer says how the request is read"));
    }
    for header in headers {
        write(header, out);
    }
    out.append(b"\r\n");
    Ok(())
}

fn write(header: &Header<'_>, out: &mut Buffer) {
    if is_ours(header.name) {
        return;
    }
    for part in [header.name.as_bytes(), b": ", value(header), b"\r\n"] {
        out.append(part);
    }
}

fn value<'a>(header: &Header<'a>) -> &'a [u8] {
    header.value.trim_ascii()
}

/// Whether the server is to close the connection behind the answer: content has no meaning in these requests,
/// and a server that does not read it would take it for the next one (RFC 9110, 9.3.5 and 9.3.7). Unlike in
/// GET it is not rare.
fn is_closed_behind(method: &str, content: Content) -> bool {
    let mut without = ["DELETE", "OPTIONS"].iter();
    content.is_some() && without.any(|known| method.eq_ignore_ascii_case(known))
}

fn is_of_upgrade(name: &str) -> bool {
    name.eq_ignore_ascii_case("upgrade") || name.eq_ignore_ascii_case("http2-settings")
}

/// What stands between commas.
fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

impl<'a> Facts<'a> {
    fn of(headers: &[Header<'a>]) -> Result<Facts<'a>, Refusal> {
        let mut facts = Facts::default();
        for header in headers {
            let value = value(header);
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("host") {
                facts.hosts += 1;
            } else if is("content-length") {
                let twice = Refusal::bad("Content-Length is there twice");
                once(&mut facts.length, value, twice)?;
            } else if is("transfer-encoding") {
                let twice = Refusal::bad("Transfer-Encoding is there twice");
                once(&mut facts.coding, value, twice)?;
            } else if is("upgrade") {
                // Of several none is websocket alone.
                facts.upgrade = Some(facts.upgrade.map_or(value, |_| b""));
            } else if is("connection") {
                check_options(value)?;
            } else if is("expect") {
                check_expectation(value)?;
                facts.expects_continue = true;
            } else if is_like_framing(header.name) {
                return Err(Refusal::bad("a header may be taken for one of the framing"));
            }
        }
        Ok(facts)
    }

    /// What follows the head, by RFC 9112, 6.3, where nobody can see it otherwise.
    fn content(&self, method: &str, minor: u8, may_upgrade: bool) -> Result<Content, Refusal> {
        if self.hosts > 1 || self.hosts == 0 && minor == 1 {
            return Err(Refusal::bad("Host is not there exactly once"));
        }
        if method.eq_ignore_ascii_case("connect") {
            return Err(Refusal::bad("CONNECT would pass on what nobody reads"));
        }
        let content = self.framing(minor)?;
        let mut without = ["GET", "HEAD", "TRACE"].iter();
        if content.is_some() && without.any(|known| method.eq_ignore_ascii_case(known)) {
            return Err(Refusal::bad("there is content where servers expect none"));
        }
        let upgrade = self.upgrade.unwrap_or_default();
        let is_websocket = upgrade.eq_ignore_ascii_case(b"websocket");
        match may_upgrade && is_websocket && method == "GET" && minor == 1 {
            true => Ok(Content::Upgrade),
            false => Ok(content),
        }
    }

    fn framing(&self, minor: u8) -> Result<Content, Refusal> {
        match (self.length, self.coding) {
            (Some(_), Some(_)) => Err(Refusal::bad("both Content-Length and Transfer-Encoding")),
            (None, Some(_)) if minor == 0 => Err(Refusal::bad("HTTP/1.0 has no Transfer-Encoding")),
            (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Content::Chunked),
            (None, Some(_)) => Err(Refusal::bad("Transfer-Encoding is not chunked alone")),
            (Some(length), None) => number(length).map(Content::Length),
            (None, None) => Ok(Content::None),
        }
    }
}

fn once<'a>(known: &mut Option<&'a [u8]>, value: &'a [u8], twice: Refusal) -> Result<(), Refusal> {
    match known.replace(value) {
        None => Ok(()),
        Some(_) => Err(twice),
    }
}

/// A server behind would drop what `Connection` names, as if it had never been there.
fn check_options(value: &[u8]) -> Result<(), Refusal> {
    let is_to_stay = |option: &[u8]| str::from_utf8(option).is_ok_and(is_to_stay);
    match options(value).any(is_to_stay) {
        true => Err(Refusal::bad("Connection names a header that has to stay")),
        false => Ok(()),
    }
}

fn check_expectation(value: &[u8]) -> Result<(), Refusal> {
    match value.eq_ignore_ascii_case(b"100-continue") {
        true => Ok(()),
        false => Err(Refusal::bad("it expects something other than 100-continue")),
    }
}

/// A length as everybody reads it: without a sign, a space, a list, or zeros in front.
fn number(text: &[u8]) -> Result<u64, Refusal> {
    let no_number = Refusal::bad("Content-Length is no plain number");
    let is_plain =
        text.iter().all(u8::is_ascii_digit) && (text.len() == 1 || text.first() != Some(&b'0'));
    let number = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    match number {
        Some(number) if is_plain && i64::try_from(number).is_ok() => Ok(number),
        _ => Err(no_number),
    }
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Version => Refusal::version(),
        Error::TooManyHeaders => Refusal::too_large("a head has over 128 headers"),
        Error::HeaderName => Refusal::bad("the name of a header is none"),
        Error::HeaderValue => Refusal::bad("the value of a header is none"),
        Error::NewLine | Error::Status | Error::Token => Refusal::bad("it is no HTTP request"),
    }
}
