//! The figures of a run as tables and as a chart.

mod chart;
mod growth;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::floor::Crypto;
use crate::measure::{Sample, floor};
use crate::peers::{Kind, Mode, Peer};
use crate::run::{FLOOR, legs};
use crate::scenario::Scenario;
use crate::stats::median;

pub(crate) use growth::growth;

/// Outcomes of a scenario on a subject, one a round.
type Outcomes = Vec<Result<Sample, String>>;

/// Collects outcomes and tells them.
pub(crate) struct Report {
    crypto: Crypto,
    rounds: usize,
    seconds: f64,
    peers: Vec<Peer>,
    /// Who is not among them, and why.
    left_out: Vec<String>,
    /// By scenario, mode (none for the floor) and subject.
    outcomes: BTreeMap<(Scenario, Option<Mode>, &'static str), Outcomes>,
}

impl Report {
    pub(crate) fn new(crypto: Crypto, rounds: usize, seconds: f64) -> Report {
        Report {
            crypto,
            rounds,
            seconds,
            peers: Vec::new(),
            left_out: Vec::new(),
            outcomes: BTreeMap::new(),
        }
    }

    /// A subject of the run.
    pub(crate) fn introduce(&mut self, peer: &Peer) {
        self.peers.push(peer.clone());
    }

    /// One that could not be measured.
    pub(crate) fn leave_out(&mut self, why: String) {
        eprintln!("left out: {why}");
        self.left_out.push(why);
    }

    pub(crate) fn add(
        &mut self,
        scenario: Scenario,
        mode: Option<Mode>,
        name: &'static str,
        outcome: io::Result<Sample>,
    ) {
        let outcomes = self.outcomes.entry((scenario, mode, name)).or_default();
        outcomes.push(outcome.map_err(|error| error.to_string()));
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let mut all = Scenario::all();
        all.retain(|scenario| self.outcomes.keys().any(|(s, ..)| s == scenario));
        all
    }

    /// The median over the rounds of a figure, if no round failed.
    fn figure(
        &self,
        scenario: Scenario,
        mode: Option<Mode>,
        name: &'static str,
        figure: impl Fn(&Sample) -> Option<f64>,
    ) -> Option<f64> {
        let outcomes = self.outcomes.get(&(scenario, mode, name))?;
        let samples: Result<Vec<&Sample>, _> = outcomes.iter().map(Result::as_ref).collect();
        let figures: Option<Vec<f64>> = samples.ok()?.into_iter().map(figure).collect();
        Some(median(&figures?))
    }

    fn cost(&self, scenario: Scenario, mode: Mode, name: &'static str) -> Option<f64> {
        self.figure(scenario, Some(mode), name, |sample| Some(sample.cost))
    }

    fn floor(&self, scenario: Scenario, mode: Mode) -> Option<f64> {
        let relay = self.figure(scenario, None, FLOOR, |sample| Some(sample.cost))?;
        floor(scenario, legs(Some(mode)), relay, &self.crypto)
    }

    /// The cheapest peer of a scenario; neither build of ours is one.
    fn best_peer(&self, scenario: Scenario, mode: Mode) -> Option<(&'static str, f64)> {
        let others = Kind::ALL.into_iter().filter(|kind| kind.is_other());
        let costs = others.filter_map(|kind| {
            let name = kind.name();
            Some((name, self.cost(scenario, mode, name)?))
        });
        costs.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Everything as Markdown.
    pub(crate) fn tables(&self) -> String {
        table::all(self)
    }

    /// Writes `RESULTS.md` and `chart.svg`.
    pub(crate) fn save(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("RESULTS.md"), self.tables())?;
        fs::write(folder.join("chart.svg"), chart::chart(self))
    }
}
