//! Reads the keys of an object one by one and collects what is wrong with them.
//!
//! A form's converter is a flat list of calls. What has a default takes it in place of a wrong
//! value and goes on; what has none gives a `Result`, and only when all calls are made does the
//! converter put these together with `?`. So one pass finds every problem, and a configuration with
//! a problem is refused whatever the converter made of it. The keys that were asked for are the
//! known ones: no second list of them can go stale.

use std::collections::HashSet;

pub(super) use super::problem::Reported;
use super::problem::{Findings, Problem, quoted};
use super::tree::Value;

/// Entries of a list; a longer one is nothing that somebody wrote.
const LIST_MAX: usize = 10_000;

/// Something optional: `Ok(None)` where the key is absent.
pub(super) type Taken<T> = Result<Option<T>, Reported>;

/// Turns a value into what the model wants, or says what is wrong and what to do.
pub(super) type Convert<T> = fn(&Value) -> Result<T, String>;

/// What it means that a value is null or an empty text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    /// It is wrong, or right, like any other value.
    Value,
    /// The key counts as left out, as it does for programs in Go.
    Absent,
}

/// The keys of one object that have not been read yet.
pub(super) struct ObjectReader<'f> {
    findings: &'f mut Findings,
    blank: Blank,
    path: String,
    entries: Vec<(String, Value)>,
    known: Vec<&'static str>,
}

