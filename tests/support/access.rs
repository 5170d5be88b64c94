//! The access log's lines as data.

use std::collections::HashMap;

/// One line of the access log.
#[derive(Clone, Debug)]
pub struct Access {
    fields: HashMap<String, String>,
}

impl Access {
    /// Parses a line of the log in any of its forms; none if it is another one.
    pub fn parse(line: &str) -> Option<Access> {
        if line.starts_with('{') {
            return Access::json(line);
        }
        let begins = |mark: &str| line.split_once(mark).map(|(_, rest)| rest);
        let mut rest = begins("access: ").or_else(|| begins(" msg=access "))?;
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

    fn json(line: &str) -> Option<Access> {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
        let is_access = object["msg"] == "access";
        let fields = object.into_iter().map(|(key, value)| match value {
            serde_json::Value::String(text) => (key, text),
            other => (key, other.to_string()),
        });
        is_access.then(|| Access {
            fields: fields.collect(),
        })
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
