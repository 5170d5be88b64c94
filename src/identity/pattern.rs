//! Patterns for the names in certificates.
//!
//! A name falls into parts: a DNS name into its labels, a URI into what stands between its slashes
//! (scheme and authority included), any other name is one part. In a part of a pattern each `*` stands
//! for any run of characters, none included; a part `**` stands for any number of parts, none included.
//! What a wildcard covers must be there in earnest: no wildcard fits a part that is empty, `.` or `..`.
//!
//! All else is compared as it stands, byte by byte; DNS names without regard to ASCII case. So nothing
//! is decoded, no slash or dot at the end is overlooked, and a `*` in a certificate is a character like
//! any other. Matching never goes back: its steps are at most the product of both lengths.

use std::borrow::Cow;

/// The most bytes of a pattern, and of a name that fits one: the bound of a SPIFFE identity.
const BYTES_MAX: usize = 2048;

/// How a kind of name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// A text of one part, such as a common name.
    Text,
    /// A DNS name.
    Dns,
    /// A URI.
    Uri,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    syntax: Syntax,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// Without a wildcard; a DNS name in lower case.
    Exact(String),
    /// The parts between each two `**`.
    Wild(Vec<Vec<Part>>),
}

/// A part: the bytes between each two `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part(Vec<Vec<u8>>);

impl Pattern {
    /// Reads a pattern, or says what is wrong with it and what to do.
    pub(super) fn parse(syntax: Syntax, text: &str) -> Result<Pattern, &'static str> {
        check_text(text)?;
        match syntax {
            Syntax::Text => {}
            Syntax::Dns => check_dns(text)?,
            Syntax::Uri => check_uri(text)?,
        }
        let text = syntax.folded(text);
        let parts: Vec<&str> = syntax.parts(&text).collect();
        if parts
            .iter()
            .any(|part| part.contains("**") && *part != "**")
        {
            return Err("\"**\" stands for whole labels or segments: write \"*\" within one");
        }
        if syntax == Syntax::Text && text == "**" {
            return Err("such a name has no labels for \"**\": write \"*\"");
        }
        let form = match text.contains('*') {
            false => Form::Exact(text.into_owned()),
            true => {
                let groups = parts.split(|part| *part == "**");
                Form::Wild(
                    groups
                        .map(|group| group.iter().map(|p| Part::of(p)).collect())
                        .collect(),
                )
            }
        };
        Ok(Pattern { syntax, form })
    }

    /// Whether a certificate's name fits.
    pub(super) fn fits(&self, name: &str) -> bool {
        if name.len() > BYTES_MAX || name.chars().any(is_unreadable) {
            return false;
        }
        match (&self.form, self.syntax) {
            (Form::Exact(text), Syntax::Dns) => text.eq_ignore_ascii_case(name),
            (Form::Exact(text), _) => text == name,
            (Form::Wild(groups), syntax) => {
                let name = syntax.folded(name);
                let parts: Vec<&str> = syntax.parts(&name).collect();
                joins(groups, &parts, &Part::fits, &|part| is_earnest(part))
            }
        }
    }
}

impl Part {
    fn of(text: &str) -> Part {
        Part(
            text.split('*')
                .map(|piece| piece.as_bytes().to_vec())
                .collect(),
        )
    }

    fn fits(&self, part: &&str) -> bool {
        let is_exact = self.0.len() == 1;
        (is_exact || is_earnest(part)) && joins(&self.0, part.as_bytes(), &u8::eq, &|_| true)
    }
}

impl Syntax {
    /// What is compared: letters that count as the same are the same there.
    fn folded(self, text: &str) -> Cow<'_, str> {
        match self {
            Syntax::Dns => text.to_ascii_lowercase().into(),
            Syntax::Text | Syntax::Uri => text.into(),
        }
    }

    fn parts(self, text: &str) -> impl Iterator<Item = &str> {
        let separator = match self {
            Syntax::Text => None,
            Syntax::Dns => Some('.'),
            Syntax::Uri => Some('/'),
        };
        text.split(move |c| Some(c) == separator)
    }
}

/// Whether `values` are all `groups` in their order, the first at the begin and the last at the end,
/// with any number of values that `may_skip` between each two.
///
/// Each group in between takes the first place that it fits: that leaves the most to those behind it.
/// Nor is a value that may not be skipped a reason to look for a later place, since no wildcard fits
/// such a value: the group fits it literally, and so has left another one like it in the gap before.
fn joins<P, V>(
    groups: &[Vec<P>],
    values: &[V],
    fits: &impl Fn(&P, &V) -> bool,
    may_skip: &impl Fn(&V) -> bool,
) -> bool {
    let begins = |values: &[V], group: &[P]| {
        group.len() <= values.len()
            && group
                .iter()
                .zip(values)
                .all(|(one, value)| fits(one, value))
    };
    let Some((first, rest)) = groups.split_first() else {
        return values.is_empty();
    };
    if !begins(values, first) {
        return false;
    }
    let mut values = &values[first.len()..];
    let Some((last, between)) = rest.split_last() else {
        return values.is_empty();
    };
    for group in between {
        while !begins(values, group) {
            match values.split_first() {
                Some((value, behind)) if may_skip(value) => values = behind,
                _ => return false,
            }
        }
        values = &values[group.len()..];
    }
    let Some(gap) = values.len().checked_sub(last.len()) else {
        return false;
    };
    let (gap, end) = values.split_at(gap);
    gap.iter().all(may_skip) && begins(end, last)
}

/// Whether a part of a name is one that a wildcard may stand for.
fn is_earnest(part: &str) -> bool {
    !["", ".", ".."].contains(&part)
}

/// Control characters, NUL among them, and what stands for bytes that are no text. No pattern holds one,
/// and a name that does fits none: somebody else may cut it short there and take it for another.
fn is_unreadable(c: char) -> bool {
    c.is_control() || c == char::REPLACEMENT_CHARACTER
}

fn check_text(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty, which fits no name: write one, or leave it out");
    }
    if text.len() > BYTES_MAX {
        return Err("it is longer than 2048 bytes, as no name is that fits");
    }
    match text.chars().any(is_unreadable) {
        true => Err("it holds a control character, and no name with one is admitted: leave it out"),
        false => Ok(()),
    }
}

fn check_dns(text: &str) -> Result<(), &'static str> {
    if !text.is_ascii() {
        return Err("a certificate's DNS names are ASCII: write its xn-- form");
    }
    if text.split('.').any(str::is_empty) {
        return Err("a label is empty: no dot at either end, and no two in a row");
    }
    let belongs = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
    match text.chars().all(belongs) {
        true => Ok(()),
        false => Err("it is no DNS name: write one such as \"*.example.com\""),
    }
}

/// A scheme (RFC 3986, 3.1), which no wildcard stands for, and something behind it.
fn check_uri(text: &str) -> Result<(), &'static str> {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) && !rest.is_empty() => Ok(()),
        _ => Err("it begins with no scheme: write it whole, such as \"spiffe://example.com/*/db\""),
    }
}

#[cfg(test)]
mod tests;
