//! The figures as Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;

use super::pgbench::{Asked, CLIENTS, Mode};
use super::visits::{Case, Visits};
use super::{Ground, HOSTS};
use crate::scenario::CONNECTING;
use crate::stats::median;

/// Collects what the rounds found and tells the medians.
pub(super) struct Report {
    circumstances: String,
    asked: BTreeMap<Mode, Vec<Asked>>,
    visits: BTreeMap<(bool, Case), Vec<Visits>>,
}

impl Report {
    pub(super) fn new(ground: &Ground, rounds: u64) -> io::Result<Report> {
        let processors = std::thread::available_parallelism()?;
        let circumstances = format!(
            "Medians of {rounds} round{} of {} statements or connections each, on {processors} processors that \
             load, program and database share; {} ({}), PostgreSQL {}, {HOSTS} hosts and as many users. CPU time \
             is that of all processes of the program or of the database, user and system.\n",
            if rounds == 1 { "" } else { "s" },
            ground.count,
            ground.ours.version,
            ground.ours.library,
            ground.database.version()?,
        );
        Ok(Report {
            circumstances,
            asked: BTreeMap::new(),
            visits: BTreeMap::new(),
        })
    }

    pub(super) fn asked(&mut self, mode: Mode, asked: Asked) {
        self.asked.entry(mode).or_default().push(asked);
    }

    pub(super) fn visited(&mut self, case: Case, resumes: bool, visits: Visits) {
        self.visits.entry((resumes, case)).or_default().push(visits);
    }

    fn statement(&self, mode: Mode, figure: impl Fn(&Asked) -> f64) -> f64 {
        let all = self.asked.get(&mode).into_iter().flatten();
        median(&all.map(figure).collect::<Vec<_>>())
    }

    fn visit(&self, case: Case, resumes: bool, figure: impl Fn(&Visits) -> f64) -> f64 {
        let all = self.visits.get(&(resumes, case)).into_iter().flatten();
        median(&all.map(figure).collect::<Vec<_>>())
    }

    /// Everything.
    pub(super) fn text(&self) -> String {
        let mut text = format!("# Decisions of one run\n\n{}\n", self.circumstances);
        text += &self.statements();
        for resumes in [false, true] {
            text += "\n";
            text += &self.connections(resumes);
        }
        text += "\n";
        text += &self.shares();
        text
    }

    fn statements(&self) -> String {
        let mut text = format!(
            "| the statement alone: pgbench, {CLIENTS} clients | a second | ms each | database's CPU µs each |\n\
             |---|---:|---:|---:|\n"
        );
        for mode in Mode::ALL {
            let _ = writeln!(
                text,
                "| {mode} | {:.0} | {:.2} | {:.1} |",
                self.statement(mode, |asked| asked.rate),
                self.statement(mode, |asked| asked.mean * 1e3),
                self.statement(mode, |asked| asked.database * 1e6),
            );
        }
        text
    }

    fn connections(&self, resumes: bool) -> String {
        let kind = if resumes { "resumed" } else { "full handshake" };
        let mut text = format!(
            "| new connections, {kind}, {CONNECTING} at a time | a second | CPU µs each | of it for the decision | \
             database's CPU µs each | p50 ms | p99 ms | look-ups each | µs a look-up |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        );
        let cpu = |case: Case| self.visit(case, resumes, |visits| visits.cpu * 1e6);
        for case in Case::ALL {
            let figure = |of: fn(&Visits) -> f64| self.visit(case, resumes, of);
            let decision = match case {
                Case::Server => "–".to_owned(),
                case => format!("{:.1}", cpu(case) - cpu(Case::Server)),
            };
            let lookup = match figure(|visits| visits.lookup) {
                lookup if lookup.is_nan() => "–".to_owned(),
                lookup => format!("{:.0}", lookup * 1e6),
            };
            let _ = writeln!(
                text,
                "| {case} | {:.0} | {:.1} | {decision} | {:.1} | {:.2} | {:.2} | {:.3} | {lookup} |",
                figure(|visits| visits.rate),
                cpu(case),
                figure(|visits| visits.database * 1e6),
                figure(|visits| visits.percentiles[0] * 1e3),
                figure(|visits| visits.percentiles[1] * 1e3),
                figure(|visits| visits.lookups),
            );
        }
        text
    }

    /// Rates against that of the bare statement.
    fn shares(&self) -> String {
        let bare = self.statement(Mode::Extended, |asked| asked.rate);
        let share = |resumes| self.visit(Case::Asking, resumes, |visits| visits.rate) / bare;
        format!(
            "A connector that asks each time decides at {:.2} of the rate of the bare statement with full \
             handshakes, and at {:.2} of it with resumed ones.\n",
            share(false),
            share(true)
        )
    }
}
