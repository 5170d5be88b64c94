//! `mtls-persona demo`: the program at work in one process, for a newcomer's first minute.
//!
//! | file | what is in it |
//! |---|---|
//! | `folder.rs` | the throw-away authority, two identities and two configurations |
//! | `stage.rs` | the gateway and the persona, each a whole program; signals |
//! | `traffic.rs` | the service behind, and the plain client before |
//! | `access.rs` | what was negotiated, read from the program's own access log |
//! | `report.rs` | the words |

mod access;
mod folder;
mod report;
mod stage;
mod traffic;

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use super::access::Accesses;
use super::{COULD_NOT, fail};
use access::{Seen, of_both};
use folder::Folder;
use stage::{Half, Stage};

/// Bytes of the large transfer, each way.
const BULK_BYTES: u64 = 256 << 20;

/// A reload takes milliseconds.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(15);

/// What to show.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Stay up afterwards, and say how to reach it.
    #[arg(long)]
    keep: bool,
}

/// Why the demonstration came to nothing.
#[derive(Debug)]
pub enum DemoError {
    /// A step failed.
    Step {
        /// What was being done.
        doing: &'static str,
        /// What went wrong, in the words of whatever failed.
        what: String,
    },
    /// A signal ended it before it was done.
    Interrupted,
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DemoError::Step { doing, what } => write!(f, "demo: {doing}: {what}"),
            DemoError::Interrupted => f.write_str("demo: interrupted"),
        }
    }
}

impl DemoError {
    /// With the reasons of the access log, which tell more than a broken connection does.
    fn with(self, accesses: &Accesses) -> DemoError {
        match self {
            DemoError::Step { doing, what } => {
                let mut lines = vec![what];
                lines.extend(accesses.reasons());
                while_doing(doing)(lines.join("\n"))
            }
            DemoError::Interrupted => self,
        }
    }
}

/// An error's words under the step that it stopped.
fn while_doing<E: fmt::Display>(doing: &'static str) -> impl Fn(E) -> DemoError {
    move |error| DemoError::Step {
        doing,
        what: error.to_string(),
    }
}

/// Shows the program at work.
pub fn run(args: &DemoArgs) -> ExitCode {
    match show(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(COULD_NOT, &error),
    }
}

fn show(args: &DemoArgs) -> Result<(), DemoError> {
    let accesses = Accesses::watch().map_err(while_doing("starting the log"))?;
    // Before there is anything to remove, so that no signal leaves a key behind.
    let mut stage = Stage::new().map_err(while_doing("watching for signals"))?;
    let now = super::unix_now();
    let folder = Folder::make(now)?;
    say(&report::authority(&folder))?;

    let service = traffic::echo().map_err(while_doing("starting the service"))?;
    let gateway = folder.gateway_config(service)?;
    let gateway = stage.start("gateway", &gateway, now)?;
    let persona = folder.persona_config(gateway.address)?;
    let persona = stage.start("persona", &persona, now)?;
    say(&report::way(&persona, &gateway, service))?;

    let seen = send_text(&persona, &accesses)?;
    say(&report::negotiated(&seen.by_persona))?;
    say(&report::identities(&persona, &gateway, &seen))?;

    say(report::BULK)?;
    let took = send_bulk(&stage, &folder, &persona, now).map_err(|error| error.with(&accesses))?;
    say(&report::throughput(BULK_BYTES, took))?;
    let during = of_both(&accesses)?;
    let after = wait_for_renewal(&persona, &accesses, &during)?;
    say(&report::renewal(&during, &after))?;

    if args.keep {
        say(&report::reach(&folder, &persona, &gateway))?;
        stage.wait_for_signal()?;
        say(report::STOPPING)?;
    }
    stage.stop()?;
    folder.remove()?;
    say(&report::end(args.keep))
}

/// One connection with a line of text; how the two ends saw each other on it.
fn send_text(persona: &Half, accesses: &Accesses) -> Result<Seen, DemoError> {
    let sent = traffic::text(persona.address, report::TEXT);
    let sent = sent.map_err(while_doing("sending a line of text"));
    sent.map_err(|error| error.with(accesses))?;
    of_both(accesses)
}

/// The large transfer, with a change of the persona's certificate in the midst of it.
fn send_bulk(
    stage: &Stage,
    folder: &Folder,
    persona: &Half,
    now: i64,
) -> Result<Duration, DemoError> {
    let mut is_renewed = false;
    let mut halted = Ok(());
    let took = traffic::bulk(persona.address, BULK_BYTES, |received| {
        halted = stage.go_on();
        if halted.is_ok() && !is_renewed && received >= BULK_BYTES / 4 {
            is_renewed = true;
            halted = folder.renew_persona(now);
            persona.reload();
        }
        halted.is_ok()
    });
    // It is the cause of a transfer that was given up.
    halted?;
    took.map_err(while_doing("sending 256 MiB"))
}

/// The first connection on which the persona showed another certificate than on that one.
#[allow(
    clippy::disallowed_methods,
    reason = "a deadline of the outermost layer"
)]
fn wait_for_renewal(persona: &Half, accesses: &Accesses, before: &Seen) -> Result<Seen, DemoError> {
    let give_up = Instant::now() + RENEWAL_PATIENCE;
    while Instant::now() < give_up {
        let after = send_text(persona, accesses)?;
        if after.persona_serial() != before.persona_serial() {
            return Ok(after);
        }
    }
    Err(while_doing("changing the certificate")(
        "new connections go on with the old one",
    ))
}

fn say(text: &str) -> Result<(), DemoError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(while_doing("writing to standard output"))
}
