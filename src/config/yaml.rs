//! YAML (version 1.2) becomes a tree of values.
//!
//! Of the language's riches only what a configuration needs: one document, no tags, and anchors whose
//! copies stay small. A plain scalar is a number, true, false or nothing only where its text is the one
//! way to write that; any other is a text, as the programs whose files these are read such texts by what
//! the key asks for. So `0123`, `1_000` and `yes` keep their letters.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use super::problem::{Place, Problem};
use super::tree::Value;

/// How deep values may nest; a configuration needs four.
const DEPTH_MAX: usize = 64;

/// What anchors may copy, in values and bytes of text: some lines of copies can be more than memory holds.
const COPIES_MAX: usize = 100_000;

/// Reads a text that is one document.
///
/// # Errors
/// The first thing that is no YAML, or more of it than is supported.
pub(super) fn parse(text: &str) -> Result<Value, Problem> {
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        copies_left: COPIES_MAX,
    };
    reader.document()
}

struct Reader<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    /// What each anchor stands for.
    anchors: HashMap<usize, Value>,
    copies_left: usize,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Value, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    let what = "a second document begins here: keep one";
                    return Err(self.problem(&span.start, what));
                }
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                event => root = Some(self.value(event, &span, 0)?),
            }
        }
        root.ok_or_else(|| Problem::whole("holds nothing but perhaps comments: write its keys"))
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let what = format!("not valid YAML: {}", error.info());
                Err(self.problem(error.marker(), what))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// The value that begins with `event`, `depth` values deep.
    fn value(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Value, Problem> {
        let start = span.start;
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (*anchor, tag),
            _ => (0, &None),
        };
        if tag.is_some() {
            let what = "a tag is not supported: leave it out, and write a text in quotes";
            return Err(self.problem(&start, what));
        }
        if depth > DEPTH_MAX {
            return Err(self.problem(&start, "nests too deep: this is no configuration"));
        }
        let value = match event {
            Event::Alias(anchor) => return self.copy(anchor, &start),
            Event::Scalar(text, ScalarStyle::Plain, ..) => plain(&text),
            Event::Scalar(text, ..) => Value::Text(text.into_owned()),
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.object(depth)?,
            _ => return Err(self.problem(&start, "not valid YAML: expected a value")),
        };
        if anchor > 0 {
            self.spend(&value, &start)?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut values = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(values)),
                (event, span) => values.push(self.value(event, &span, depth + 1)?),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut entries = Vec::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Object(entries)),
                (Event::Scalar(key, style, ..), span) => {
                    if style == ScalarStyle::Plain && key == "<<" {
                        let what = "merging by << is not supported: write the keys out";
                        return Err(self.problem(&span.start, what));
                    }
                    key.into_owned()
                }
                (_, span) => {
                    return Err(self.problem(&span.start, "a key must be a text: write one"));
                }
            };
            let (event, span) = self.next()?;
            entries.push((key, self.value(event, &span, depth + 1)?));
        }
    }

    /// What an anchor stands for, once more.
    fn copy(&mut self, anchor: usize, at: &Marker) -> Result<Value, Problem> {
        let Some(value) = self.anchors.get(&anchor).cloned() else {
            return Err(self.problem(at, "refers to no value before it: write it out"));
        };
        self.spend(&value, at)?;
        Ok(value)
    }

    fn spend(&mut self, value: &Value, at: &Marker) -> Result<(), Problem> {
        match self.copies_left.checked_sub(weight(value)) {
            Some(left) => self.copies_left = left,
            None => return Err(self.problem(at, "anchors copy too much: write less by them")),
        }
        Ok(())
    }

    fn problem(&self, at: &Marker, what: impl Into<String>) -> Problem {
        // The parser counts characters of a line from 0, we count its bytes from 1.
        let line = self.text.lines().nth(at.line().saturating_sub(1));
        let before = line.unwrap_or_default().chars().take(at.col());
        let place = Place::Position {
            line: at.line().max(1),
            column: before.map(char::len_utf8).sum::<usize>() + 1,
        };
        Problem::placed(place, what)
    }
}

/// How much there is to copy.
fn weight(value: &Value) -> usize {
    let within: usize = match value {
        Value::Text(text) => text.len(),
        Value::List(values) => values.iter().map(weight).sum(),
        Value::Object(entries) => {
            let entries = entries.iter();
            entries.map(|(key, value)| key.len() + weight(value)).sum()
        }
        _ => 0,
    };
    within + 1
}

/// What a scalar without quotes is.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match text.parse::<i128>() {
            Ok(number) if number.to_string() == text => Value::Whole(number),
            _ => Value::Text(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests;
