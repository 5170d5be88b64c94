//! The access log's lines as data.

use std::collections::HashMap;

/// One line of the access log.
#[derive(Clone, Debug)]
pub struct Access {
    fields: HashMap<String, String>,
}

impl Access {
    /// Parses a line of the log; none if it is another one.
    pub fn parse(line: &str) -> Option<Access> {
        let (_, mut rest) = line.split_once(" access: ")?;
        let mut fields = HashMap::new();
        while let Some((key, value)) = rest.split_once('=') {
            let end = value_end(value);
            let text = match value.strip_prefix('"') {
                Some(_) => serde_json::from_str(&value[..end]).unwrap_or_default(),
                None => value[..end].to_owned(),
            };
            fields.insert(key.trim().to_owned(), text);
            rest = &value[end..];
        }
        Some(Access { fields })
    }

    /// The value of a key, empty if it is not there.
    pub fn get(&self, key: &str) -> &str {
        self.fields.get(key).map_or("", String::as_str)
    }

    /// Why the connection ended.
    pub fn reason(&self) -> &str {
        self.get("reason")
    }

    /// A number's value.
    pub fn number(&self, key: &str) -> u64 {
        self.get(key).parse().unwrap()
    }
}

/// Where the value ends: at a space, or behind the closing quote.
fn value_end(value: &str) -> usize {
    if !value.starts_with('"') {
        return value.find(' ').unwrap_or(value.len());
    }
    let mut is_escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    value.len()
}
