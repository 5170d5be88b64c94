//! Where a configuration comes from: its file, and perhaps another one beside it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::form::{self, Form, Syntax};
use super::model::{Config, Fips};
use super::problem::{Findings, Place, Problem, Problems};
use super::reader::{Blank, Reported, read_root};
use super::tree::Value;
use super::{Loaded, json, mtlsd, native, persona, yaml};

/// Far beyond every real file, and small enough to hold a mistaken path to something endless.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A configuration's file, and the form that it is read in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// How it is written; `None` to find out.
    pub form: Option<Form>,
    /// What its key `fips` is taken to say, if that is said elsewhere.
    pub fips: Option<Fips>,
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Where it lies.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
}

impl Source {
    /// A file whose form is to be found out.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            form: None,
            fips: None,
        }
    }

    /// The files that it may be in: its own, and the one beside it that one of the forms has.
    pub fn files(&self) -> [PathBuf; 2] {
        [self.path.clone(), persona::beside(&self.path)]
    }

    /// Reads the configuration.
    ///
    /// # Errors
    /// All of its problems, or the one that keeps it from being read.
    pub fn load(&self) -> Result<Loaded, Problems> {
        let mut findings = Findings::default();
        let config = self.read(&mut findings).map(|config| Config {
            fips: self.fips.unwrap_or(config.fips),
            ..config
        });
        findings.settle(config)
    }

    fn read(&self, findings: &mut Findings) -> Result<Config, Reported> {
        let (form, syntax, tree) = self.tree(findings)?;
        match (form, syntax) {
            (Form::Native, _) => in_file(&self.path, findings, |found| {
                read_root(tree, Blank::Value, found, native::read)
            }),
            (Form::Mtlsd, _) => in_file(&self.path, findings, |found| {
                read_root(tree, Blank::Absent, found, mtlsd::read)
            }),
            (Form::Persona, Syntax::Json) => in_file(&self.path, findings, |found| {
                read_root(tree, Blank::Absent, found, persona::read_json)
            }),
            (Form::Persona, Syntax::Yaml) => {
                let pair = in_file(&self.path, findings, |found| {
                    read_root(tree, Blank::Absent, found, persona::read_pair)
                });
                let beside = persona::beside(&self.path);
                let identity = in_file(&beside, findings, |found| {
                    let text = read_text(&beside, found)?;
                    let tree = found.must(yaml::parse(without_mark(&text)))?;
                    read_root(tree, Blank::Absent, found, persona::read_identity)
                });
                Ok(persona::join(pair?, identity?))
            }
        }
    }

    fn tree(&self, findings: &mut Findings) -> Result<(Form, Syntax, Value), Reported> {
        in_file(&self.path, findings, |found| {
            let text = read_text(&self.path, found)?;
            let text = without_mark(&text);
            let syntax = Syntax::of(self.form, &self.path, text);
            let tree = found.must(match syntax {
                Syntax::Json => json::parse(text),
                Syntax::Yaml => yaml::parse(text),
            })?;
            let form = match self.form {
                Some(form) => form,
                None => found.must(form::of_tree(&tree, syntax))?,
            };
            Ok((form, syntax, tree))
        })
    }
}

/// What `read` makes of a file; all that it finds is of that file.
fn in_file<T>(
    file: &Path,
    findings: &mut Findings,
    read: impl FnOnce(&mut Findings) -> Result<T, Reported>,
) -> Result<T, Reported> {
    let mut found = Findings::default();
    let result = read(&mut found);
    findings.join(found.in_file(file));
    result
}

/// Some editors begin a file with a mark that JSON has no place for (RFC 8259 section 8.1).
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn read_text(path: &Path, found: &mut Findings) -> Result<String, Reported> {
    let bytes = read_file(path)
        .map_err(|error| Problem::whole(format!("cannot be read: {error}: check the path")));
    let text = found.must(bytes.and_then(|bytes| {
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let what = "is larger than 4 MiB: this is no configuration";
            return Err(Problem::whole(what));
        }
        utf8(bytes)
    }))?;
    found.files.push(SourceFile {
        path: path.to_owned(),
        text: text.clone(),
    });
    Ok(text)
}

/// At most one byte more than is allowed, so that the caller can tell.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn utf8(bytes: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line_start = good
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = good.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let place = Place::Position {
            line,
            column: good.len() - line_start + 1,
        };
        Problem::placed(place, "not UTF-8: save the file in that encoding")
    })
}
