//! What is wrong with a configuration, in the operator's words.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Loaded;
use super::model::Config;
use super::source::SourceFile;

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
    /// The file; `None` for a text that came from elsewhere.
    pub file: Option<PathBuf>,
    /// Where in it.
    pub place: Place,
    /// What is wrong and what to do about it, one line without the place.
    pub what: String,
}

impl Problem {
    /// A problem of the key that `path` leads to.
    pub fn at(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self::placed(Place::Key(path.into()), what)
    }

    /// A problem of the configuration as a whole.
    pub fn whole(what: impl Into<String>) -> Self {
        Self::placed(Place::Whole, what)
    }

    /// A problem at a place.
    pub fn placed(place: Place, what: impl Into<String>) -> Self {
        Self {
            file: None,
            place,
            what: what.into(),
        }
    }

    /// The same problem, of that file.
    pub(super) fn in_file(self, file: &Path) -> Self {
        Self {
            file: Some(file.to_owned()),
            ..self
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match (&self.file, &self.place) {
            // The form that editors and terminals turn into a link.
            (Some(file), Place::Position { line, column }) => {
                return write!(f, "{}:{line}:{column}: {what}", file.display());
            }
            (Some(file), _) => write!(f, "{}: ", file.display())?,
            (None, _) => {}
        }
        match &self.place {
            Place::Whole => f.write_str(what),
            Place::Key(path) => write!(f, "{path}: {what}"),
            Place::Position { line, column } => write!(f, "line {line}, column {column}: {what}"),
        }
    }
}

/// All problems of one configuration; never empty. Its text has one line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// Proof that a problem has been noted, so that nobody reports what follows from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reported(());

/// What was found while reading.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What is wrong, in the order in which it was met.
    pub(super) problems: Vec<Problem>,
    /// What is allowed but perhaps not meant.
    pub(super) warnings: Vec<Problem>,
    /// What it was found in.
    pub(super) files: Vec<SourceFile>,
}

impl Findings {
    /// What was read, unless it was wrong.
    pub(super) fn must<T>(&mut self, read: Result<T, Problem>) -> Result<T, Reported> {
        read.map_err(|problem| self.problem(problem))
    }

    /// Notes a problem.
    pub(super) fn problem(&mut self, problem: Problem) -> Reported {
        self.problems.push(problem);
        Reported(())
    }

    /// Notes what was found elsewhere.
    pub(super) fn join(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.warnings.extend(other.warnings);
        self.files.extend(other.files);
    }

    /// A configuration stands only if nothing is wrong with it.
    pub(super) fn settle(self, config: Result<Config, Reported>) -> Result<Loaded, Problems> {
        match config {
            Ok(config) if self.problems.is_empty() => Ok(Loaded {
                config,
                warnings: self.warnings,
                files: self.files,
            }),
            _ => Err(Problems(self.problems)),
        }
    }

    /// Says of everything that it is in that file.
    pub(super) fn in_file(self, file: &Path) -> Self {
        let named = |found: Vec<Problem>| found.into_iter().map(|p| p.in_file(file)).collect();
        Self {
            problems: named(self.problems),
            warnings: named(self.warnings),
            files: self.files,
        }
    }
}

/// Characters of a configured text that a message repeats at most.
const SHOWN_CHARS: usize = 80;

/// `text` in quotes, as a message shows it: on one line and of bounded length.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}
