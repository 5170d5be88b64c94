//! JSON (RFC 8259) becomes a tree of values, and a tree becomes JSON for a person to read.

use std::fmt::Write;

use super::problem::{Place, Problem};
use super::tree::Value;

/// Lists and objects that fit into so many columns stand in one line.
const COLUMNS: usize = 80;

/// Reads a text.
///
/// # Errors
/// The first thing that is no JSON.
pub(super) fn parse(text: &str) -> Result<Value, Problem> {
    serde_json::from_str(text).map_err(|error| syntax_problem(&error))
}

fn syntax_problem(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    // The place is told in our own way.
    let what = text
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&text);
    // The parser counts an end of the text from 0.
    let place = Place::Position {
        line: line.max(1),
        column: column.max(1),
    };
    Problem::placed(place, format!("not valid JSON: {what}"))
}

/// Writes a tree, with a newline at its end.
pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, 0);
    text.push('\n');
    text
}

/// Writes a value that begins in a line indented by `indent` columns.
fn write_value(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(entries) if !fits(value, indent) => {
            let entries = entries.iter().map(|(key, value)| (Some(key), value));
            write_block(text, ['{', '}'], entries, indent);
        }
        Value::List(values) if !fits(value, indent) => {
            write_block(text, ['[', ']'], values.iter().map(|v| (None, v)), indent);
        }
        value => text.push_str(&in_line(value)),
    }
}

/// Writes each entry in lines of its own.
fn write_block<'v>(
    text: &mut String,
    [open, close]: [char; 2],
    entries: impl Iterator<Item = (Option<&'v String>, &'v Value)>,
    indent: usize,
) {
    text.push(open);
    let within = indent + 2;
    for (index, (key, value)) in entries.enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(text, "{comma}\n{:within$}", "");
        if let Some(key) = key {
            let _ = write!(text, "{}: ", in_quotes(key));
        }
        write_value(text, value, within);
    }
    let _ = write!(text, "\n{:indent$}{close}", "");
}

/// Whether a value stands in one line. The root never does, and neither does what holds objects.
fn fits(value: &Value, indent: usize) -> bool {
    let is_flat = match value {
        Value::Object(entries) => entries.iter().all(|(_, v)| !matches!(v, Value::Object(_))),
        Value::List(values) => values.iter().all(|v| !matches!(v, Value::Object(_))),
        _ => true,
    };
    indent > 0 && is_flat && indent + in_line(value).chars().count() <= COLUMNS
}

fn in_line(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Whole(value) => value.to_string(),
        Value::Fraction(value) => value.to_string(),
        Value::Text(text) => in_quotes(text),
        Value::List(values) => {
            let values: Vec<_> = values.iter().map(in_line).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let entries = entries.iter();
            let entries = entries.map(|(key, v)| format!("{}: {}", in_quotes(key), in_line(v)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn in_quotes(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_root_and_what_holds_objects_take_lines_of_their_own() {
        let written = "{\n  \"a\": { \"b\": [1, null, -2.5] },\n  \"c\": {},\n  \"d\": [\n    \
                       { \"e\": true },\n    []\n  ]\n}\n";
        assert_eq!(write(&parse(written).unwrap()), written);
        assert_eq!(write(&parse("{\"a\": 1}").unwrap()), "{\n  \"a\": 1\n}\n");
    }

    #[test]
    fn what_is_too_long_for_a_line_is_broken() {
        let fits = format!("{{\n  \"k\": [\"{}\", 1]\n}}\n", "x".repeat(71));
        assert_eq!(write(&parse(&fits).unwrap()), fits);
        let longer = fits.replace('x', "xx");
        let broken = longer
            .replace('[', "[\n    ")
            .replace(", 1]", ",\n    1\n  ]");
        assert_eq!(write(&parse(&longer).unwrap()), broken);
    }

    #[test]
    fn a_text_comes_back_whatever_is_in_it() {
        for text in ["", "\"\\/\u{8}\n\u{1b}\u{7f}", "é\u{2028}\u{1F600}\u{feff}"] {
            let value = Value::Text(text.to_owned());
            assert_eq!(parse(&write(&value)), Ok(value));
        }
    }
}
