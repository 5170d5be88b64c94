//! What mtls-persona costs, measured beside its peers and beside its floor in one run.
//!
//! Each scenario runs on each subject in turn, round after round, so that all of them meet the same
//! moods of the machine; what is reported is the median of the rounds. The primary figures are CPU
//! time and memory of the subject's processes, which the load on the same machine hardly changes.

#![allow(clippy::disallowed_methods)] // a benchmark reads the clock and lets time pass

mod clock;
mod decisions;
mod floor;
mod load;
mod measure;
mod peers;
mod pki;
mod processors;
mod report;
mod run;
mod scenario;
mod soak;
mod stats;
mod subject;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures mtls-persona beside stunnel, HAProxy, nginx, hitch and Envoy.
#[derive(Parser)]
struct Words {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compares with the peers and with the floor
    Compare(Compare),
    /// Tells how the cost of mtls-persona grows with its connections
    Growth {
        /// Seconds of each measurement
        #[arg(long, default_value_t = 2.0)]
        seconds: f64,
    },
    /// Measures what a connector's decisions cost, with PostgreSQL
    Decisions(decisions::Decisions),
    /// Puts everything at once onto mtls-persona, and looks how it stands afterwards
    Soak(soak::Soak),
    /// The plain relay of the floor; started by the others
    #[command(hide = true)]
    Relay {
        /// Where it listens
        inbound: SocketAddr,
        /// Where it connects to
        outbound: SocketAddr,
    },
}

/// What to compare.
#[derive(clap::Args)]
pub(crate) struct Compare {
    /// One short round: to see that all of it works, and the order of magnitude
    #[arg(long)]
    quick: bool,
    /// Rounds, of which the median counts [default: 5, quick: 1]
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of each measurement [default: 1, quick: 0.3]
    #[arg(long)]
    seconds: Option<f64>,
    /// Subjects whose names contain one of these words
    #[arg(long, value_delimiter = ',')]
    subjects: Vec<String>,
    /// Scenarios whose names contain one of these words
    #[arg(long, value_delimiter = ',')]
    scenarios: Vec<String>,
    /// Modes: client, server
    #[arg(long, value_delimiter = ',')]
    modes: Vec<String>,
    /// A folder to write the table and the chart to
    #[arg(long)]
    save: Option<PathBuf>,
}

fn main() -> ExitCode {
    let outcome = match Words::parse().command {
        Command::Compare(words) => run::compare(&words),
        Command::Growth { seconds } => run::growth(seconds),
        Command::Decisions(words) => decisions::decisions(&words),
        Command::Soak(words) => soak::soak(&words),
        Command::Relay { inbound, outbound } => floor::relay(inbound, outbound),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
