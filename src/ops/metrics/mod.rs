//! Metrics for Prometheus: what was counted is added up when somebody asks.
//!
//! | file | families |
//! |---|---|
//! | `pairs.rs` | of pairs: connections, bytes, handshakes, reasons |
//! | `dates.rs` | of certificates and revocation lists |
//! | `program.rs` | of the program: reloads, workers, look-ups |
//! | `process.rs` | of the process, under the names that all programs have for these |
//!
//! Nothing in here is on a connection's way: counters are in [`base::tally`](crate::base::tally), and
//! the number of samples is bounded by the configuration.

mod dates;
mod family;
mod pairs;
mod process;
mod program;

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text, text};
use prometheus_client::registry::Registry;

use self::family::Families;
use self::pairs::Counted;
pub(super) use self::process::Process;
use super::board::Board;
use crate::base::tally::PairSum;

/// The prefix of mtlsd. Its families have its labels then, and no others.
pub(super) const MTLSD: &str = "mtlsd";

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' own text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The name for `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Prometheus => prometheus_text::CONTENT_TYPE,
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Everything that is told.
pub(super) struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// All names but those of the process begin with `prefix` and an underscore.
    pub(super) fn new(prefix: &str, board: Arc<Board>) -> Metrics {
        let mut registry = Registry::default();
        let own = registry.sub_registry_with_prefix(prefix);
        own.register_collector(Box::new(Own {
            board,
            is_mtlsd: prefix == MTLSD,
        }));
        registry.register_collector(Box::new(OfProcess));
        Metrics { registry }
    }

    /// What is told now.
    pub(super) fn write(&self, format: Format) -> Result<String, fmt::Error> {
        let mut page = String::new();
        match format {
            Format::Prometheus => prometheus_text::encode(&mut page, &self.registry)?,
            Format::OpenMetrics => text::encode(&mut page, &self.registry)?,
        }
        Ok(page)
    }
}

/// What is told of this program.
struct Own {
    board: Arc<Board>,
    is_mtlsd: bool,
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own").finish_non_exhaustive()
    }
}

impl Collector for Own {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families(encoder);
        let generation = self.board.generation();
        let pairs: Vec<_> = generation.posts().iter().map(Counted::new).collect();
        if self.is_mtlsd {
            let mut sum = PairSum::default();
            let posts = generation.posts().iter();
            posts.for_each(|post| post.counters.add_to(&mut sum));
            pairs::write_as_mtlsd(&mut families, &sum)?;
        } else {
            pairs::write_labelled(&mut families, &pairs)?;
        }
        pairs::write(&mut families, &pairs)?;
        program::write(&mut families, &self.board, &generation)
    }
}

/// What is told of the process.
#[derive(Debug)]
struct OfProcess;

impl Collector for OfProcess {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        Process::now().write(&mut Families(encoder))
    }
}
