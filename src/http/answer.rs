//! Whether the first answer of a server says that it changes the protocol.

/// How the first response begins that does.
const SWITCHING: &[u8] = b"HTTP/1.1 101";

/// The status of the first response of a connection, as far as it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstAnswer {
    seen: usize,
    is_switching: Option<bool>,
}

impl FirstAnswer {
    /// Looks at the next bytes of the server.
    pub fn note(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.is_switching.is_some() {
                return;
            }
            self.is_switching = match SWITCHING.get(self.seen) {
                Some(expected) if byte == expected => None,
                Some(_) => Some(false),
                // The digits of a status are over.
                None => Some(matches!(byte, b' ' | b'\r')),
            };
            self.seen += 1;
        }
    }

    /// The server says nothing more.
    pub fn end(&mut self) {
        self.is_switching.get_or_insert(false);
    }

    /// Whether the protocol changes; none while that is not known.
    pub fn is_switching(self) -> Option<bool> {
        self.is_switching
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known behind each of these pieces.
    fn known(pieces: &[&str]) -> Option<bool> {
        let mut answer = FirstAnswer::default();
        for piece in pieces {
            answer.note(piece.as_bytes());
        }
        answer.is_switching()
    }

    #[test]
    fn only_101_changes_the_protocol() {
        let is_switching = |text| known(&[text]);
        assert_eq!(is_switching("HTTP/1.1 101 Switching\r\n"), Some(true));
        assert_eq!(is_switching("HTTP/1.1 101\r\n"), Some(true));
        for other in [
            "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 Switching\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching\r\n",
            "HTTP/1.1 1010",
            "HTTP/1.0 101 Switching\r\n",
            "\r\nHTTP/1.1 101 ",
        ] {
            assert_eq!(is_switching(other), Some(false), "{other}");
        }
    }

    #[test]
    fn it_may_come_in_pieces_and_may_not_come_at_all() {
        assert_eq!(known(&["HTTP", "", "/1.1 101"]), None);
        assert_eq!(known(&["HTTP", "/1.1 1", "01", " "]), Some(true));
        let mut answer = FirstAnswer::default();
        answer.note(b"HTTP/1.1 101");
        answer.end();
        assert_eq!(answer.is_switching(), Some(false));
    }
}
