//! The line with which a client of a connector begins: `<connect id>\n`.

use std::fmt;

use super::connect_id::{ConnectId, ConnectIdError};

/// The longest line, its end included.
pub const LINE_BYTES_MAX: usize = 256;

/// The line as far as it has come.
#[derive(Debug, Default)]
pub struct Preamble {
    line: Vec<u8>,
}

/// Why a client's first bytes are no such line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreambleError {
    /// It has no end within [`LINE_BYTES_MAX`].
    Endless,
    /// The client has ended its stream before the line was whole.
    Ended,
    /// What it holds is no connect id.
    Id(ConnectIdError),
}

impl fmt::Display for PreambleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PreambleError::Endless => {
                write!(f, "no line of {LINE_BYTES_MAX} bytes at most came first")
            }
            PreambleError::Ended => f.write_str("the client ended before its connect id was whole"),
            PreambleError::Id(error) => error.fmt(f),
        }
    }
}

impl Preamble {
    /// Takes the next bytes of the client. Once the line is whole: the id, and how many of these bytes it
    /// took; the others are the application's. None while it is not.
    ///
    /// # Errors
    /// It cannot become such a line any more. `\r\n` ends a line as well, as some clients have it.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Option<(ConnectId, usize)>, PreambleError> {
        let room = LINE_BYTES_MAX - self.line.len();
        let piece = &bytes[..bytes.len().min(room)];
        let end = piece.iter().position(|byte| *byte == b'\n');
        self.line
            .extend_from_slice(&piece[..end.unwrap_or(piece.len())]);
        let Some(end) = end else {
            return match self.line.len() {
                LINE_BYTES_MAX => Err(PreambleError::Endless),
                _ => Ok(None),
            };
        };
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let id = ConnectId::new(line).map_err(PreambleError::Id)?;
        Ok(Some((id, end + 1)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Feeds a stream in pieces of that size; the id and what is left of the stream behind it.
    fn fed(stream: &[u8], size: usize) -> Result<Option<(String, Vec<u8>)>, PreambleError> {
        let mut preamble = Preamble::default();
        let mut at = 0;
        for piece in stream.chunks(size) {
            if let Some((id, used)) = preamble.take(piece)? {
                return Ok(Some((id.to_string(), stream[at + used..].to_vec())));
            }
            at += piece.len();
        }
        Ok(None)
    }

    #[test]
    fn a_line_may_be_split_anywhere_and_what_follows_is_the_applications() {
        for stream in ["my-host\nSSH-2.0\n\0\n", "my-host\r\nSSH-2.0\n\0\n"] {
            for size in 1..=stream.len() {
                let (id, rest) = fed(stream.as_bytes(), size).unwrap().unwrap();
                assert_eq!((id.as_str(), &rest[..]), ("my-host", &b"SSH-2.0\n\0\n"[..]));
            }
        }
    }

    #[test]
    fn a_line_may_be_so_long_and_no_longer() {
        for size in [1, 7, 255, 256, 1000] {
            let line = |count: usize| [vec![b'a'; count], b"\nrest".to_vec()].concat();
            let (id, rest) = fed(&line(LINE_BYTES_MAX - 1), size).unwrap().unwrap();
            assert_eq!((id.len(), &rest[..]), (255, &b"rest"[..]));
            assert_eq!(
                fed(&line(LINE_BYTES_MAX), size),
                Err(PreambleError::Endless)
            );
            assert_eq!(fed(&line(1 << 20), size), Err(PreambleError::Endless));
        }
    }

    #[test]
    fn a_line_without_its_end_is_not_there_yet() {
        assert_eq!(fed(b"my-host", 3), Ok(None));
        assert_eq!(fed(&[b'a'; LINE_BYTES_MAX - 1], 100), Ok(None));
        assert_eq!(Preamble::default().take(b""), Ok(None));
    }

    #[test]
    fn what_is_no_id_is_refused_with_its_line() {
        let id = PreambleError::Id;
        assert_eq!(fed(b"\n", 1), Err(id(ConnectIdError::Empty)));
        assert_eq!(fed(b"\r\n", 1), Err(id(ConnectIdError::Empty)));
        assert_eq!(fed(b"a\rb\n", 2), Err(id(ConnectIdError::Control)));
        assert_eq!(fed(b"\xc3\n", 1), Err(id(ConnectIdError::NotText)));
    }

    #[test]
    fn what_it_keeps_is_bounded() {
        let mut preamble = Preamble::default();
        assert!(preamble.take(&vec![b'a'; 1 << 20]).is_err());
        assert!(preamble.line.capacity() <= 2 * LINE_BYTES_MAX);
    }
}
