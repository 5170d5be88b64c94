//! A configuration's text becomes a validated model, or all of its problems at once.
//!
//! | step | file | from, to |
//! |---|---|---|
//! | 1 | `source.rs`, `form.rs` | a file to its text, and to the form that it is written in |
//! | 2 | `json.rs`, `yaml.rs` | the text to a tree of values (`tree.rs`), in order and with repeated keys |
//! | 3 | `native/`, `persona.rs`, `mtlsd.rs` | the tree to the model, key by key |
//! | 4 | `validate.rs` | what concerns several keys or pairs at once |
//!
//! Step 3 reads keys with `reader.rs` and their values with `value.rs`, `address.rs` and `host.rs`.
//! It is what makes a form of configuration: each form's converter reads the same tree with the same
//! reader into the same model, and settles there what its program did otherwise. `native/print.rs` goes
//! the other way, from every model to the native form. Nothing outside this folder sees anything but
//! the model (`model.rs`) and the problems (`problem.rs`). The files that a configuration names are not
//! opened here.

mod address;
#[cfg(test)]
mod fixture;
mod form;
mod host;
mod json;
mod model;
mod mtlsd;
mod native;
mod persona;
mod problem;
mod proxy;
mod reader;
mod source;
mod tree;
mod validate;
mod value;
mod yaml;

use std::path::Path;

pub use self::address::{Address, AddressError, Host, Route};
pub use self::form::Form;
pub use self::host::{HostNameError, ServerName};
pub use self::model::{
    Admin, AdminListener, AllowMode, Config, CrlScope, Database, DatabaseHost, DatabaseTls,
    Directory, Fips, Given, IdSource, Limits, LogFormat, Mode, OnPeerExpiry, OnReload, OnRevoke,
    OnStaleCrl, OnTruncation, Pair, Password, ProxyProtocol, ProxyVersion, ReloadTriggers,
    Resumption, Revocation, Secret, Serves, Sources, TcpOptions, Timeouts, TlsFiles, TlsVersion,
};
pub use self::native::print::print;
pub use self::problem::{Place, Problem, Problems};
pub use self::reader::nearest;
pub use self::source::{Source, SourceFile};

use self::problem::Findings;
use self::reader::{Blank, read_root};

/// A configuration that stands, with what its author should know all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The model.
    pub config: Config,
    /// What is allowed but perhaps not meant.
    pub warnings: Vec<Problem>,
    /// The files that it was read from, the configuration's own first; none of a text from elsewhere.
    pub files: Vec<SourceFile>,
}

/// Reads the file at `path`, in whatever form it is.
///
/// # Errors
/// All problems of the file, or the one that keeps it from being read.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    Source::new(path).load()
}

/// Reads a text in the native form.
///
/// # Errors
/// All problems of the text.
pub fn parse(text: &str) -> Result<Loaded, Problems> {
    let mut findings = Findings::default();
    let tree = findings.must(json::parse(source::without_mark(text)));
    let read = |tree| read_root(tree, Blank::Value, &mut findings, native::read);
    let config = tree.and_then(read);
    findings.settle(config)
}

#[cfg(test)]
mod tests;
