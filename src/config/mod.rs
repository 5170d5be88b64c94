//! A configuration's text becomes a validated model, or all of its problems at once.
//!
//! | step | file | from, to |
//! |---|---|---|
//! | 1 | `mod.rs` | a file's bytes to a text |
//! | 2 | `tree.rs` | the text to a tree of values, in order and with repeated keys |
//! | 3 | `native/` | the tree to the model, key by key |
//! | 4 | `validate.rs` | what concerns several keys or pairs at once |
//!
//! Step 3 reads keys with `reader.rs` and their values with `value.rs`, `address.rs` and `host.rs`.
//! It is what makes a form of configuration: another form's converter reads the same tree with the
//! same reader into the same model. Nothing outside this folder sees anything but the model
//! (`model.rs`) and the problems (`problem.rs`). The files that a configuration names are not
//! opened here.

mod address;
#[cfg(test)]
mod fixture;
mod host;
mod model;
mod native;
mod problem;
mod reader;
mod tree;
mod validate;
mod value;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub use self::address::{Address, AddressError, Host};
pub use self::host::{HostNameError, ServerName};
pub use self::model::{
    Admin, AdminListener, AllowMode, Config, CrlScope, Limits, Mode, OnPeerExpiry, OnReload,
    OnStaleCrl, OnTruncation, Pair, ReloadTriggers, Revocation, Serves, TcpOptions, Timeouts,
    TlsFiles, TlsVersion,
};
pub use self::problem::{Place, Problem, Problems};
pub use self::reader::nearest;
use self::tree::Value;

/// Far beyond every real file, and small enough to hold a mistaken path to something endless.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A configuration that stands, with what its author should know all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The model.
    pub config: Config,
    /// What is allowed but perhaps not meant.
    pub warnings: Vec<Problem>,
}

/// Reads the file at `path`.
///
/// # Errors
/// All problems of the file, or the one that keeps it from being read.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    let in_file = |problems| Problems {
        file: Some(path.to_owned()),
        problems,
    };
    let bytes = read_file(path).map_err(|error| {
        in_file(vec![Problem::whole(format!(
            "cannot be read: {error}: check the path"
        ))])
    })?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let what = "is larger than 4 MiB: this is no configuration";
        return Err(in_file(vec![Problem::whole(what)]));
    }
    let text = utf8(&bytes).map_err(|problem| in_file(vec![problem]))?;
    parse(text).map_err(|found| in_file(found.problems))
}

/// Reads a text.
///
/// # Errors
/// All problems of the text.
pub fn parse(text: &str) -> Result<Loaded, Problems> {
    let mut problems = Vec::new();
    // Some editors begin a file with a mark that JSON has no place for (RFC 8259 section 8.1).
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let loaded = match serde_json::from_str::<Value>(text) {
        Ok(root) => reader::read_root(root, &mut problems, native::read).ok(),
        Err(error) => {
            problems.push(syntax_problem(&error));
            None
        }
    };
    match loaded {
        Some(loaded) if problems.is_empty() => Ok(loaded),
        _ => Err(Problems {
            file: None,
            problems,
        }),
    }
}

/// At most one byte more than is allowed, so that the caller can tell.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let line_start = good
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = good.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let place = Place::Position {
            line,
            column: good.len() - line_start + 1,
        };
        Problem {
            place,
            what: "not UTF-8: save the file in that encoding".to_owned(),
        }
    })
}

fn syntax_problem(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    // The place is told in our own way.
    let what = text
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&text);
    // The parser counts an end of the text from 0.
    let place = Place::Position {
        line: line.max(1),
        column: column.max(1),
    };
    Problem {
        place,
        what: format!("not valid JSON: {what}"),
    }
}

#[cfg(test)]
mod tests;
