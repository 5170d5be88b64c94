//! Lines, of a head or of trailers: what is none is refused at the byte at which that shows.

use super::refusal::Refusal;

/// The most bytes of a head, or of the trailers of one request.
pub(super) const SECTION_BYTES_MAX: usize = 64 * 1024;

/// What a byte ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Nothing,
    /// A line that is not the first.
    Line,
    FirstLine,
    /// All lines, being the end of an empty one.
    Section,
}

/// How far the lines have come.
#[derive(Debug, Default)]
pub(super) struct Scan {
    bytes: usize,
    lines: usize,
    /// Bytes of the line that is under way, its end not counted.
    line: usize,
    is_cr: bool,
}

impl Scan {
    /// Takes the next byte.
    pub(super) fn take(&mut self, byte: u8) -> Result<Ends, Refusal> {
        self.bytes += 1;
        if self.bytes > SECTION_BYTES_MAX {
            return Err(Refusal::too_large("a head or its trailers are over 64 KiB"));
        }
        match (byte, std::mem::take(&mut self.is_cr)) {
            (b'\n', true) => return Ok(self.end_line()),
            (b'\n', false) => return Err(Refusal::bad("a line ends without CR")),
            (_, true) => return Err(Refusal::bad("there is a CR within a line")),
            (b'\r', false) => self.is_cr = true,
            (b' ' | b'\t', false) if self.line == 0 => {
                return Err(Refusal::bad("a line begins with a space"));
            }
            (b'\t', false) => self.line += 1,
            (byte, false) if byte.is_ascii_control() => {
                return Err(Refusal::bad("there is a control character in a line"));
            }
            (_, false) => self.line += 1,
        }
        Ok(Ends::Nothing)
    }

    fn end_line(&mut self) -> Ends {
        if std::mem::take(&mut self.line) == 0 {
            return Ends::Section;
        }
        self.lines += 1;
        match self.lines {
            1 => Ends::FirstLine,
            _ => Ends::Line,
        }
    }

    /// How many lines there were that are not empty.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }
}