/// Reads `value`, the root of a configuration, with `read` and notes what it did not ask for.
pub(super) fn read_root<T>(
    value: Value,
    blank: Blank,
    findings: &mut Findings,
    read: impl FnOnce(&mut ObjectReader<'_>) -> Result<T, Reported>,
) -> Result<T, Reported> {
    read_object(value, String::new(), blank, findings, read)?
}

fn read_object<T>(
    value: Value,
    path: String,
    blank: Blank,
    findings: &mut Findings,
    read: impl FnOnce(&mut ObjectReader<'_>) -> T,
) -> Result<T, Reported> {
    let Value::Object(entries) = value else {
        let what = format!("expected an object, found {value}");
        let place = if path.is_empty() {
            Problem::whole(what)
        } else {
            Problem::at(path, what)
        };
        return Err(findings.problem(place));
    };
    let mut reader = ObjectReader {
        findings,
        blank,
        path,
        entries: Vec::new(),
        known: Vec::new(),
    };
    reader.enter(entries);
    let result = read(&mut reader);
    reader.leave();
    Ok(result)
}

impl ObjectReader<'_> {
    /// The path of this object; empty for the root.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Notes a problem of one of this object's keys.
    pub(super) fn report(&mut self, key: &str, what: impl Into<String>) -> Reported {
        let path = self.path_of(key);
        self.report_at(path, what)
    }

    /// Notes a problem of a key anywhere in the configuration.
    pub(super) fn report_at(
        &mut self,
        path: impl Into<String>,
        what: impl Into<String>,
    ) -> Reported {
        self.findings.problem(Problem::at(path, what))
    }

    /// Notes problems that were found elsewhere.
    pub(super) fn report_all(&mut self, problems: Vec<Problem>) {
        self.findings.problems.extend(problems);
    }

    /// Notes what one of this object's keys perhaps does not mean.
    pub(super) fn warn(&mut self, key: &str, what: impl Into<String>) {
        let warning = Problem::at(self.path_of(key), what);
        self.findings.warnings.push(warning);
    }

    /// Notes warnings that were found elsewhere.
    pub(super) fn warn_all(&mut self, warnings: impl IntoIterator<Item = Problem>) {
        self.findings.warnings.extend(warnings);
    }

    /// Whether a key is given and was not read yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// What `key` gives.
    pub(super) fn take<T>(&mut self, key: &'static str, convert: Convert<T>) -> Taken<T> {
        let Some(value) = self.remove(key) else {
            return Ok(None);
        };
        self.convert(key, &value, convert).map(Some)
    }

    /// What `key` gives, or else `default`.
    pub(super) fn take_or<T>(&mut self, key: &'static str, default: T, convert: Convert<T>) -> T {
        self.take(key, convert).ok().flatten().unwrap_or(default)
    }

    /// What `key` gives; `hint` says what to write when it is absent.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        hint: &str,
        convert: Convert<T>,
    ) -> Result<T, Reported> {
        match self.take(key, convert)? {
            Some(value) => Ok(value),
            None => Err(self.report(key, format!("missing: {hint}"))),
        }
    }

    /// What a key with two names gives; both of them at once are a problem.
    pub(super) fn take_named<T>(
        &mut self,
        names: [&'static str; 2],
        convert: Convert<T>,
    ) -> Taken<T> {
        let Some((key, value)) = self.remove_named(names)? else {
            return Ok(None);
        };
        self.convert(key, &value, convert).map(Some)
    }

    /// What a key gives that holds one value or a list, which may be empty.
    pub(super) fn take_any_number<T>(
        &mut self,
        key: &'static str,
        convert: Convert<T>,
    ) -> Taken<Vec<T>> {
        match self.remove(key) {
            None => Ok(None),
            Some(value) => self.one_or_list(key, value, convert).map(Some),
        }
    }

    /// What a key with two names gives that holds one value or a list of at least one.
    pub(super) fn take_one_or_more<T>(
        &mut self,
        names: [&'static str; 2],
        convert: Convert<T>,
    ) -> Taken<Vec<T>> {
        let Some((key, value)) = self.remove_named(names)? else {
            return Ok(None);
        };
        if matches!(&value, Value::List(values) if values.is_empty()) {
            return Err(self.report(key, "the list is empty: give at least one entry"));
        }
        self.one_or_list(key, value, convert).map(Some)
    }

    /// One value, or each of a list; every problem of the list is noted.
    fn one_or_list<T>(
        &mut self,
        key: &str,
        value: Value,
        convert: Convert<T>,
    ) -> Result<Vec<T>, Reported> {
        let Value::List(values) = value else {
            return Ok(vec![self.convert(key, &value, convert)?]);
        };
        self.check_most(key, &values)?;
        let mut converted = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            converted.push(convert(value).map_err(|what| {
                let path = format!("{}[{index}]", self.path_of(key));
                self.report_at(path, what)
            }));
        }
        converted.into_iter().collect()
    }

    /// What `read` makes of the object under `key`; `None` where there is none.
    pub(super) fn take_object<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut ObjectReader<'_>) -> T,
    ) -> Option<T> {
        let value = self.remove(key)?;
        read_object(value, self.path_of(key), self.blank, self.findings, read).ok()
    }

    /// What `read` makes of the object under `key`; `hint` says what to write when there is none.
    pub(super) fn required_object<T>(
        &mut self,
        key: &'static str,
        hint: &str,
        read: impl FnOnce(&mut ObjectReader<'_>) -> Result<T, Reported>,
    ) -> Result<T, Reported> {
        match self.remove(key) {
            None => Err(self.report(key, format!("missing: {hint}"))),
            Some(value) => read_object(value, self.path_of(key), self.blank, self.findings, read)?,
        }
    }

    /// What `read` makes of each object in the list under `key`; `Err` stands for those that are
    /// none. An absent key and an empty list are problems too, and `hint` says what to write.
    pub(super) fn required_objects<T>(
        &mut self,
        key: &'static str,
        hint: &str,
        mut read: impl FnMut(&mut ObjectReader<'_>) -> T,
    ) -> Result<Vec<Result<T, Reported>>, Reported> {
        let values = match self.remove(key) {
            None => return Err(self.report(key, format!("missing: {hint}"))),
            Some(Value::List(values)) => values,
            Some(other) => {
                let what = format!("expected a list of objects, found {other}");
                return Err(self.report(key, what));
            }
        };
        if values.is_empty() {
            return Err(self.report(key, format!("the list is empty: {hint}")));
        }
        self.check_most(key, &values)?;
        let list = self.path_of(key);
        let read_one = |(index, value)| {
            let path = format!("{list}[{index}]");
            read_object(value, path, self.blank, self.findings, &mut read)
        };
        Ok(values.into_iter().enumerate().map(read_one).collect())
    }

    /// Keeps the first value of every key and notes the repetitions.
    fn enter(&mut self, entries: Vec<(String, Value)>) {
        let mut seen = HashSet::new();
        for (key, value) in entries {
            if seen.insert(key.clone()) {
                self.entries.push((key, value));
            } else {
                self.report(&key, "given more than once: keep one of them");
            }
        }
    }

    /// Notes every key that nobody asked for.
    fn leave(&mut self) {
        for (key, _) in std::mem::take(&mut self.entries) {
            let advice = match nearest(&key, &self.known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("the known ones here are {}", self.known.join(", ")),
            };
            self.report(&key, format!("unknown key: {advice}"));
        }
    }

    fn convert<T>(&mut self, key: &str, value: &Value, convert: Convert<T>) -> Result<T, Reported> {
        convert(value).map_err(|what| self.report(key, what))
    }

    fn check_most(&mut self, key: &str, list: &[Value]) -> Result<(), Reported> {
        if list.len() <= LIST_MAX {
            return Ok(());
        }
        let what = format!("{} entries are too many: keep to {LIST_MAX}", list.len());
        Err(self.report(key, what))
    }

    fn remove(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        let index = self.entries.iter().position(|(name, _)| name == key)?;
        let value = self.entries.remove(index).1;
        let is_blank = match &value {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            _ => false,
        };
        (!is_blank || self.blank == Blank::Value).then_some(value)
    }

    fn remove_named(&mut self, names: [&'static str; 2]) -> Taken<(&'static str, Value)> {
        let [first, second] = names;
        match (self.remove(first), self.remove(second)) {
            (None, None) => Ok(None),
            (Some(value), None) => Ok(Some((first, value))),
            (None, Some(value)) => Ok(Some((second, value))),
            (Some(_), Some(_)) => {
                let what = format!("given beside \"{first}\", which is the same key: keep one");
                Err(self.report(second, what))
            }
        }
    }

    /// The path of one of this object's keys.
    pub(super) fn path_of(&self, key: &str) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let key = if !key.is_empty() && key.chars().all(is_plain) && key.len() <= NEAR_KEY_BYTES {
            key.to_owned()
        } else {
            quoted(key)
        };
        if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// Beyond this many bytes a key is no misspelling of ours, and not worth comparing.
const NEAR_KEY_BYTES: usize = 64;

/// The known word that `key` most likely was meant to be, if any is near enough.
pub fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    if key.len() > NEAR_KEY_BYTES {
        return None;
    }
    // `reloadHour` is near as well.
    let key = key.to_lowercase();
    known
        .iter()
        .map(|&name| (strsim::damerau_levenshtein(&key, name), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
