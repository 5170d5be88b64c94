//! The program's statement, put by PostgreSQL's own load generator.

use std::fmt;
use std::fs;
use std::io;

use super::database::{Database, ROLE, said};
use super::{HOSTS, ORG, USER};

/// Its connections: as many as a connector has, unless told otherwise.
pub(super) const CLIENTS: u64 = 4;

/// How the statement is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    /// Parsed each time, as the program does.
    Extended,
    /// Parsed once: what that would gain at the most.
    Prepared,
}

impl Mode {
    /// Both of them.
    pub(super) const ALL: [Mode; 2] = [Mode::Extended, Mode::Prepared];
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Extended => "parsed each time",
            Mode::Prepared => "prepared",
        })
    }
}

/// What one run found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Statements a second.
    pub(super) rate: f64,
    /// Seconds until the answer, on the average.
    pub(super) mean: f64,
    /// CPU time of the server's processes for one, in seconds.
    pub(super) database: f64,
}

/// Puts the statement that often, for hosts at random.
///
/// # Errors
/// One of them did not find its host, or pgbench says something else than it should.
pub(super) fn run(database: &Database, mode: Mode, count: u64) -> io::Result<Asked> {
    let file = database.folder().join("statement.sql");
    fs::write(&file, script()?)?;
    let mut command = database.client("pgbench")?;
    let mode = match mode {
        Mode::Extended => "extended",
        Mode::Prepared => "prepared",
    };
    let each = count.div_ceil(CLIENTS);
    command.args(["-n", "-M", mode, "-c", &CLIENTS.to_string()]);
    command.args(["-t", &each.to_string(), "-f"]).arg(file);
    command.args(["-D", &format!("user={USER}"), "-D", &format!("org={ORG}")]);
    let before = database.cpu()?;
    let told = said(command.arg(ROLE))?;
    let spent = database.cpu()? - before;
    let all = each * CLIENTS;
    let figures = figures(&told).filter(|(put, ..)| *put == all);
    let (_, rate, mean) = figures.ok_or_else(|| io::Error::other(format!("pgbench: {told}")))?;
    Ok(Asked {
        rate,
        mean,
        database: spent.as_secs_f64() / all as f64,
    })
}

/// `\gset` fails if there is not exactly one row. Variables are texts here, as parameters of the statement
/// are; each place where one stands is a parameter of its own.
fn script() -> io::Result<String> {
    let statement = statement().ok_or_else(|| io::Error::other("no statement in store.rs"))?;
    let statement = statement
        .replace("$1", ":host")
        .replace("$2", ":user")
        .replace("$3", ":org");
    Ok(format!(
        "\\set host random(1, {HOSTS})\n{statement} \\gset\n"
    ))
}

/// The statement as the program has it.
fn statement() -> Option<String> {
    let source = include_str!("../../../../src/offload/database/store.rs");
    let (_, rest) = source.split_once("const STATEMENT: &str = \"")?;
    let (statement, _) = rest.split_once("\";")?;
    Some(statement.replace("\\\n", ""))
}

/// How many were put, how many a second, and the mean time of one in seconds.
fn figures(told: &str) -> Option<(u64, f64, f64)> {
    let behind = |label: &str| told.lines().find_map(|line| line.strip_prefix(label));
    let word = |label: &str| behind(label)?.split([' ', '/']).next();
    let put = word("number of transactions actually processed: ")?;
    let (rate, millis) = (word("tps = ")?, word("latency average = ")?);
    let mean: f64 = millis.parse().ok()?;
    Some((put.parse().ok()?, rate.parse().ok()?, mean / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_puts_the_programs_statement_on_one_line() {
        let script = script().unwrap_or_default();
        let lines: Vec<&str> = script.lines().collect();
        assert_eq!(lines.len(), 2, "{script}");
        assert!(lines[1].trim().starts_with("SELECT h.internal_ip_addr"));
        assert!(lines[1].ends_with(" \\gset"), "{script}");
        assert!(!lines[1].contains('$'), "{script}");
    }

    #[test]
    fn the_figures_of_pgbench_are_found() {
        let told = "number of transactions actually processed: 2000/2000\n\
                    number of failed transactions: 0 (0.000%)\n\
                    latency average = 0.500 ms\n\
                    initial connection time = 9.0 ms\n\
                    tps = 8000.25 (without initial connection time)\n";
        assert_eq!(figures(told), Some((2000, 8000.25, 0.0005)));
        assert_eq!(figures("pgbench: error"), None);
    }
}
