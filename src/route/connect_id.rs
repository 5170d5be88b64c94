//! The name that a host is asked for by.

use std::fmt;
use std::sync::Arc;

use super::preamble::LINE_BYTES_MAX;

/// The name of a host in a connector's database. It comes from a client: text of one line, and no more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectId(Arc<str>);

/// Why something is no connect id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectIdError {
    /// It has no characters.
    Empty,
    /// It would not fit its line.
    TooLong,
    /// It is not UTF-8.
    NotText,
    /// It has a control character.
    Control,
}

impl fmt::Display for ConnectIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConnectIdError::Empty => "the connect id is empty",
            ConnectIdError::TooLong => "the connect id is longer than 255 bytes",
            ConnectIdError::NotText => "the connect id is not UTF-8",
            ConnectIdError::Control => "the connect id has a control character",
        })
    }
}

impl ConnectId {
    /// Reads a connect id.
    ///
    /// # Errors
    /// Why it is none.
    pub fn new(bytes: &[u8]) -> Result<ConnectId, ConnectIdError> {
        if bytes.len() >= LINE_BYTES_MAX {
            return Err(ConnectIdError::TooLong);
        }
        match std::str::from_utf8(bytes) {
            Err(_) => Err(ConnectIdError::NotText),
            Ok("") => Err(ConnectIdError::Empty),
            Ok(text) if text.chars().any(char::is_control) => Err(ConnectIdError::Control),
            Ok(text) => Ok(ConnectId(text.into())),
        }
    }

    /// The first label of the name of a server (RFC 6066, 3), in lower case as names have none.
    ///
    /// # Errors
    /// Why that is no connect id.
    pub fn of_server_name(name: &str) -> Result<ConnectId, ConnectIdError> {
        let label = name.split('.').next().unwrap_or_default();
        ConnectId::new(label.to_ascii_lowercase().as_bytes())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its text, shared.
    pub fn shared(&self) -> &Arc<str> {
        &self.0
    }
}

impl fmt::Display for ConnectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_connect_id_is_any_text_that_fits_its_line() {
        for text in [
            "db",
            "my-host-01",
            "a b",
            "höst",
            "'; drop table users; --",
            "%",
            "$1",
        ] {
            assert_eq!(ConnectId::new(text.as_bytes()).unwrap().as_str(), text);
        }
        let longest = "a".repeat(255);
        assert_eq!(
            ConnectId::new(longest.as_bytes()).unwrap().as_str(),
            longest
        );
    }

    #[test]
    fn what_is_no_line_of_text_is_none() {
        use ConnectIdError::*;
        let too_long = [b'a'; 256];
        for (bytes, error) in [
            (&b""[..], Empty),
            (&too_long, TooLong),
            (b"\xff", NotText),
            (b"a\0b", Control),
            (b"a\tb", Control),
            ("a\u{85}".as_bytes(), Control),
        ] {
            assert_eq!(ConnectId::new(bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn the_first_label_of_a_server_name_is_the_id() {
        for (name, id) in [
            ("db.connect.example", "db"),
            ("DB.connect.example", "db"),
            ("db", "db"),
            ("db.", "db"),
        ] {
            assert_eq!(ConnectId::of_server_name(name).unwrap().as_str(), id);
        }
        for name in ["", ".", ".example"] {
            assert_eq!(ConnectId::of_server_name(name), Err(ConnectIdError::Empty));
        }
    }
}
