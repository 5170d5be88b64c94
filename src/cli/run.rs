//! `mtls-persona run`.

use std::process::ExitCode;

use super::{COULD_NOT, WRONG_WORDS, fail};
use crate::config::{Loaded, Source};
use crate::ops::{self, ControlLine, StartError, Surroundings, logging};

/// Forwards until it is told to stop.
pub(super) fn run(source: Source) -> ExitCode {
    match source.load() {
        Ok(loaded) => serve(loaded, Some(source)),
        Err(problems) => fail(WRONG_WORDS, &problems),
    }
}

/// Serves a configuration until it is told to stop. `source` is where it is from, if it is to be read again.
pub(super) fn serve(loaded: Loaded, source: Option<Source>) -> ExitCode {
    let surroundings = match Surroundings::of_process(&loaded.config, source.as_ref()) {
        Ok(surroundings) => surroundings,
        Err(problems) => return fail(COULD_NOT, &problems.join("\n")),
    };
    let _log = match logging::start(loaded.config.log_level, loaded.config.log_format) {
        Ok(guard) => guard,
        Err(error) => return fail(COULD_NOT, &error),
    };
    let line = ControlLine::default();
    if let Err(error) = line.obey_signals() {
        return fail(COULD_NOT, &error);
    }
    let warnings = loaded.warnings.clone();
    let started = ops::start(loaded, source, line, surroundings);
    // Behind the line on FIPS, which is to be the first.
    for warning in &warnings {
        log::warn!("{warning}");
    }
    let running = match started {
        Ok(running) => running,
        Err(error @ StartError::Credentials(_)) => return fail(WRONG_WORDS, &error),
        Err(error) => return fail(COULD_NOT, &error),
    };
    match running.wait() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // By the log, which never waits for a reader: a restart is due.
            log::error!("{error}");
            ExitCode::from(COULD_NOT)
        }
    }
}
