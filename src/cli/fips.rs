//! `mtls-persona fips`.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{COULD_NOT, Format, WRONG_WORDS, fail, finish, tell, unix_now};
use crate::config::Source;
use crate::ops::fips::{Evidence, Verdict};

/// What to report.
#[derive(Debug, Args)]
pub(super) struct FipsArgs {
    /// A configuration, to tell what comes of it too.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    format: Format,

    /// Write one JSON object, for an auditor's tools.
    #[arg(long)]
    json: bool,
}

/// Tells what module this is, what it proves now, and what a configuration comes to. It fails as `run` would
/// with that configuration; without one, if the proof does not hold.
pub(super) fn run(args: &FipsArgs) -> ExitCode {
    let source = args.config.clone().map(|path| args.format.source(path));
    let loaded = match source.as_ref().map(Source::load).transpose() {
        Ok(loaded) => loaded,
        Err(problems) => return fail(WRONG_WORDS, &problems),
    };
    let evidence = Evidence::gather(loaded.as_ref(), unix_now());
    let text = match args.json {
        true => serde_json::to_string_pretty(&evidence).map(|json| json + "\n"),
        false => Ok(report::text(&evidence)),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => return fail(COULD_NOT, &error),
    };
    let code = match evidence.verdict() {
        Verdict::Good => ExitCode::SUCCESS,
        Verdict::NotInEffect => ExitCode::from(COULD_NOT),
        Verdict::Wrong => ExitCode::from(WRONG_WORDS),
    };
    finish(code, tell(&text))
}
