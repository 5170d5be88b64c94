//! What a program tells Prometheus, as numbers.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::http;

/// The samples of one moment.
pub struct Scrape {
    /// As they came.
    pub text: String,
}

/// A sample: its name, its labels and its value.
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, &'a str)>,
    value: f64,
}

impl Scrape {
    /// Asks the program that tells them there.
    pub fn take(from: SocketAddr) -> Scrape {
        let reply = http::get(from, "/metrics");
        assert_eq!(reply.status, 200);
        Scrape { text: reply.body }
    }

    /// The sum of the samples of that name that have these labels, of which there is one at least.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found: Vec<f64> = self.values(name, labels).collect();
        assert!(
            !found.is_empty(),
            "no {name} with {labels:?} in {}",
            self.text
        );
        found.iter().sum()
    }

    /// As [`Scrape::sum`], of whole numbers.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let sum = self.sum(name, labels);
        assert_eq!(sum.fract(), 0.0, "{name}");
        sum as u64
    }

    /// Whether there is such a sample.
    pub fn has(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.values(name, labels).next().is_some()
    }

    /// The names of all samples.
    pub fn names(&self) -> BTreeSet<&str> {
        self.samples().map(|sample| sample.name).collect()
    }

    /// The labels of a family, without their values.
    pub fn labels(&self, name: &str) -> BTreeSet<&str> {
        let samples = self.samples().filter(|sample| sample.name == name);
        let labels = samples.flat_map(|sample| sample.labels);
        labels.map(|(label, _)| label).collect()
    }

    fn values(&self, name: &str, wanted: &[(&str, &str)]) -> impl Iterator<Item = f64> {
        let samples = self.samples().filter(move |sample| {
            let mut wanted = wanted.iter();
            sample.name == name && wanted.all(|label| sample.labels.contains(label))
        });
        samples.map(|sample| sample.value)
    }

    fn samples(&self) -> impl Iterator<Item = Sample<'_>> {
        let lines = self.text.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            // No test has a label with a comma or a quote in it.
            let labels = labels.trim_end_matches('}').split(',');
            let labels = labels.filter_map(|label| label.split_once('='));
            Sample {
                name,
                labels: labels
                    .map(|(key, value)| (key, value.trim_matches('"')))
                    .collect(),
                value: value.parse().unwrap(),
            }
        })
    }
}
