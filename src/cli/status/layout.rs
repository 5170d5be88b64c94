//! Lines of shaded text, within a width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What a line is cut off with.
const CUT: &str = "…";

/// The narrowest that a table's first column gets before lines are cut off.
const FIRST_MIN: usize = 8;

/// Between the columns of a table, and before the first: as much as there is room for.
const GAPS: [usize; 2] = [2, 1];

/// How it is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Columns; lines are cut off or broken there.
    pub(super) width: usize,
    /// Lines that there is room for, where it matters.
    pub(super) height: Option<usize>,
    pub(super) has_colours: bool,
}

impl Look {
    /// For whatever is no terminal: nothing is cut off.
    pub(super) const PLAIN: Look = Look {
        width: usize::MAX,
        height: None,
        has_colours: false,
    };
}

/// What a piece of text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shade {
    Plain,
    Strong,
    Dim,
    Good,
    Fair,
    Bad,
}

impl Shade {
    /// Select Graphic Rendition (ECMA-48, 8.3.117), in colours that every palette has.
    fn code(self) -> Option<&'static str> {
        match self {
            Shade::Plain => None,
            Shade::Strong => Some("1"),
            Shade::Dim => Some("2"),
            Shade::Good => Some("32"),
            Shade::Fair => Some("33"),
            Shade::Bad => Some("1;31"),
        }
    }
}

/// Text that comes from outside, as characters that take a place and do nothing else: a name may hold what
/// would steer a terminal, or turn the direction of what follows.
pub(super) fn safe(text: &str) -> String {
    text.escape_debug()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
}

/// A line, in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<(Shade, String)>);

impl Line {
    /// A line of one piece.
    pub(super) fn of(shade: Shade, text: impl Into<String>) -> Line {
        Line(vec![(shade, text.into())])
    }

    /// The line and one piece more.
    pub(super) fn and(mut self, shade: Shade, text: impl Into<String>) -> Line {
        self.0.push((shade, text.into()));
        self
    }

    /// How many columns it takes.
    fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.width()).sum()
    }

    /// What of it fits.
    fn cut(self, width: usize) -> Line {
        if self.width() <= width {
            return self;
        }
        let mut room = width.saturating_sub(CUT.width());
        let mut cut = Line::default();
        for (shade, text) in self.0 {
            let piece: String = text.chars().take_while(|c| fits(*c, &mut room)).collect();
            let is_whole = piece.len() == text.len();
            cut.0.push((shade, piece));
            if !is_whole {
                cut.0.push((shade, CUT.to_owned()));
                break;
            }
        }
        cut
    }

    fn write(&self, has_colours: bool, text: &mut String) {
        for (shade, piece) in &self.0 {
            match shade.code().filter(|_| has_colours && !piece.is_empty()) {
                Some(code) => *text += &format!("\x1b[{code}m{piece}\x1b[0m"),
                None => *text += piece,
            }
        }
    }
}

/// Whether a character fits, whose room is taken then.
fn fits(c: char, room: &mut usize) -> bool {
    let width = c.width().unwrap_or(0);
    let is_room = width <= *room;
    *room = if is_room { *room - width } else { 0 };
    is_room
}

/// The lines as text, each within the look's width, and no more of them than there is room for.
pub(super) fn text(mut lines: Vec<Line>, look: Look) -> String {
    if let Some(height) = look.height
        && lines.len() > height
    {
        let more = lines.len() - height.saturating_sub(1);
        lines.truncate(height.saturating_sub(1));
        lines.push(Line::of(Shade::Dim, format!("… and {more} lines more")));
    }
    let mut text = String::new();
    for line in lines {
        line.cut(look.width).write(look.has_colours, &mut text);
        text.push('\n');
    }
    text
}

