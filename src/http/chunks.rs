//! Chunked content (RFC 9112, 7.1), which is passed on as it is: only its end has to be known.

use super::refusal::Refusal;
use crate::base::buffer::Buffer;

/// The most digits of a chunk's size: no server that counts in 64 bits can overflow.
const DIGITS_MAX: usize = 15;

/// The longest line with a chunk's size and its extensions.
const LINE_BYTES_MAX: usize = 4096;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Size,
    Extension,
    LineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    /// Everything but the trailers was there.
    Nothing,
}

/// How far the chunks of a request have come.
#[derive(Debug)]
pub(super) struct Chunks {
    next: Next,
    /// What is left of the chunk.
    size: u64,
    /// Bytes of the line with its size.
    line: usize,
}

impl Chunks {
    pub(super) fn new() -> Chunks {
        Chunks {
            next: Next::Size,
            size: 0,
            line: 0,
        }
    }

    /// Whether the last chunk was there.
    pub(super) fn is_over(&self) -> bool {
        self.next == Next::Nothing
    }

    /// Whether so many bytes are all within a chunk; then they count as taken.
    pub(super) fn take_whole(&mut self, count: usize) -> bool {
        let is_whole = self.next == Next::Data && self.size >= count as u64;
        if is_whole {
            self.take_data(count);
        }
        is_whole
    }

    /// Passes on what belongs to the chunks, and tells how much that was.
    ///
    /// # Errors
    /// What follows is no chunk; what came before is passed on.
    pub(super) fn take(&mut self, input: &[u8], out: &mut Buffer) -> Result<usize, Refusal> {
        let mut used = 0;
        let mut outcome = Ok(());
        while let Some(byte) = input.get(used) {
            match self.next {
                Next::Nothing => break,
                Next::Data => used += self.take_data(input.len() - used),
                _ => match self.take_byte(*byte) {
                    Ok(()) => used += 1,
                    Err(refusal) => {
                        outcome = Err(refusal);
                        break;
                    }
                },
            }
        }
        out.append(&input[..used]);
        outcome.map(|()| used)
    }

    fn take_data(&mut self, most: usize) -> usize {
        let count = usize::try_from(self.size).unwrap_or(usize::MAX).min(most);
        self.size -= count as u64;
        if self.size == 0 {
            self.next = Next::DataReturn;
        }
        count
    }

    fn take_byte(&mut self, byte: u8) -> Result<(), Refusal> {
        self.next = match (self.next, byte) {
            (Next::Size, _) if byte.is_ascii_hexdigit() => return self.take_digit(byte),
            (Next::Size, b';') if self.line > 0 => Next::Extension,
            (Next::Size, b'\r') if self.line > 0 => Next::LineFeed,
            (Next::Size, _) => return Err(Refusal::bad("the size of a chunk is no number")),
            (Next::Extension, b'\r') => Next::LineFeed,
            (Next::Extension, b'\t' | b' '..=b'~') if self.line < LINE_BYTES_MAX => Next::Extension,
            (Next::Extension, _) => {
                return Err(Refusal::bad(
                    "the extension of a chunk is too long or no text",
                ));
            }
            (Next::LineFeed, b'\n') if self.size == 0 => Next::Nothing,
            (Next::LineFeed, b'\n') => Next::Data,
            (Next::DataReturn, b'\r') => Next::DataLineFeed,
            (Next::DataLineFeed, b'\n') => {
                *self = Chunks::new();
                return Ok(());
            }
            _ => return Err(Refusal::bad("a chunk does not end where it should")),
        };
        self.line += 1;
        Ok(())
    }

    fn take_digit(&mut self, byte: u8) -> Result<(), Refusal> {
        if self.line >= DIGITS_MAX {
            return Err(Refusal::bad("the size of a chunk has too many digits"));
        }
        let digit = char::from(byte).to_digit(16).unwrap_or_default();
        self.size = self.size * 16 + u64::from(digit);
        self.line += 1;
        Ok(())
    }
}
