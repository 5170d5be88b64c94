//! The answer as lines for a person: the program, and what needs attention before all else.

use super::facts::{Facts, Load, Status};
use super::layout::{self, Line, Look, Shade, safe, wrapped};
use super::sections;
use super::units::{bytes, many, span, time};

/// All of it.
pub(super) fn text(facts: &Facts, look: Look) -> String {
    layout::text(lines(facts, look.width), look)
}

/// The lines of it, within a width where that can be.
pub(super) fn lines(facts: &Facts, width: usize) -> Vec<Line> {
    let status = &facts.status;
    let mut lines = program(status);
    lines.extend(alarm(status, width));
    lines.extend(silence(facts));
    for section in [
        sections::pairs(status, width),
        sections::connections(&facts.connections, width),
        sections::failures(status, width),
        sections::loads(status, width),
    ] {
        lines.push(Line::default());
        lines.extend(section);
    }
    lines
}

fn program(status: &Status) -> Vec<Line> {
    let stage = match status.stage.as_str() {
        "serving" => Shade::Good,
        _ => Shade::Fair,
    };
    let told = &status.program;
    let title = Line::of(
        Shade::Strong,
        format!("mtls-persona {}", safe(&told.version)),
    )
    .and(Shade::Plain, "  ")
    .and(stage, safe(&status.stage))
    .and(Shade::Plain, format!(" for {}", span(status.uptime_ms)))
    .and(
        Shade::Dim,
        format!("  process {}, {} UTC", told.pid, safe(&time(&status.time))),
    );
    let fips = match status.fips.in_effect {
        true => Shade::Good,
        false => Shade::Plain,
    };
    let generation = &status.generation;
    let since = safe(&time(&generation.since));
    let mut lines = vec![
        title,
        fact("TLS library", Shade::Plain, safe(&told.tls_library)),
        // Its first word is the label.
        fact(
            "FIPS",
            fips,
            safe(status.fips.verdict.trim_start_matches("FIPS: ")),
        ),
        fact(
            "generation",
            Shade::Plain,
            format!("{} since {since} UTC", generation.number),
        ),
    ];
    if let Some(room) = &status.connections {
        let handshakes = many(room.handshakes, "handshake");
        let told = format!("{} of {}, {handshakes} under way", room.open, room.limit);
        lines.push(fact("connections", Shade::Plain, told));
    }
    lines.extend(process(status));
    lines
}

fn process(status: &Status) -> Option<Line> {
    let process = &status.process;
    let open = process.open_fds?;
    let most = process
        .max_fds
        .map_or(String::new(), |most| format!(" of {most}"));
    let memory = process
        .resident_memory_bytes
        .map_or(String::new(), |memory| {
            format!(", {} of memory", bytes(memory))
        });
    let told = format!("{open}{most}{memory}");
    Some(fact("descriptors", Shade::Plain, told))
}

fn fact(label: &str, shade: Shade, text: String) -> Line {
    Line::of(Shade::Dim, format!("  {label:<13}")).and(shade, text)
}

/// What keeps the files from being served as they are.
fn alarm(status: &Status, width: usize) -> Vec<Line> {
    if !status.reloads.failing {
        return Vec::new();
    }
    let number = status.generation.number;
    let title = format!("not reloaded: generation {number} goes on serving");
    let mut lines = vec![Line::default(), Line::of(Shade::Bad, title)];
    let last = status.reloads.last.first();
    lines.extend(last.map_or(Vec::new(), |load| problems(load, 2, width)));
    lines
}

/// What was wrong with a load.
pub(super) fn problems(load: &Load, indent: usize, width: usize) -> Vec<Line> {
    let problems = load.problems.iter();
    let problems =
        problems.flat_map(|problem| wrapped(indent, Shade::Plain, &safe(problem), width));
    problems.collect()
}

/// Workers that are too busy to say what they do.
fn silence(facts: &Facts) -> Option<Line> {
    let silent = facts
        .status
        .silent_workers
        .max(facts.connections.silent_workers);
    let told = format!(
        "{} did not answer in time: what is there is missing below",
        many(silent as u64, "worker")
    );
    (silent > 0).then(|| Line::of(Shade::Fair, told))
}

