//! The requests of one connection, one after the other.

use super::chunks::Chunks;
use super::head::{self, Content};
use super::refusal::Refusal;
use super::scan::{Ends, Scan};
use crate::base::buffer::Buffer;
use crate::base::scratch::PIECE_BYTES;

/// So much memory for a head that came in pieces may stay with a connection that is idle.
const KEPT_BYTES_MAX: usize = 4096;

/// What comes next.
#[derive(Debug)]
enum State {
    Head,
    /// Content, of which so much is left.
    Body(u64),
    Chunks(Chunks),
    Trailers,
    /// The protocol may change: the server decides.
    Waiting,
    /// It has changed.
    Changed,
}

/// The bytes of a client on their way to the server.
///
/// However they are cut into pieces, the same bytes come out, and the same are refused.
#[derive(Debug)]
pub struct Requests {
    /// What each head gets.
    lines: Vec<u8>,
    state: State,
    scan: Scan,
    /// Of a head or of trailers what has come of them; the only bytes that are kept.
    held: Vec<u8>,
    /// An empty line stood before the head that comes.
    is_behind_blank: bool,
    /// Heads that were passed on.
    heads: u64,
    /// The client of the first request waits for 100 (Continue).
    is_continue_due: bool,
}

impl Requests {
    /// Those of a connection that has just begun, whose heads get these lines.
    pub fn new(lines: Vec<u8>) -> Requests {
        Requests {
            lines,
            state: State::Head,
            scan: Scan::default(),
            held: Vec::new(),
            is_behind_blank: false,
            heads: 0,
            is_continue_due: false,
        }
    }

    /// Whether these bytes pass as they are; then they count as taken. It is so within content, where most
    /// bytes are: they need not be copied.
    pub fn take_whole(&mut self, input: &[u8]) -> bool {
        match &mut self.state {
            State::Body(left) if *left >= input.len() as u64 => {
                *left -= input.len() as u64;
                if *left == 0 {
                    self.state = State::Head;
                }
                true
            }
            State::Chunks(chunks) => chunks.take_whole(input.len()),
            State::Changed => true,
            _ => false,
        }
    }

    /// Adds to `out`, which is empty, what is to be sent for these bytes, and tells how many of them that
    /// was about. What is left has to be given again: `out` got about [`PIECE_BYTES`], or
    /// [`Requests::is_waiting`].
    ///
    /// # Errors
    /// The next byte is refused. What came before it is in `out`, but nothing of a head that it is within.
    pub fn take(&mut self, input: &[u8], out: &mut Buffer) -> Result<usize, Refusal> {
        let mut used = 0;
        while used < input.len() {
            let room = PIECE_BYTES.saturating_sub(out.len());
            // A head grows by our lines: many small requests are much more when they go out.
            let is_full = match self.state {
                State::Head | State::Trailers => room < PIECE_BYTES / 2,
                _ => room == 0,
            };
            if is_full || self.is_waiting() {
                break;
            }
            let rest = &input[used..];
            let piece = &rest[..rest.len().min(room)];
            used += match &mut self.state {
                State::Head | State::Trailers => self.take_lines(rest, out)?,
                State::Chunks(chunks) => {
                    let count = chunks.take(piece, out)?;
                    if chunks.is_over() {
                        self.state = State::Trailers;
                    }
                    count
                }
                State::Body(left) => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX);
                    let count = piece.len().min(most);
                    out.append(&piece[..count]);
                    self.take_whole(&piece[..count]);
                    count
                }
                State::Waiting | State::Changed => {
                    out.append(piece);
                    piece.len()
                }
            };
        }
        Ok(used)
    }

    /// Takes bytes up to the end of the lines that are under way.
    fn take_lines(&mut self, rest: &[u8], out: &mut Buffer) -> Result<usize, Refusal> {
        let mut from = 0;
        for (at, byte) in rest.iter().enumerate() {
            let ends = self.scan.take(*byte)?;
            if ends == Ends::Nothing || ends == Ends::Line {
                continue;
            }
            self.held.extend_from_slice(&rest[from..=at]);
            from = at + 1;
            if ends == Ends::Section {
                self.end_section(out)?;
                return Ok(from);
            }
            // Who speaks another protocol may wait for an answer to its first line.
            if matches!(self.state, State::Head) {
                head::check_first_line(&self.held)?;
            }
        }
        self.held.extend_from_slice(&rest[from..]);
        Ok(rest.len())
    }

    fn end_section(&mut self, out: &mut Buffer) -> Result<(), Refusal> {
        let is_empty = std::mem::take(&mut self.scan).lines() == 0;
        self.state = match self.state {
            State::Head if is_empty => {
                if std::mem::replace(&mut self.is_behind_blank, true) {
                    return Err(Refusal::bad("there are empty lines before a request"));
                }
                State::Head
            }
            State::Head => {
                let may_upgrade = self.heads == 0;
                let passed = head::rewrite(&self.held, &self.lines, may_upgrade, out)?;
                self.is_continue_due = passed.is_waiting && self.heads == 0;
                self.heads += 1;
                self.is_behind_blank = false;
                match passed.content {
                    Content::None | Content::Length(0) => State::Head,
                    Content::Length(length) => State::Body(length),
                    Content::Chunked => State::Chunks(Chunks::new()),
                    Content::Upgrade => State::Waiting,
                }
            }
            _ => {
                head::rewrite_trailers(&self.held, out)?;
                State::Head
            }
        };
        self.held.clear();
        self.held.shrink_to(KEPT_BYTES_MAX);
        Ok(())
    }

    /// Whether nothing is taken before the server has said whether the protocol changes.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting)
    }

    /// The server has said it.
    pub fn answered(&mut self, is_switching: bool) {
        if self.is_waiting() {
            self.state = match is_switching {
                true => State::Changed,
                false => State::Head,
            };
        }
    }

    /// Whether the client of the first request waits for 100 (Continue), which is told once. Of a later
    /// request it cannot be told: an answer to another one may be under way.
    pub fn take_continue(&mut self) -> bool {
        std::mem::take(&mut self.is_continue_due)
    }

    /// What it means that the client's stream ends here.
    ///
    /// # Errors
    /// It ends within a head or within trailers, of which nothing was passed on. That it ends within content
    /// the server sees for itself.
    pub fn end(&self) -> Result<(), Refusal> {
        match self.held.is_empty() {
            true => Ok(()),
            false => Err(Refusal::bad("the connection ends within a head")),
        }
    }

    /// Whether the request that is under way, or comes next, is the first one.
    pub fn is_at_first(&self) -> bool {
        match self.state {
            State::Head => self.heads == 0,
            _ => self.heads == 1,
        }
    }
}

#[cfg(test)]
mod tests;
