//! `mtls-persona check`.

mod lists;
mod peers;
mod report;

use std::path::Path;
use std::process::ExitCode;

use super::{WRONG_WORDS, fail, finish, tell, unix_now};
use crate::config;
use crate::ops::{check_credentials, inventory};

/// Tells every problem of a configuration and of the files that it names, and what lies in them.
pub(super) fn check(config: &Path) -> ExitCode {
    let loaded = match config::load(config) {
        Ok(loaded) => loaded,
        Err(problems) => return fail(WRONG_WORDS, &problems),
    };
    let now = unix_now();
    let pairs = &loaded.config.pairs;
    let checked = match check_credentials(pairs, now) {
        Ok(checked) => checked,
        Err(problems) => return fail(WRONG_WORDS, &problems.join("\n")),
    };
    let warnings = loaded.warnings.iter().map(ToString::to_string);
    let warnings = warnings.chain(checked.warnings.iter().cloned());
    let mut text = super::warnings(warnings);
    for (pair, credentials) in pairs.iter().zip(&checked.credentials) {
        text += &report::pair(pair, &credentials.chain);
    }
    text += &report::files(&inventory(pairs), now);
    text += "ok\n";
    finish(ExitCode::SUCCESS, tell(&text))
}
