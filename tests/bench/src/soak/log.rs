//! What the program says while it runs.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, PipeReader};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use serde_json::Value;

use super::ledger::{Ledger, Line};
use super::pairs::Pair;

/// How warnings begin that tell of the machine on which this runs. The program has no reason for others.
const OF_THE_MACHINE: [&str; 2] = ["running as root", "the descriptor limit stays at "];

/// Reads until the program has ended; gives back how often it warned of what.
pub(super) type Reader = JoinHandle<BTreeMap<String, u64>>;

pub(super) fn read(from: PipeReader, ledger: Arc<Ledger>) -> Reader {
    thread::spawn(move || {
        let mut warnings = BTreeMap::new();
        for line in BufReader::new(from).lines() {
            match line {
                Ok(line) => take(&line, &ledger, &mut warnings),
                Err(error) => {
                    ledger.violation(format!("the program's log: {error}"));
                    break;
                }
            }
        }
        warnings
    })
}

/// A line of the log is an object; whatever else comes is a panic, or a library that complains.
fn take(line: &str, ledger: &Ledger, warnings: &mut BTreeMap<String, u64>) {
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return ledger.violation(format!("the program says: {line}"));
    };
    match (value["msg"].as_str(), value["level"].as_str()) {
        (Some("access"), _) => match access(&value, line) {
            Some((pair, port, line)) => ledger.told(pair, port, line),
            None => ledger.violation(format!("an access line of nobody: {line}")),
        },
        (_, Some("INFO" | "DEBUG" | "TRACE")) => {}
        (Some(message), Some("WARN")) if is_of_the_machine(message) => {
            *warnings.entry(message.to_owned()).or_default() += 1;
        }
        _ => ledger.violation(format!("the program says: {line}")),
    }
}

fn is_of_the_machine(message: &str) -> bool {
    OF_THE_MACHINE
        .iter()
        .any(|begin| message.starts_with(begin))
}

fn access(value: &Value, line: &str) -> Option<(Pair, u16, Line)> {
    let pair = Pair::by_name(value["pair"].as_str()?)?;
    let inbound: SocketAddr = value["inbound"].as_str()?.parse().ok()?;
    let told = Line {
        outward: value["bytes_outward"].as_u64()?,
        inward: value["bytes_inward"].as_u64()?,
        reason: value["reason"].as_str()?.to_owned(),
        text: match value["level"].as_str() {
            // It would be kept for each of the many.
            Some("INFO") => String::new(),
            _ => line.to_owned(),
        },
    };
    Some((pair, inbound.port(), told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(line: &str) -> u64 {
        let ledger = Ledger::new(0);
        take(line, &ledger, &mut BTreeMap::new());
        ledger.violations().0
    }

    #[test]
    fn only_warnings_about_the_machine_are_none_about_the_program() {
        let warns = |message: &str| violations(&format!(r#"{{"level":"WARN","msg":"{message}"}}"#));
        assert_eq!(warns("running as root, which it needs for nothing"), 0);
        assert_eq!(warns("new connections wait"), 1);
        assert_eq!(violations(r#"{"level":"INFO","msg":"ready"}"#), 0);
        assert_eq!(
            violations(r#"{"level":"ERROR","msg":"running as root"}"#),
            1
        );
        assert_eq!(violations("thread panicked"), 1);
    }
}
