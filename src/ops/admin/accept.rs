//! In what form a client of the metrics wants them (RFC 9110, 12.5.1).

use crate::ops::metrics::Format;

/// The form that an `Accept` header asks for. What it does not say, or says wrongly, asks for the one that
/// everything understands.
pub(super) fn format(accept: Option<&str>) -> Format {
    let mut wishes = accept.unwrap_or_default().split(',').map(Wish::of);
    let open_metrics = wishes
        .clone()
        .filter(Wish::is_open_metrics)
        .map(|wish| wish.weight)
        .max();
    let text = wishes.find(Wish::is_text).map_or(0, |wish| wish.weight);
    match open_metrics {
        Some(weight) if weight > 0 && weight >= text => Format::OpenMetrics,
        _ => Format::Prometheus,
    }
}

/// One of the ranges of an `Accept` header.
struct Wish<'a> {
    name: &'a str,
    version: Option<&'a str>,
    /// In thousandths.
    weight: u16,
}

impl<'a> Wish<'a> {
    fn of(range: &'a str) -> Wish<'a> {
        let mut parts = range.split(';').map(str::trim);
        let mut wish = Wish {
            name: parts.next().unwrap_or_default(),
            version: None,
            weight: 1000,
        };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.trim() {
                "version" => wish.version = Some(value.trim()),
                "q" => {
                    let weight = value.trim().parse::<f32>().unwrap_or(0.0);
                    wish.weight = (weight.clamp(0.0, 1.0) * 1000.0) as u16;
                }
                _ => {}
            }
        }
        wish
    }

    fn is_open_metrics(&self) -> bool {
        let is_known = self.version.is_none_or(|version| version == "1.0.0");
        self.name == "application/openmetrics-text" && is_known
    }

    fn is_text(&self) -> bool {
        let is_known = self.version.is_none_or(|version| version == "0.0.4");
        self.name == "text/plain" && is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Format::{OpenMetrics, Prometheus};

    #[test]
    fn open_metrics_is_for_those_who_would_rather_have_it() {
        for (accept, expected) in [
            ("", Prometheus),
            ("*/*", Prometheus),
            ("text/html, */*;q=0.1", Prometheus),
            ("text/plain;version=0.0.4", Prometheus),
            ("application/openmetrics-text", OpenMetrics),
            ("application/openmetrics-text; version=1.0.0", OpenMetrics),
            ("application/openmetrics-text;version=2.0.0", Prometheus),
            ("application/openmetrics-text;q=0", Prometheus),
            ("application/openmetrics-text;q=nonsense", Prometheus),
            (
                "application/openmetrics-text;q=0.2,text/plain;q=0.4",
                Prometheus,
            ),
            // What Prometheus itself has sent since version 2.43, and since version 3.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;\
                 q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;\
                 escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                OpenMetrics,
            ),
        ] {
            assert_eq!(format(Some(accept)), expected, "{accept}");
        }
        assert_eq!(format(None), Prometheus);
    }
}
