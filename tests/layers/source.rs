//! Rust source as far as the layer rules need it: its paths, and what of it is test code.
//!
//! This reads text, not meaning: a path that a macro puts together goes unseen.

use super::tokens::{Token, is_word};

/// A path with its groups taken apart: `crate::{a, b::c}` is `crate::a` and `crate::b::c`.
#[derive(Debug)]
pub(crate) struct Path<'a> {
    /// Where its last segment stands.
    pub(crate) line: usize,
    /// How many inline modules are around it.
    pub(crate) inline_modules: usize,
    pub(crate) segments: Vec<&'a str>,
}

/// Every path of two segments or more, in `use` or elsewhere.
pub(crate) fn paths<'a>(tokens: &[Token<'a>]) -> Vec<Path<'a>> {
    let mut found = Vec::new();
    let mut modules_until = Vec::new();
    let (mut at, mut depth) = (0, 0);
    while at < tokens.len() {
        match tokens[at].text {
            "{" => {
                depth += 1;
                if at >= 2 && tokens[at - 2].text == "mod" {
                    modules_until.push(depth);
                }
            }
            "}" => {
                modules_until.pop_if(|module| *module == depth);
                depth -= 1;
            }
            _ if starts_path(tokens, at) => {
                let first = found.len();
                at = read_path(tokens, at, &[], &mut found);
                for path in &mut found[first..] {
                    path.inline_modules = modules_until.len();
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// A word with `::` behind it and not in the middle of a path. What is glued together tells
/// `use ::std::io` from `std::io`.
fn starts_path(tokens: &[Token], at: usize) -> bool {
    let is_word_at = |at: usize| tokens[at].text.starts_with(is_word);
    let is_glued_colons = |at: usize| {
        tokens
            .get(at)
            .is_some_and(|token| token.glued && token.text == "::")
    };
    let goes_on =
        at >= 2 && is_glued_colons(at - 1) && (is_word_at(at - 2) || tokens[at - 2].text == ">");
    is_word_at(at) && is_glued_colons(at + 1) && !goes_on
}

/// Reads one path, or one member of a group behind `prefix`; returns where it ends.
fn read_path<'a>(
    tokens: &[Token<'a>],
    mut at: usize,
    prefix: &[&'a str],
    found: &mut Vec<Path<'a>>,
) -> usize {
    let mut segments = prefix.to_vec();
    let mut line = 0;
    while let Some(token) = tokens.get(at) {
        match token.text {
            "{" => return read_group(tokens, at + 1, &segments, found),
            text if text.starts_with(is_word) || text == "*" => segments.push(text),
            _ => break,
        }
        line = token.line;
        at += 1;
        match tokens.get(at) {
            Some(next) if next.text == "::" => at += 1,
            _ => break,
        }
    }
    found.push(Path {
        line,
        inline_modules: 0,
        segments,
    });
    at
}

/// Reads the members of a group behind its brace; returns where the group ends.
fn read_group<'a>(
    tokens: &[Token<'a>],
    mut at: usize,
    prefix: &[&'a str],
    found: &mut Vec<Path<'a>>,
) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text {
            "}" => return at + 1,
            "as" => at += 2,
            text if text.starts_with(is_word) || text == "*" || text == "{" => {
                at = read_path(tokens, at, prefix, found);
            }
            _ => at += 1,
        }
    }
    at
}

/// The tokens without the items under `#[cfg(test)]` or `#[test]`.
pub(crate) fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let item = skip_attributes(tokens, at);
        let attributes = &tokens[at..item];
        if attributes.is_empty() {
            kept.push(tokens[at].clone());
            at += 1;
        } else if is_for_tests(attributes) {
            at = skip_item(tokens, item);
        } else {
            kept.extend_from_slice(attributes);
            at = item;
        }
    }
    kept
}

fn is_for_tests(attributes: &[Token]) -> bool {
    let text: String = attributes.iter().map(|token| token.text).collect();
    let names = |word: &str| attributes.iter().any(|token| token.text == word);
    text.contains("#[test]") || names("cfg") && names("test") && !names("not")
}

/// Where the outer attributes that begin at `at` end.
fn skip_attributes(tokens: &[Token], mut at: usize) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    while text(at) == "#" && text(at + 1) == "[" {
        at = skip_brackets(tokens, at + 1);
    }
    at
}

/// Where an item ends: behind its body, or behind its semicolon if it has none.
fn skip_item(tokens: &[Token], mut at: usize) -> usize {
    while at < tokens.len() {
        match tokens[at].text {
            ";" => return at + 1,
            "{" => return skip_brackets(tokens, at),
            "(" | "[" => at = skip_brackets(tokens, at),
            _ => at += 1,
        }
    }
    at
}

/// Where the bracket at `at` is closed again.
fn skip_brackets(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}
