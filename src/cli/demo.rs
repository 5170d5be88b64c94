//! `mtls-persona demo`.

use std::process::ExitCode;

use clap::Args;

/// What to show.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Stay up, and say how to reach it.
    #[arg(long)]
    keep: bool,
}

/// Shows the program at work.
pub fn run(_args: &DemoArgs) -> ExitCode {
    ExitCode::SUCCESS
}
