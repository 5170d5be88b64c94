//! `mtls-persona check`.

use std::path::Path;
use std::process::ExitCode;

use super::{WRONG_WORDS, fail, pki, unix_now};
use crate::config::{self, Config};
use crate::ops::{Checked, check_credentials};

/// Tells every problem of a configuration and of the files that it names.
pub(super) fn check(config: &Path) -> ExitCode {
    let loaded = match config::load(config) {
        Ok(loaded) => loaded,
        Err(problems) => return fail(WRONG_WORDS, &problems),
    };
    let checked = match check_credentials(&loaded.config.pairs, unix_now()) {
        Ok(checked) => checked,
        Err(problems) => return fail(WRONG_WORDS, &problems.join("\n")),
    };
    let warnings = loaded.warnings.iter().map(ToString::to_string);
    for warning in warnings.chain(checked.warnings.iter().cloned()) {
        println!("warning: {warning}");
    }
    print_pairs(&loaded.config, &checked);
    ExitCode::SUCCESS
}

fn print_pairs(config: &Config, checked: &Checked) {
    for (pair, credentials) in config.pairs.iter().zip(&checked.credentials) {
        println!(
            "pair {}: {} {} -> {}",
            pair.name, pair.mode, pair.inbound, pair.outbound
        );
        println!(
            "  {}: {}, {} days left (until {})",
            pair.tls.cert.display(),
            credentials.cert,
            credentials.days_left,
            pki::date(credentials.cert.not_after)
        );
    }
    println!("ok");
}
