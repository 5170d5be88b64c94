//! `mtls-persona status`: asks a running program how it is, and shows it to a person at a terminal.
//!
//! | file | what is in it |
//! |---|---|
//! | `ask.rs` | the question over HTTP, with a bound on time and size |
//! | `facts.rs` | what is looked at of the answer |
//! | `report.rs`, `sections.rs` | the answer as lines, from data and a width to text |
//! | `layout.rs`, `units.rs` | lines, tables, and figures as a person reads them |
//! | `watch.rs` | the same again every two seconds |

mod ask;
mod facts;
mod layout;
mod report;
mod sections;
mod units;
mod watch;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args};

use super::{COULD_NOT, Format, WRONG_WORDS, fail, finish, tell};
use crate::config::{Address, Config, Serves};
use facts::Facts;
use layout::Look;

/// Which program to ask, and how to show what it tells.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("where").required(true).args(["config", "address"])))]
pub(super) struct StatusArgs {
    /// The configuration that it runs with; it is asked at the first address of `admin.listen` there.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    format: Format,

    /// Where it listens for such questions, as host:port or unix:/path.
    #[arg(long, value_name = "ADDR")]
    address: Option<Address>,

    /// Show it again every two seconds, until interrupted.
    #[arg(long)]
    watch: bool,

    /// Write what it tells, all of it, as one JSON object.
    #[arg(long, conflicts_with = "watch")]
    json: bool,
}

/// Asks and shows.
pub(super) fn run(args: StatusArgs) -> ExitCode {
    let address = match address(&args) {
        Ok(address) => address,
        Err(what) => return fail(WRONG_WORDS, &what),
    };
    let look = look();
    match (args.watch, look) {
        (true, Some(look)) => return watch::run(address, look),
        // Endless text that nobody looks at would fill a disk.
        (true, None) => {
            eprintln!("mtls-persona: standard output is no terminal: told once, and not watched")
        }
        (false, _) => {}
    }
    // Here it may scroll.
    let look = look.map_or(Look::PLAIN, |look| Look {
        height: None,
        ..look
    });
    let told = ask::ask(&address).and_then(|told| {
        let facts = Facts::read(&told)?;
        Ok(match args.json {
            true => told.json(),
            false => report::text(&facts, look),
        })
    });
    match told {
        Ok(text) => finish(ExitCode::SUCCESS, tell(&text)),
        Err(what) => fail(COULD_NOT, &format!("{address}: {what}")),
    }
}

/// How a terminal shows it; none if standard output is no terminal.
fn look() -> Option<Look> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(out).ok();
    // A terminal that knows no size says 0.
    let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
    let (width, height) = size.map_or((80, 24), |size| (size.ws_col, size.ws_row));
    Some(Look {
        width: width.into(),
        height: Some(height.into()),
        has_colours: has_colours(),
    })
}

/// Whether nobody has asked for none: <https://no-color.org>, and terminals that know none.
fn has_colours() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Where to ask.
fn address(args: &StatusArgs) -> Result<Address, String> {
    let address = match (&args.address, &args.config) {
        (Some(address), _) => address.clone(),
        (None, Some(path)) => {
            let source = args.format.source(path.clone());
            let loaded = source.load().map_err(|problems| problems.to_string())?;
            told_at(&loaded.config).map_err(|what| format!("{}: {what}", path.display()))?
        }
        // The command line asks for one of them.
        (None, None) => return Err("give --config FILE or --address ADDR".to_owned()),
    };
    match address {
        Address::Tcp { port: 0, .. } => Err(format!(
            "{address}: the system has chosen the port: the log says which, give it as --address"
        )),
        _ => Ok(address),
    }
}

/// The first listener that tells everything.
fn told_at(config: &Config) -> Result<Address, &'static str> {
    let mut listeners = config.admin.listeners.iter();
    if let Some(listener) = listeners.find(|listener| listener.serves == Serves::Everything) {
        return Ok(listener.address.clone());
    }
    Err(match config.admin.listeners.is_empty() {
        true => {
            "nothing is told over HTTP: add \"admin\": { \"listen\": \"localhost:9464\" } and start anew"
        }
        false => {
            "health or metrics alone are told over HTTP: add an address to \"admin\": { \"listen\": … } and start anew"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn at(admin: &str) -> Result<String, &'static str> {
        let text = format!(
            r#"{{ "cert": "c", "key": "k", "ca": "a", "admin": {admin},
                 "address_pairs": [{{ "inbound": ":1", "outbound": "a:1" }}] }}"#
        );
        let loaded = config::parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
        told_at(&loaded.config).map(|address| address.to_string())
    }

    #[test]
    fn the_first_listener_that_tells_everything_is_asked() {
        let all =
            r#"{ "health": ":2", "metrics": ":3", "listen": ["unix:/run/a", "localhost:4"] }"#;
        assert_eq!(at(all), Ok("unix:/run/a".to_owned()));
    }

    #[test]
    fn without_one_it_is_said_what_to_add() {
        let advice = |admin| at(admin).unwrap_or_else(str::to_owned);
        assert!(
            advice("{}").starts_with("nothing is told"),
            "{}",
            advice("{}")
        );
        let some = r#"{ "health": ":2", "metrics": ":3" }"#;
        assert!(
            advice(some).starts_with("health or metrics alone"),
            "{}",
            advice(some)
        );
    }
}
