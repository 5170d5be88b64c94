//! What is wrong with a configuration, in the operator's words.

use std::fmt;
use std::path::PathBuf;

/// Where in a configuration a problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The configuration as a whole.
    Whole,
    /// A key, as the path that leads to it: `address_pairs[1].outbound`.
    Key(String),
    /// A position in the text; both numbers count from 1, the column in bytes.
    Position {
        /// The line.
        line: usize,
        /// The byte within the line.
        column: usize,
    },
}

/// One problem (or, where the caller keeps it as such, one warning).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What is wrong and what to do about it, one line without the place.
    pub what: String,
}

impl Problem {
    /// A problem of the key that `path` leads to.
    pub fn at(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: Place::Key(path.into()),
            what: what.into(),
        }
    }

    /// A problem of the configuration as a whole.
    pub fn whole(what: impl Into<String>) -> Self {
        Self {
            place: Place::Whole,
            what: what.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Whole => f.write_str(&self.what),
            Place::Key(path) => write!(f, "{path}: {}", self.what),
            Place::Position { line, column } => {
                write!(f, "line {line}, column {column}: {}", self.what)
            }
        }
    }
}

/// All problems of one configuration; never empty. Its text has one line for each, and each begins
/// with the file where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file that was read; `None` for a text that came from elsewhere.
    pub file: Option<PathBuf>,
    /// The problems, in the order in which they were met.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match (&self.file, &problem.place) {
                (None, _) => write!(f, "{problem}")?,
                // The form that editors and terminals turn into a link.
                (Some(file), Place::Position { line, column }) => {
                    write!(f, "{}:{line}:{column}: {}", file.display(), problem.what)?;
                }
                (Some(file), _) => write!(f, "{}: {problem}", file.display())?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Characters of a configured text that a message repeats at most.
const SHOWN_CHARS: usize = 80;

/// `text` in quotes, as a message shows it: on one line and of bounded length.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}
