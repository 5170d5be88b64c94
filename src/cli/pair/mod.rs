//! `mtls-persona pair`: two processes, mutual TLS between them, and no authority.
//!
//! Each end makes a certificate for this one time, in memory alone, and tells it to the other over the pipes
//! between a process and its child. Each then believes the other's key and nobody else's.
//!
//! | file | what is in it |
//! |---|---|
//! | `exchange.rs` | what the two tell one another, as data |
//! | `model.rs` | what is served, as a configuration |
//! | `child.rs` | the child: its start, its signals and its end |
//! | `farewell.rs` | when it is asked to end, and when it is made to |
//! | `events.rs` | what happens, from threads that wait for it |
//! | `course.rs` | the way from the first line to the exit code, in both halves |
//! | `offer.rs`, `accept.rs` | the two halves |

mod accept;
mod child;
mod course;
mod events;
mod exchange;
mod farewell;
mod model;
mod offer;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use super::{COULD_NOT, fail};

pub(super) use child::{ShimArgs, become_child};

/// Levels of the log.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What to join.
#[derive(Debug, Args)]
pub(super) struct PairArgs {
    /// Be the other half: exchange certificates on standard input and output, and serve mutual TLS before
    /// the plain service at --outbound.
    #[arg(long, requires = "outbound")]
    accept: bool,

    /// The plain service, with --accept.
    #[arg(long, value_name = "ADDRESS", requires = "accept")]
    outbound: Option<String>,

    /// Where to listen for plain connections: whoever reaches this address reaches the child. A UNIX socket
    /// in a folder of one's own is for nobody else.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:0",
        conflicts_with = "accept"
    )]
    inbound: String,

    /// File that the address is written to once it is listened on, and that is removed at the end.
    #[arg(long, value_name = "FILE", conflicts_with = "accept")]
    address_file: Option<PathBuf>,

    /// Put the certificate of the half that offers into each request, for a server that cannot see it in the
    /// handshake. With --accept it is the one that the handshake has shown. Nothing but HTTP/1.1 gets
    /// through then.
    #[arg(long)]
    header: bool,

    /// How long the other end may take to say its line, and then to be reached.
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    timeout: String,

    /// How long the child may take to end once it is asked to, and connections once the child has ended.
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    grace: String,

    /// How much is logged.
    #[arg(long, value_name = "LEVEL", default_value = "info",
        value_parser = PossibleValuesParser::new(LEVELS))]
    log_level: String,

    /// What to run: the other end, or with --accept the plain service.
    #[arg(
        last = true,
        value_name = "COMMAND",
        required_unless_present = "accept"
    )]
    command: Vec<OsString>,
}

/// Runs one of the halves to its end.
pub(super) fn run(args: &PairArgs) -> ExitCode {
    // A core would be a file with the key in it; and other processes of the same user could read our memory.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        return fail(
            COULD_NOT,
            &format!("pair: keeping its memory to itself: {error}"),
        );
    }
    match args.accept {
        true => accept::run(args),
        false => offer::run(args),
    }
}
