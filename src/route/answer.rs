//! What a connector tells its client: `OK\n`, or `ERROR: <message>\n` and nothing more.

use crate::base::id::Side;
use crate::base::reason::CloseReason;

/// The longest answer that a client reads, its end included.
const ANSWER_BYTES_MAX: usize = 1024;

const GRANTED: &[u8] = b"OK\n";
const REFUSED: &[u8] = b"ERROR: ";

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The host is reached: what follows is its own.
    Granted,
    /// It is not, and why.
    Refused(String),
    /// Something that no connector says.
    Strange,
}

impl Answer {
    /// What a connector says when the host is reached.
    pub fn granted() -> &'static [u8] {
        GRANTED
    }
}

/// The line for a client whose connection ends so, over the leg of that side. It tells nobody which hosts
/// there are: a host that is unknown and one that is not for this client have the same reason.
pub fn refusal(reason: CloseReason, side: Option<Side>) -> String {
    use CloseReason::*;
    let message = match reason {
        // That is the host, and not the client.
        AclDenied if side == Some(Side::Outbound) => "host unreachable",
        NotAuthorized | SpiffeInvalid | AclDenied | Revoked => "not authorized",
        PreambleInvalid => "malformed connect id",
        PreambleTimeout => "no connect id in time",
        RateLimited => "too many connections",
        DatabaseError | Overloaded | Drained | Stopped | Reloaded => "temporarily unavailable",
        _ => "host unreachable",
    };
    format!("ERROR: {message}\n")
}

/// An answer as far as it has come to a client.
#[derive(Debug, Default)]
pub struct AnswerReader {
    line: Vec<u8>,
}

impl AnswerReader {
    /// Takes the next bytes of the connector. Once the answer is known: it, and how many of these bytes it
    /// took; the others are the host's. None while it is not.
    pub fn take(&mut self, bytes: &[u8]) -> Option<(Answer, usize)> {
        for (at, byte) in bytes.iter().enumerate() {
            self.line.push(*byte);
            let answer = match &self.line[..] {
                GRANTED => Answer::Granted,
                line if GRANTED.starts_with(line) || REFUSED.starts_with(line) => continue,
                line => match line.strip_prefix(REFUSED) {
                    None => Answer::Strange,
                    Some(message) if *byte == b'\n' => {
                        let message = String::from_utf8_lossy(message);
                        // It goes to logs and terminals, which it is not to steer.
                        let message = message.replace(char::is_control, " ");
                        Answer::Refused(message.trim_end().to_owned())
                    }
                    Some(_) if line.len() == ANSWER_BYTES_MAX => Answer::Strange,
                    Some(_) => continue,
                },
            };
            return Some((answer, at + 1));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Feeds a stream in pieces of that size; the answer and what is left of the stream behind it.
    fn fed(stream: &[u8], size: usize) -> Option<(Answer, Vec<u8>)> {
        let mut reader = AnswerReader::default();
        let mut at = 0;
        for piece in stream.chunks(size) {
            if let Some((answer, used)) = reader.take(piece) {
                return Some((answer, stream[at + used..].to_vec()));
            }
            at += piece.len();
        }
        None
    }

    #[test]
    fn an_answer_may_be_split_anywhere_and_what_follows_is_the_hosts() {
        let refused = Answer::Refused("not authorized".to_owned());
        for size in 1..=9 {
            let granted = fed(b"OK\nOK\nhello", size);
            assert_eq!(granted, Some((Answer::Granted, b"OK\nhello".to_vec())));
            let answer = fed(b"ERROR: not authorized\n", size);
            assert_eq!(answer, Some((refused.clone(), Vec::new())));
        }
    }

    #[test]
    fn every_refusal_of_ours_reads_as_one() {
        for reason in CloseReason::ALL {
            let line = refusal(*reason, None);
            let (answer, rest) = fed(line.as_bytes(), 1).unwrap();
            let message = line.trim_start_matches("ERROR: ").trim_end();
            assert_eq!(answer, Answer::Refused(message.to_owned()));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn what_no_connector_says_is_strange_at_its_first_wrong_byte() {
        for stream in ["HTTP/1.1 400", "OK \n", "OK\r\n", "ERROR\n", "\n", "ok\n"] {
            let (answer, _) = fed(stream.as_bytes(), 1).unwrap();
            assert_eq!(answer, Answer::Strange, "{stream}");
        }
        let endless = [b"ERROR: ".to_vec(), vec![b'a'; 1 << 20]].concat();
        assert_eq!(fed(&endless, 4096).unwrap().0, Answer::Strange);
    }

    #[test]
    fn what_a_connector_says_steers_no_terminal() {
        let (answer, _) = fed(b"ERROR: no\x1b[2Jw\0\r\n", 3).unwrap();
        assert_eq!(answer, Answer::Refused("no [2Jw".to_owned()));
    }

    #[test]
    fn a_client_whose_grant_was_taken_back_is_told_what_one_without_is() {
        use CloseReason::{NotAuthorized, Revoked};
        assert_eq!(refusal(Revoked, None), refusal(NotAuthorized, None));
    }

    #[test]
    fn half_an_answer_is_none_yet() {
        for stream in ["", "O", "OK", "ERROR", "ERROR: no"] {
            assert_eq!(fed(stream.as_bytes(), 2), None, "{stream}");
        }
    }
}
