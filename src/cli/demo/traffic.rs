//! The plain client before the persona, and the plain service behind the gateway.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Without a byte for so long a transfer has failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// What one read or write of client and service takes at most.
const PIECE_BYTES: usize = 256 * 1024;

/// After so many bytes the pattern begins again: a prime, so that pieces of any common size that
/// are lost, doubled or exchanged cannot fall on equal bytes.
const PATTERN_BYTES: usize = 1_048_573;

/// Starts a service that sends back what it gets, and ends when its peer has ended.
pub(super) fn echo() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let serve = move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // Without a thread for it the connection ends, and its client sees that.
            let body = move || drop(echo_one(stream));
            let _ = thread::Builder::new().name("echo".to_owned()).spawn(body);
        }
    };
    thread::Builder::new()
        .name("service".to_owned())
        .spawn(serve)?;
    Ok(address)
}

fn echo_one(mut stream: TcpStream) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match stream.read(&mut piece)? {
            0 => return stream.shutdown(Shutdown::Write),
            count => stream.write_all(&piece[..count])?,
        }
    }
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends a text, ends, and reads the same text and the end.
///
/// # Errors
/// What differed or broke, in words.
pub(super) fn text(to: SocketAddr, text: &str) -> Result<(), String> {
    let exchange = || {
        let mut stream = connect(to)?;
        stream.write_all(text.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(words)?;
    match answer == text.as_bytes() {
        true => Ok(()),
        false => Err(format!(
            "other bytes came back: {:?}",
            String::from_utf8_lossy(&answer)
        )),
    }
}

/// Sends `total` bytes and compares every byte that comes back; how long it took until the end came
/// back. Both ways are busy at the same time. `go_on` is told after each piece how many bytes have
/// come back, and answers whether to go on.
///
/// # Errors
/// What differed or broke, in words.
#[allow(clippy::disallowed_methods, reason = "a measurement for a person")]
pub(super) fn bulk(
    to: SocketAddr,
    total: u64,
    go_on: impl FnMut(u64) -> bool,
) -> Result<Duration, String> {
    let stream = connect(to).map_err(words)?;
    let pattern = pattern();
    let started = Instant::now();
    thread::scope(|scope| {
        let writer = scope.spawn(|| send(&stream, &pattern, total));
        let received = receive(&stream, &pattern, total, go_on);
        if received.is_err() {
            // The writer must not wait for a reader that is gone.
            let _ = stream.shutdown(Shutdown::Both);
        }
        let sent = writer.join().unwrap_or_else(|_| Err("a fault".to_owned()));
        received.and(sent)
    })?;
    Ok(Instant::now().duration_since(started))
}

fn send(mut stream: &TcpStream, pattern: &[u8], total: u64) -> Result<(), String> {
    let mut sent = 0;
    while sent < total {
        let piece = expected(pattern, sent, total);
        stream.write_all(piece).map_err(words)?;
        sent += piece.len() as u64;
    }
    stream.shutdown(Shutdown::Write).map_err(words)
}

fn receive(
    mut stream: &TcpStream,
    pattern: &[u8],
    total: u64,
    mut go_on: impl FnMut(u64) -> bool,
) -> Result<(), String> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut received = 0;
    while go_on(received) {
        let count = stream.read(&mut piece).map_err(words)?;
        if count == 0 {
            return match received == total {
                true => Ok(()),
                false => Err(format!("{received} bytes came back instead of {total}")),
            };
        }
        let mut piece = &piece[..count];
        while !piece.is_empty() {
            let right = expected(pattern, received, total);
            let length = right.len().min(piece.len());
            if length == 0 || piece[..length] != right[..length] {
                return Err(format!("other bytes came back after {received} right ones"));
            }
            received += length as u64;
            piece = &piece[length..];
        }
    }
    Err("it was given up".to_owned())
}

/// The next bytes of the stream from that position on, at most a piece; empty at the end.
fn expected(pattern: &[u8], position: u64, total: u64) -> &[u8] {
    let left = usize::try_from(total - position).unwrap_or(usize::MAX);
    let at = (position % pattern.len() as u64) as usize;
    let length = left.min(PIECE_BYTES).min(pattern.len() - at);
    &pattern[at..at + length]
}

/// Bytes without a pattern of their own, the same every time (xorshift).
fn pattern() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(PATTERN_BYTES + 8);
    while bytes.len() < PATTERN_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(PATTERN_BYTES);
    bytes
}

fn words(error: io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("not a byte moved for {} s", PATIENCE.as_secs())
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A service that answers with what `change` makes of the first piece it gets.
    fn changed(change: impl Fn(&mut Vec<u8>) + Send + 'static) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            change(&mut all);
            // The reader may have seen enough before the end.
            let _ = stream.write_all(&all);
        });
        address
    }

    #[test]
    fn what_comes_back_whole_is_accepted() {
        bulk(echo().unwrap(), 3_000_000, |_| true).unwrap();
        text(echo().unwrap(), "a line\n").unwrap();
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let service = changed(|all| all[1_500_000] ^= 1);
        let error = bulk(service, 2_000_000, |_| true).unwrap_err();
        assert!(error.contains("other bytes came back"), "{error}");
    }

    #[test]
    fn a_missing_end_is_noticed() {
        let service = changed(|all| all.truncate(1_999_999));
        let error = bulk(service, 2_000_000, |_| true).unwrap_err();
        assert_eq!(error, "1999999 bytes came back instead of 2000000");
    }

    #[test]
    fn a_byte_too_many_is_noticed() {
        let service = changed(|all| all.push(0));
        let error = bulk(service, 2_000_000, |_| true).unwrap_err();
        assert_eq!(error, "other bytes came back after 2000000 right ones");
    }

    #[test]
    fn pieces_that_changed_places_are_noticed() {
        let service = changed(|all| all.rotate_left(1 << 20));
        bulk(service, 4 << 20, |_| true).unwrap_err();
    }

    #[test]
    fn a_transfer_ends_when_it_is_given_up() {
        assert!(bulk(echo().unwrap(), 1 << 40, |_| false).is_err());
    }
}
