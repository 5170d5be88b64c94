//! What the program is like from outside: its memory, its descriptors, its threads and its metrics.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::pairs::Pair;
use super::service::PATIENCE;
use crate::subject::Subject;

/// How long nothing may change before a number is believed to stand.
const STANDING: Duration = Duration::from_millis(1500);
const TICK: Duration = Duration::from_millis(100);

/// How the program stands when nothing is asked of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    pub(super) anonymous_kib: u64,
    pub(super) pss_kib: u64,
    pub(super) rss_kib: u64,
    pub(super) descriptors: usize,
    pub(super) threads: usize,
}

impl Standing {
    /// How it stands right now.
    pub(super) fn now(program: &Subject) -> io::Result<Standing> {
        let pid = program.pids().first().copied().unwrap_or_default();
        let count = |what: &str| -> io::Result<usize> {
            Ok(fs::read_dir(format!("/proc/{pid}/{what}"))?.count())
        };
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss = rss.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        Ok(Standing {
            anonymous_kib: program.anonymous_kib()?,
            pss_kib: program.memory_kib()?,
            rss_kib: rss.ok_or_else(|| io::Error::other("no VmRSS in status"))?,
            descriptors: count("fd")?,
            threads: count("task")?,
        })
    }

    /// This one, with the memory of the one that had less of its own.
    pub(super) fn with_memory_of(self, other: Standing) -> Standing {
        match other.anonymous_kib < self.anonymous_kib {
            false => self,
            true => Standing {
                descriptors: self.descriptors,
                threads: self.threads,
                ..other
            },
        }
    }

    /// How it stands once the numbers do not change any more and are at most those of `before`, or
    /// once they had time enough for it.
    pub(super) fn at_rest(program: &Subject, before: Option<Standing>) -> io::Result<Standing> {
        let begun = Instant::now();
        let (mut last, mut since) = (Standing::now(program)?, Instant::now());
        loop {
            thread::sleep(TICK);
            let now = Standing::now(program)?;
            if (now.descriptors, now.threads) != (last.descriptors, last.threads) {
                since = Instant::now();
            }
            last = now;
            let is_back = before.is_none_or(|before| {
                now.descriptors <= before.descriptors && now.threads <= before.threads
            });
            let is_over = begun.elapsed() > PATIENCE;
            if since.elapsed() > STANDING && is_back || is_over {
                return Ok(now);
            }
        }
    }
}

/// The program's metrics, by name and labels as they are written.
pub(super) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    pub(super) fn ask(to: SocketAddr) -> io::Result<Metrics> {
        let (_, text) = ask(to, "/metrics")?;
        Ok(Metrics::parse(&text))
    }

    pub(super) fn parse(text: &str) -> Metrics {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((
                name.strip_prefix("mtls_persona_")?.to_owned(),
                value.parse().ok()?,
            ))
        });
        Metrics(samples.collect())
    }

    /// A sample without labels, or with just these, which must be there.
    pub(super) fn get(&self, name: &str) -> io::Result<f64> {
        let sample = self.0.get(name).copied();
        sample.ok_or_else(|| io::Error::other(format!("there is no metric {name}")))
    }

    /// A gauge of a pair, which must be there.
    pub(super) fn gauge_of(&self, name: &str, pair: Pair) -> io::Result<u64> {
        let sample = self.get(&format!("{name}{{pair=\"{}\"}}", pair.name()));
        sample.map(|value| value as u64)
    }

    /// A counter of a pair, with more labels behind its name (`,reason="idle"`): 0 if nothing of it was
    /// counted yet.
    pub(super) fn of(&self, name: &str, pair: Pair, more: &str) -> u64 {
        let sample = self.get(&format!("{name}{{pair=\"{}\"{more}}}", pair.name()));
        sample.unwrap_or(0.0) as u64
    }

    /// How often connections of a pair have ended for which reason.
    pub(super) fn reasons(&self, pair: Pair) -> BTreeMap<String, u64> {
        let begin = format!(
            "connection_closes_total{{pair=\"{}\",reason=\"",
            pair.name()
        );
        let samples = self.0.iter().filter_map(|(name, value)| {
            let reason = name.strip_prefix(&begin)?.strip_suffix("\"}")?;
            Some((reason.to_owned(), *value as u64))
        });
        samples.filter(|(_, count)| *count > 0).collect()
    }

    /// The sum over all pairs that stay all the time.
    pub(super) fn sum(&self, name: &str, more: &str) -> u64 {
        let pairs = Pair::ALL.into_iter().filter(|pair| *pair != Pair::Extra);
        pairs.map(|pair| self.of(name, pair, more)).sum()
    }

    /// Bytes that were forwarded, in both directions.
    pub(super) fn bytes(&self) -> u64 {
        let direction = |word| self.sum("bytes_proxied_total", &format!(",direction=\"{word}\""));
        direction("outward") + direction("inward")
    }
}

/// Asks the program's admin listener for a page; the head of its answer and its text.
pub(super) fn ask(to: SocketAddr, path: &str) -> io::Result<(String, String)> {
    let mut stream = TcpStream::connect(to)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: soak\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let parts = text.split_once("\r\n\r\n");
    let (head, body) =
        parts.ok_or_else(|| io::Error::other("the admin listener gave no answer"))?;
    Ok((head.to_owned(), body.to_owned()))
}
