//! How the cost grows, as a table.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::measure::Sample;
use crate::peers::Mode;
use crate::scenario::{Direction, Scenario};

/// One row for each number of connections, and the rates of new ones.
pub(crate) fn growth(rows: &BTreeMap<(Mode, Scenario), Sample>, counts: &[usize]) -> String {
    let mut text = String::new();
    for mode in Mode::ALL {
        let cost = |scenario: Scenario| rows.get(&(mode, scenario)).map_or(f64::NAN, |s| s.cost);
        let _ = writeln!(
            text,
            "| {} mode, connections | CPU µs a message of 64 B (on one: load and program apart) | CPU s/GiB up | down | KiB each, \
             idle |\n|---:|---:|---:|---:|---:|",
            mode.label()
        );
        let memory = rows.get(&(mode, Scenario::Idle));
        let memory = memory.and_then(|sample| sample.memory.as_ref());
        for count in counts {
            let held = memory.and_then(|memory| {
                let mut held = memory.held.iter();
                let (_, kib) = held.find(|(held, _)| held == count)?;
                Some(kib.saturating_sub(memory.empty) as f64 / *count as f64)
            });
            let held = held.map_or_else(|| "–".to_owned(), |each| format!("{each:.1}"));
            let _ = writeln!(
                text,
                "| {count} | {:.1} | {:.2} | {:.2} | {held} |",
                cost(Scenario::Messages(64, *count)) * 1e6,
                cost(Scenario::Bulk(Direction::Up, *count)),
                cost(Scenario::Bulk(Direction::Down, *count)),
            );
        }
        for resumes in [false, true] {
            let scenario = Scenario::Connect { resumes };
            let rate = rows.get(&(mode, scenario)).map_or(f64::NAN, |s| s.rate);
            let _ = writeln!(
                text,
                "\n{scenario}: {:.2} CPU ms each; {rate:.0} a second with the load on the same machine",
                cost(scenario) * 1e3
            );
        }
        text += "\n";
    }
    text
}
