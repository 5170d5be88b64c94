//! Rust source as words and signs, without comments and literals.

/// A word or a sign of the source; comments, strings and characters leave none.
#[derive(Clone, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) line: usize,
    /// Nothing is between this token and the one before.
    pub(crate) glued: bool,
    /// A word (identifier, keyword, number), `::`, or any other single character.
    pub(crate) text: &'a str,
}

/// Splits a source file into its tokens.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut line, mut glued) = (source, 1, false);
    while !rest.is_empty() {
        let ignored = ignored_length(rest);
        let length = ignored.unwrap_or_else(|| token_length(rest));
        let (text, after) = rest.split_at(length);
        if ignored.is_none() {
            found.push(Token { line, glued, text });
        }
        glued = ignored.is_none();
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

fn token_length(rest: &str) -> usize {
    let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
    match word {
        0 if rest.starts_with("::") => 2,
        0 => rest.chars().next().map_or(0, char::len_utf8),
        _ => word,
    }
}

/// Whether `c` can stand in a word.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How much at the start of `rest` is white space, a comment or a literal; `None` for a token.
fn ignored_length(rest: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    match first {
        '/' if rest.starts_with("//") => Some(rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => Some(block_comment_length(rest)),
        '"' => Some(string_length(rest)),
        '\'' => Some(character_length(rest)),
        'r' | 'b' | 'c' => raw_string_length(rest),
        _ if first.is_whitespace() => Some(first.len_utf8()),
        _ => None,
    }
}

/// Block comments nest.
fn block_comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    rest.len()
}

/// `'x'`, `'\n'`, `'\u{1f}'`; of a lifetime the quote alone.
fn character_length(rest: &str) -> usize {
    let mut after_quote = rest.char_indices().skip(1);
    let literal_end = match (after_quote.next(), after_quote.next()) {
        // What is escaped may be a quote itself, so the search begins behind it.
        (Some((_, '\\')), Some((escaped, c))) => {
            let behind = escaped + c.len_utf8();
            rest[behind..].find('\'').map(|quote| behind + quote)
        }
        (Some(_), Some((quote, '\''))) => Some(quote),
        _ => None,
    };
    literal_end.map_or(1, |quote| quote + 1)
}

/// `r"…"`, `r#"…"#` and so on, also of bytes (`br`) and for C (`cr`); `None` for another word.
fn raw_string_length(rest: &str) -> Option<usize> {
    let behind_prefix = ["r", "br", "cr"]
        .iter()
        .find_map(|prefix| rest.strip_prefix(prefix))?;
    let body = behind_prefix.trim_start_matches('#');
    let hashes = behind_prefix.len() - body.len();
    let body = body.strip_prefix('"')?;
    let end = format!("\"{}", &behind_prefix[..hashes]);
    let unread = body.split_once(&end).map_or("", |(_, unread)| unread);
    Some(rest.len() - unread.len())
}
