//! Families of samples, written one after the other.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;

use crate::base::counters::Distribution;

/// The labels of a sample.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// Where families are written to.
pub(super) struct Families<'a>(pub(super) DescriptorEncoder<'a>);

/// One of them, begun.
pub(super) struct Family<'a>(MetricEncoder<'a>);

impl Families<'_> {
    /// Begins a family of counters; what is scraped has `_total` behind `name`.
    pub(super) fn counters<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
    ) -> Result<Family<'s>, fmt::Error> {
        self.begin(name, help, MetricType::Counter)
    }

    /// Begins a family of gauges.
    pub(super) fn gauges<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
    ) -> Result<Family<'s>, fmt::Error> {
        self.begin(name, help, MetricType::Gauge)
    }

    /// Begins a family of histograms.
    pub(super) fn histograms<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
    ) -> Result<Family<'s>, fmt::Error> {
        self.begin(name, help, MetricType::Histogram)
    }

    /// Begins a family of facts that are told by labels; what is scraped has `_info` behind `name`.
    pub(super) fn infos<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
    ) -> Result<Family<'s>, fmt::Error> {
        self.begin(name, help, MetricType::Info)
    }

    /// Writes a family of one gauge.
    pub(super) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        value: impl EncodeGaugeValue,
    ) -> fmt::Result {
        self.gauges(name, help)?.gauge(&[], value)
    }

    /// Writes a family of one counter.
    pub(super) fn counter(
        &mut self,
        name: &str,
        help: &str,
        value: impl EncodeCounterValue,
    ) -> fmt::Result {
        self.counters(name, help)?.counter(&[], value)
    }

    fn begin<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<Family<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind).map(Family)
    }
}

impl Family<'_> {
    pub(super) fn counter(
        &mut self,
        labels: Labels<'_>,
        value: impl EncodeCounterValue,
    ) -> fmt::Result {
        let mut sample = self.0.encode_family(&labels)?;
        sample.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    pub(super) fn gauge(
        &mut self,
        labels: Labels<'_>,
        value: impl EncodeGaugeValue,
    ) -> fmt::Result {
        self.0.encode_family(&labels)?.encode_gauge(&value)
    }

    pub(super) fn histogram(
        &mut self,
        labels: Labels<'_>,
        distribution: &Distribution,
    ) -> fmt::Result {
        let ranges = distribution.ranges.iter();
        let seconds = |end: &Option<Duration>| end.map_or(f64::INFINITY, |end| end.as_secs_f64());
        let ranges: Vec<(f64, u64)> = ranges.map(|(end, n)| (seconds(end), *n)).collect();
        let (sum, count) = (distribution.sum.as_secs_f64(), distribution.count());
        let mut sample = self.0.encode_family(&labels)?;
        sample.encode_histogram::<NoLabelSet>(sum, count, &ranges, None)
    }

    pub(super) fn info(&mut self, labels: Labels<'_>) -> fmt::Result {
        self.0.encode_info(&labels)
    }
}