/// A text as lines behind an indent, broken between words, or within those that are wider than a line.
pub(super) fn wrapped(indent: usize, shade: Shade, text: &str, width: usize) -> Vec<Line> {
    let room = width.saturating_sub(indent).max(1);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            lines.push(std::mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        line += word;
        while line.width() > room {
            let mut left = room;
            let piece: String = line.chars().take_while(|c| fits(*c, &mut left)).collect();
            // One that is wider than all of the room goes all the same.
            let end = piece
                .len()
                .max(line.chars().next().map_or(0, char::len_utf8));
            let rest = line.split_off(end);
            lines.push(std::mem::replace(&mut line, rest));
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    let indented = |line: String| Line::of(shade, format!("{:indent$}{line}", ""));
    lines.into_iter().map(indented).collect()
}

/// A cell of a table.
pub(super) type Cell = (Shade, String);

/// Rows under headings, all of which are dim. All columns but the first are on the right, where `is_right`
/// says so. Each row is followed by lines of its own.
pub(super) fn table<const N: usize>(
    headings: [(&str, bool); N],
    rows: Vec<([Cell; N], Vec<Line>)>,
    width: usize,
) -> Vec<Line> {
    let mut widths = headings.map(|(heading, _)| heading.width());
    for (cells, _) in &rows {
        for (width, (_, text)) in widths.iter_mut().zip(cells) {
            *width = (*width).max(text.width());
        }
    }
    let [wide, narrow] = GAPS.map(|gap| widths.iter().map(|width| gap + width).sum::<usize>());
    let gap = GAPS[usize::from(wide > width)];
    widths[0] = match narrow.saturating_sub(width) {
        0 => widths[0],
        over => widths[0].saturating_sub(over).max(FIRST_MIN.min(widths[0])),
    };
    let heading = headings.map(|(heading, _)| (Shade::Dim, heading.to_owned()));
    let is_right = headings.map(|(_, is_right)| is_right);
    let mut lines = vec![row(heading, is_right, widths, gap)];
    for (cells, below) in rows {
        lines.push(row(cells, is_right, widths, gap));
        lines.extend(below);
    }
    lines
}

fn row<const N: usize>(
    cells: [Cell; N],
    is_right: [bool; N],
    widths: [usize; N],
    gap: usize,
) -> Line {
    let mut line = Line::default();
    for ((cell, is_right), width) in cells.into_iter().zip(is_right).zip(widths) {
        let (shade, _) = cell;
        let cell = Line(vec![cell]).cut(width);
        let pad = " ".repeat(width.saturating_sub(cell.width()));
        line = line.and(Shade::Plain, " ".repeat(gap));
        if is_right {
            line = line.and(Shade::Plain, pad.clone());
        }
        let text: String = cell.0.into_iter().map(|(_, text)| text).collect();
        line = line.and(shade, text);
        if !is_right {
            line = line.and(Shade::Plain, pad);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(lines: Vec<Line>, width: usize) -> String {
        text(
            lines,
            Look {
                width,
                ..Look::PLAIN
            },
        )
    }

    #[test]
    fn nothing_from_outside_steers_a_terminal() {
        for steering in [
            "\x1b[2J",
            "\x1b]0;title\x07",
            "\u{9b}31m",
            "a\rb",
            "a\nb",
            "\u{202e}gnp",
            "\u{200f}",
            "\x7f",
            "\0",
        ] {
            let told = safe(steering);
            let is_harmless = |c: char| c == ' ' || c.is_ascii_graphic();
            assert!(told.chars().all(is_harmless), "{told:?}");
        }
        // What looks like an escape that was written out is another text.
        assert_ne!(safe("\\u{1b}"), safe("\x1b"));
        assert_eq!(safe("O=\"Müller\", CN=日本's"), "O=\"Müller\", CN=日本's");
    }

    #[test]
    fn lines_are_cut_at_the_width_that_a_terminal_needs() {
        let line = || Line::of(Shade::Plain, "日本").and(Shade::Good, "abc");
        assert_eq!(plain(vec![line()], 7), "日本abc\n");
        assert_eq!(plain(vec![line()], 6), "日本a…\n");
        // Half of a wide character is none.
        assert_eq!(plain(vec![line()], 4), "日…\n");
        assert_eq!(plain(vec![line()], 0), "…\n");
    }

    #[test]
    fn colours_are_for_who_wants_them_and_end_with_each_piece() {
        let line = || vec![Line::of(Shade::Bad, "no").and(Shade::Plain, ": why")];
        let look = Look {
            has_colours: true,
            ..Look::PLAIN
        };
        assert_eq!(text(line(), look), "\x1b[1;31mno\x1b[0m: why\n");
        assert_eq!(text(line(), Look::PLAIN), "no: why\n");
    }

    #[test]
    fn what_does_not_fit_a_screen_is_counted() {
        let lines = |count: usize| vec![Line::of(Shade::Plain, "a"); count];
        let look = Look {
            height: Some(3),
            ..Look::PLAIN
        };
        assert_eq!(text(lines(3), look), "a\na\na\n");
        assert_eq!(text(lines(5), look), "a\na\n… and 3 lines more\n");
    }

    #[test]
    fn long_texts_are_broken_between_words_and_long_words_within() {
        let lines = wrapped(2, Shade::Plain, "one two three-and-more", 9);
        assert_eq!(plain(lines, 9), "  one two\n  three-a\n  nd-more\n");
        assert_eq!(
            plain(wrapped(4, Shade::Plain, "日本", 1), 9),
            "    日\n    本\n"
        );
        assert_eq!(plain(wrapped(0, Shade::Plain, "", 9), 9), "\n");
    }

    #[test]
    fn a_table_has_straight_columns_and_its_first_gives_way() {
        let cell = |text: &str| (Shade::Plain, text.to_owned());
        let rows = || {
            let below = vec![Line::of(Shade::Plain, "  below")];
            vec![
                ([cell("a-rather-long-name"), cell("1")], below),
                ([cell("日本"), cell("200")], Vec::new()),
            ]
        };
        let headings = [("pair", false), ("live", true)];
        let wide = "  pair                live\n  a-rather-long-name     1\n  below\n  日本                 200\n";
        assert_eq!(plain(table(headings, rows(), 80), 80), wide);
        let narrow = " pair      live\n a-rather…    1\n  below\n 日本       200\n";
        assert_eq!(plain(table(headings, rows(), 15), 15), narrow);
    }
}
