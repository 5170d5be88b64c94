//! The commands, their arguments and their exit codes: 0 it did it, 1 it could not, 2 the words or the
//! file are wrong.

mod access;
mod certificate;
mod check;
mod connect;
mod connector;
pub mod demo;
mod fips;
mod pair;
pub mod pki;
mod probe;
mod run;
mod status;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::{Fips, Form, Source};
use crate::ops::serve_launcher;
use crate::tls;

/// Gives applications that speak plain TCP a mutual-TLS identity.
#[derive(Debug, Parser)]
#[command(
    name = "mtls-persona",
    args_conflicts_with_subcommands = true,
    disable_version_flag = true
)]
struct Cli {
    /// Print the version, the TLS library and its version, and whether it is a FIPS module.
    #[arg(short = 'V', long, exclusive = true)]
    version: bool,

    /// The configuration; without a command, `run` is meant.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    format: Format,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Forward, until SIGTERM or SIGINT drains it; SIGHUP reloads the configuration, certificates, keys, trust
    /// and revocation lists; SIGUSR2 lets the program that is in its place now take over.
    Run(ConfigArgs),
    /// Tell every problem of a configuration and its files, and what is in them; no socket is opened.
    Check(CheckArgs),
    /// Dial as `run` would, step by step, and say where that stops and why.
    Probe(probe::ProbeArgs),
    /// Show it at work: a throw-away authority, a service, a gateway and a persona in one process.
    Demo(demo::DemoArgs),
    /// Tell what FIPS module this is, what it proves, and what a configuration comes to.
    Fips(fips::FipsArgs),
    /// Stand before many hosts at one port, and let PostgreSQL say who may reach which.
    Connector(connector::ConnectorArgs),
    /// Ask a connector for a host, and join it to standard input and output: a ProxyCommand for ssh.
    Connect(connect::ConnectArgs),
    /// Start a program and reach it over mutual TLS, with keys for this one time and no authority; with
    /// --accept, be such a program for a plain service.
    Pair(pair::PairArgs),
    /// Become a command that ends with its parent.
    #[command(hide = true)]
    PairChild(pair::ShimArgs),
    /// Ask a running program how it is: its pairs, connections, certificates and failures.
    Status(status::StatusArgs),
    /// Make certificates for bring-up and tests.
    Pki(pki::PkiArgs),
    /// Start a program when told to by standard input. What `run` starts for itself; see `ops::upgrade`.
    #[command(hide = true)]
    Launcher(LauncherArgs),
}

#[derive(Debug, Args)]
struct LauncherArgs {
    /// The program's file.
    file: OsString,

    /// The program's words; the first is what it is called.
    #[arg(last = true)]
    words: Vec<OsString>,
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// The configuration.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,

    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,

    /// Write the configuration in the native form, and look at no other file.
    #[arg(long)]
    print: bool,
}

#[derive(Debug, Args)]
struct Format {
    /// The form of the configuration; found out by its name and its keys if not given.
    #[arg(long, value_name = "FORM", value_parser = PossibleValuesParser::new(Form::ALL.map(|f| f.0)))]
    format: Option<String>,

    /// Whether FIPS is in effect, in place of what the configuration's key `fips` says.
    #[arg(long, value_name = "WORD", requires = "config",
        value_parser = PossibleValuesParser::new(Fips::WORDS.map(|f| f.0)))]
    fips: Option<String>,
}

impl Format {
    /// A configuration to be read by these words.
    fn source(&self, path: PathBuf) -> Source {
        Source {
            path,
            form: meant(&self.format, &Form::ALL),
            fips: meant(&self.fips, &Fips::WORDS),
        }
    }
}

/// What a word means.
fn meant<T: Copy>(word: &Option<String>, words: &[(&str, T)]) -> Option<T> {
    let mut words = words.iter();
    let found = words.find(|known| word.as_deref() == Some(known.0))?;
    Some(found.1)
}

impl ConfigArgs {
    fn source(&self) -> Source {
        self.format.source(self.config.clone())
    }
}

/// Exit code: it could not.
const COULD_NOT: u8 = 1;
/// Exit code: the words or the file are wrong.
const WRONG_WORDS: u8 = 2;

/// The commands and their arguments, for who writes manuals of them.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(std::env::args_os().map(two_dashes)) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => error.exit(),
        // It is the help that was asked for.
        Err(help) => return finish(ExitCode::SUCCESS, help.print()),
    };
    if cli.version {
        return finish(ExitCode::SUCCESS, tell(&(version() + "\n")));
    }
    match (cli.command, cli.config) {
        (Some(Command::Run(args)), _) => run::run(args.source()),
        (Some(Command::Check(args)), _) => match args.print {
            true => check::print(&args.config.source()),
            false => check::check(&args.config.source()),
        },
        (Some(Command::Probe(args)), _) => probe::run(&args),
        (Some(Command::Demo(args)), _) => demo::run(&args),
        (Some(Command::Fips(args)), _) => fips::run(&args),
        (Some(Command::Connector(args)), _) => connector::run(args),
        (Some(Command::Connect(args)), _) => connect::run(&args),
        (Some(Command::Pair(args)), _) => pair::run(&args),
        (Some(Command::PairChild(args)), _) => pair::become_child(&args),
        (Some(Command::Status(args)), _) => status::run(args),
        (Some(Command::Pki(args)), _) => match pki::run(args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(error.exit_code(), &error),
        },
        (Some(Command::Launcher(args)), _) => match serve_launcher(&args.file, &args.words) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(COULD_NOT, &error),
        },
        (None, Some(path)) => run::run(cli.format.source(path)),
        (None, None) => {
            // Nothing to do it with: what there is, is shown.
            let _ = command().print_help();
            ExitCode::from(WRONG_WORDS)
        }
    }
}

/// `-config FILE` and `-config=FILE` with two dashes. With one, as programs in Go read it, it would be
/// `-c onfig` here, which nobody means.
fn two_dashes(arg: OsString) -> OsString {
    match arg.to_str() {
        Some(text) if text == "-config" || text.starts_with("-config=") => {
            let mut longer = OsString::from("-");
            longer.push(arg);
            longer
        }
        _ => arg,
    }
}

fn version() -> String {
    let fips = match tls::is_fips() {
        true => "yes",
        false => "no",
    };
    format!(
        "mtls-persona {}\nTLS library: {}\nFIPS module: {fips}",
        env!("CARGO_PKG_VERSION"),
        tls::library_version()
    )
}

/// Tells the error, each of its lines under the program's name.
fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    for line in error.to_string().lines() {
        eprintln!("mtls-persona: {line}");
    }
    ExitCode::from(code)
}

/// Writes to standard output, so that it is seen at once.
fn tell(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// The exit code of a command that has done its work, unless what it found could not be told.
fn finish(code: ExitCode, told: io::Result<()>) -> ExitCode {
    match told {
        Ok(()) => code,
        Err(error) => fail(COULD_NOT, &format!("writing to standard output: {error}")),
    }
}

/// What should be looked at, a line each.
fn warnings(warnings: impl IntoIterator<Item = String>) -> String {
    let line = |warning| format!("warning: {warning}\n");
    warnings.into_iter().map(line).collect()
}

/// The time of day, in seconds since 1970.
#[allow(
    clippy::disallowed_methods,
    reason = "the edge where the time of day enters"
)]
fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}
