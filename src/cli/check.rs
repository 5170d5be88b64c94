//! `mtls-persona check`.

mod lists;
mod peers;
mod report;

use std::process::ExitCode;

use super::{COULD_NOT, WRONG_WORDS, fail, finish, tell, unix_now};
use crate::config::{self, Source};
use crate::ops::fips::Standing;
use crate::ops::{check_credentials, inventory};

/// Writes a configuration in the native form, on its own, to be kept as a file.
pub(super) fn print(source: &Source) -> ExitCode {
    let loaded = match source.load() {
        Ok(loaded) => loaded,
        Err(problems) => return fail(WRONG_WORDS, &problems),
    };
    let warnings = loaded.warnings.iter().map(ToString::to_string);
    eprint!("{}", super::warnings(warnings));
    finish(ExitCode::SUCCESS, tell(&config::print(&loaded.config)))
}

/// Tells every problem of a configuration and of the files that it names, and what lies in them.
pub(super) fn check(source: &Source) -> ExitCode {
    let loaded = match source.load() {
        Ok(loaded) => loaded,
        Err(problems) => return fail(WRONG_WORDS, &problems),
    };
    let now = unix_now();
    let pairs = &loaded.config.pairs;
    let (standing, facts) = match Standing::of(&loaded.config) {
        Ok(found) => found,
        Err(what) => return fail(COULD_NOT, &what),
    };
    let checked = match check_credentials(pairs, standing.profile(), now) {
        Ok(checked) => checked,
        Err(problems) => return fail(WRONG_WORDS, &problems.join("\n")),
    };
    let warnings = loaded.warnings.iter().map(ToString::to_string);
    let warnings = warnings.chain(checked.warnings.iter().cloned());
    let mut text = super::warnings(warnings);
    text += &format!("{}\n", standing.line(facts.as_ref()));
    for (pair, credentials) in pairs.iter().zip(&checked.credentials) {
        text += &report::pair(pair, &credentials.chain);
    }
    text += &report::files(&inventory(pairs), now);
    text += "ok\n";
    finish(ExitCode::SUCCESS, tell(&text))
}
