//! The course of a run as an SVG: five plots over the same time.

use std::fmt::Write;

use super::course::Sample;

const WIDTH: f64 = 920.0;
const LEFT: f64 = 70.0;
const HEIGHT: f64 = 130.0;
const GAP: f64 = 44.0;
const TOP: f64 = 64.0;
const COLOURS: [&str; 2] = ["#1a7f5a", "#c8553d"];

/// A line of a plot: its name, and its figure at a sample.
type Curve = (&'static str, fn(&Sample) -> Option<f64>);

const PLOTS: [(&str, &[Curve]); 5] = [
    (
        "memory, MiB",
        &[
            ("its own", |sample| {
                Some(sample.standing.anonymous_kib as f64 / 1024.0)
            }),
            ("RSS", |sample| {
                Some(sample.standing.rss_kib as f64 / 1024.0)
            }),
        ],
    ),
    (
        "descriptors and live connections",
        &[
            ("descriptors", |sample| {
                Some(sample.standing.descriptors as f64)
            }),
            ("connections", |sample| Some(sample.live)),
        ],
    ),
    (
        "a message of 64 bytes there and back, ms",
        &[
            ("p50", |sample| {
                sample.latency.map(|latency| latency[0] * 1e3)
            }),
            ("p99", |sample| {
                sample.latency.map(|latency| latency[1] * 1e3)
            }),
        ],
    ),
    (
        "throughput, MiB a second in both directions",
        &[("forwarded", |sample| Some(sample.mib_a_second))],
    ),
    (
        "new connections a second",
        &[("accepted", |sample| Some(sample.opened_a_second))],
    ),
];

/// The whole picture.
pub(super) fn svg(title: &str, samples: &[Sample]) -> String {
    let height = TOP + PLOTS.len() as f64 * (HEIGHT + GAP);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<style>text{{fill:#24292f}}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{title}</text>\n"
    );
    let seconds = samples.last().map_or(1.0, |sample| sample.at).max(1.0);
    for (at, (name, curves)) in PLOTS.iter().enumerate() {
        let top = TOP + at as f64 * (HEIGHT + GAP);
        plot(&mut text, top, (name, curves), (samples, seconds));
    }
    text += "</svg>\n";
    text
}

fn plot(
    text: &mut String,
    top: f64,
    (name, curves): (&str, &[Curve]),
    (samples, seconds): (&[Sample], f64),
) {
    let figures = curves
        .iter()
        .flat_map(|(_, figure)| samples.iter().filter_map(figure));
    let most = round_up(figures.fold(0.0, f64::max));
    let room = WIDTH - LEFT - 20.0;
    let _ = writeln!(
        text,
        "<text x=\"{LEFT}\" y=\"{:.0}\" font-weight=\"bold\">{name}</text>",
        top - 8.0
    );
    for part in [0.0, 0.5, 1.0] {
        let y = top + HEIGHT * (1.0 - part);
        let _ = writeln!(
            text,
            "<path d=\"M{LEFT} {y:.1}h{room:.1}\" stroke=\"#d0d7de\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            most * part
        );
    }
    for quarter in 0..=4 {
        let part = f64::from(quarter) / 4.0;
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.1} min</text>",
            LEFT + room * part,
            top + HEIGHT + 14.0,
            seconds / 60.0 * part
        );
    }
    for (at, ((name, figure), colour)) in curves.iter().zip(COLOURS).enumerate() {
        let mut points = String::new();
        for sample in samples {
            if let Some(value) = figure(sample) {
                let x = LEFT + room * sample.at / seconds;
                let _ = write!(points, "{x:.1},{:.1} ", top + HEIGHT * (1.0 - value / most));
            }
        }
        let x = WIDTH - 220.0 + 100.0 * at as f64;
        let _ = writeln!(
            text,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\"/>\
             <path d=\"M{x} {y}h14\" stroke=\"{colour}\" stroke-width=\"3\"/>\
             <text x=\"{}\" y=\"{:.0}\">{name}</text>",
            x + 18.0,
            top - 8.0,
            y = top - 12.0
        );
    }
}

/// The next of 1, 2, 4, 6, 8 and 10 times a power of ten.
fn round_up(most: f64) -> f64 {
    let power = 10_f64.powf(most.max(1e-3).log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0].map(|step| step * power);
    steps
        .into_iter()
        .find(|step| *step >= most)
        .unwrap_or(power)
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn a_scale_ends_at_a_round_number_above_all_figures() {
        assert_eq!(
            [0.7, 1.0, 13.0, 450.0].map(round_up),
            [0.8, 1.0, 20.0, 600.0]
        );
    }
}
