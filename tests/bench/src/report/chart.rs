//! The costs as a bar chart, as shares of what the program costs.

use std::fmt::Write;

use super::Report;
use crate::peers::{Kind, Mode};
use crate::scenario::{Direction, Scenario};

const WIDTH: f64 = 920.0;
const LABEL: f64 = 250.0;
const BAR: f64 = 9.0;
const GAP: f64 = 10.0;
const TOP: f64 = 78.0;
/// Bars end here, as multiples of the program's cost; longer ones are cut and labelled.
const MOST: f64 = 6.0;

const COLOURS: [(Kind, &str); 6] = [
    (Kind::Ours, "#1a7f5a"),
    (Kind::Envoy, "#a95aa1"),
    (Kind::Nginx, "#0f7fb5"),
    (Kind::Haproxy, "#e09b24"),
    (Kind::Hitch, "#7a869a"),
    (Kind::Stunnel, "#c8553d"),
];

/// An SVG that shows both modes.
pub(super) fn chart(report: &Report) -> String {
    let rows = [
        Scenario::Bulk(Direction::Up, 1),
        Scenario::Bulk(Direction::Down, 1),
        Scenario::Bulk(Direction::Up, 8),
        Scenario::Bulk(Direction::Down, 8),
        Scenario::Connect { resumes: false },
        Scenario::Connect { resumes: true },
        Scenario::Messages(64, 1),
        Scenario::Messages(64, 64),
        Scenario::Messages(16 * 1024, 64),
        Scenario::Idle,
    ];
    let mut body = String::new();
    let mut y = TOP;
    for mode in Mode::ALL {
        let _ = writeln!(
            body,
            "<text x=\"12\" y=\"{:.0}\" class=\"mode\">{} mode</text>",
            y + 4.0,
            mode.label()
        );
        y += 18.0;
        for scenario in rows {
            y = row(report, mode, scenario, y, &mut body);
        }
        y += 14.0;
    }
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<style>text{{fill:#24292f}}.mode{{font-weight:bold;font-size:14px}}\
         .small{{font-size:10px}}</style>\n<rect width=\"{WIDTH}\" height=\"{y}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"16\" font-weight=\"bold\">CPU time and memory, as multiples \
         of mtls-persona's</text>\n"
    );
    text += &legend();
    text += &body;
    text += "</svg>\n";
    text
}

fn legend() -> String {
    let mut text = String::new();
    for (at, (kind, colour)) in COLOURS.iter().enumerate() {
        let x = 12.0 + 140.0 * at as f64;
        let _ = writeln!(
            text,
            "<rect x=\"{x}\" y=\"38\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"48\">{}</text>",
            x + 17.0,
            kind.name()
        );
    }
    text
}

/// One scenario's bars; where the next one begins.
fn row(report: &Report, mode: Mode, scenario: Scenario, y: f64, text: &mut String) -> f64 {
    let Some(ours) = report.cost(scenario, mode, Kind::Ours.name()) else {
        return y;
    };
    let bars: Vec<_> = COLOURS
        .iter()
        .filter_map(|(kind, colour)| {
            let cost = report.cost(scenario, mode, kind.name())?;
            Some((cost, cost / ours, colour))
        })
        .collect();
    let height = bars.len() as f64 * BAR;
    let _ = writeln!(
        text,
        "<text x=\"12\" y=\"{:.1}\">{scenario}</text>",
        y + height / 2.0 + 4.0
    );
    let (unit, scale) = scenario.unit();
    for (at, (cost, share, colour)) in bars.iter().enumerate() {
        let top = y + at as f64 * BAR;
        let room = WIDTH - LABEL - 130.0;
        let width = share.min(MOST) / MOST * room;
        let cut = if *share > MOST { " …" } else { "" };
        let _ = writeln!(
            text,
            "<rect x=\"{LABEL}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" \
             fill=\"{colour}\"/><text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{share:.2}{cut} ({} {unit})</text>",
            BAR - 1.0,
            LABEL + width + 4.0,
            top + BAR - 1.5,
            figure(cost * scale)
        );
    }
    y + height + GAP
}

fn figure(figure: f64) -> String {
    match figure {
        figure if figure >= 10.0 => format!("{figure:.1}"),
        figure => format!("{figure:.2}"),
    }
}