#[cfg(test)]
mod tests {
    use super::super::ask::Told;
    use super::super::facts::*;
    use super::*;

    /// Any program, as `/status` and `/connections` tell of it.
    fn facts() -> Facts {
        let told = Told {
            status: include_str!("fixtures/status.json").to_owned(),
            connections: include_str!("fixtures/connections.json").to_owned(),
        };
        Facts::read(&told).unwrap_or_else(|error| panic!("{error}"))
    }

    fn shown(facts: &Facts, width: usize) -> String {
        text(
            facts,
            Look {
                width,
                ..Look::PLAIN
            },
        )
    }

    #[test]
    fn a_terminal_of_eighty_columns_has_room_for_it() {
        assert_eq!(shown(&facts(), 80), include_str!("fixtures/narrow.txt"));
    }

    #[test]
    fn a_wide_one_has_all_of_it() {
        assert_eq!(shown(&facts(), 160), include_str!("fixtures/wide.txt"));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_however_narrow() {
        use unicode_width::UnicodeWidthStr;
        for width in [0, 1, 2, 10, 40, 79] {
            for line in shown(&facts(), width).lines() {
                assert!(line.width() <= width.max(1), "{width}: {line:?}");
            }
        }
    }

    #[test]
    fn nothing_that_is_told_steers_the_terminal() {
        let evil = "\x1b]0;evil\x07\u{9b}2J\r\n\u{202e}";
        let fixtures = [
            include_str!("fixtures/status.json"),
            include_str!("fixtures/connections.json"),
        ];
        // Each text in turn, that of a key excepted.
        for page in 0..2 {
            let whole: serde_json::Value = serde_json::from_str(fixtures[page]).unwrap_or_default();
            for at in 0..texts(&whole).len() {
                let mut changed = whole.clone();
                let mut all = texts_mut(&mut changed);
                *all[at] = serde_json::json!(evil);
                let mut pages = fixtures.map(str::to_owned);
                pages[page] = changed.to_string();
                let [status, connections] = pages;
                let facts = Facts::read(&Told {
                    status,
                    connections,
                });
                let shown = shown(&facts.unwrap_or_else(|error| panic!("{error}")), 100);
                let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
                assert!(!shown.contains(steers), "{at}: {shown:?}");
            }
        }
    }

    fn texts(value: &serde_json::Value) -> Vec<&str> {
        use serde_json::Value::{Array, Object, String};
        match value {
            String(text) => vec![text],
            Array(values) => values.iter().flat_map(texts).collect(),
            Object(values) => values.values().flat_map(texts).collect(),
            _ => Vec::new(),
        }
    }

    fn texts_mut(value: &mut serde_json::Value) -> Vec<&mut serde_json::Value> {
        use serde_json::Value::{Array, Object, String};
        match value {
            String(_) => vec![value],
            Array(values) => values.iter_mut().flat_map(texts_mut).collect(),
            Object(values) => values.values_mut().flat_map(texts_mut).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn what_there_is_none_of_is_said() {
        let shown = shown(&Facts::default(), 80);
        for none in ["no connection", "nothing has failed", "no load"] {
            assert!(shown.contains(none), "{none}: {shown}");
        }
        assert!(!shown.contains("not reloaded"), "{shown}");
    }

    #[test]
    fn workers_that_are_too_busy_to_answer_are_told() {
        let mut facts = facts();
        facts.connections.silent_workers = 2;
        let shown = shown(&facts, 80);
        assert!(
            shown.contains("\n2 workers did not answer in time"),
            "{shown}"
        );
    }

    #[test]
    fn of_very_many_connections_the_first_are_shown_and_the_others_counted() {
        let mut facts = facts();
        facts.connections = Connections {
            open: 5000,
            connections: (0..2000).map(|_| Connection::default()).collect(),
            ..Connections::default()
        };
        let shown = shown(&facts, 80);
        assert!(shown.contains("… and 4980 more"), "{shown}");
        assert!(shown.lines().count() < 150);
    }
}
