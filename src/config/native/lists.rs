//! Revocation lists: what a pair does not say it takes from the top level.

use std::path::PathBuf;

use crate::config::model::{CrlScope, OnStaleCrl, Revocation};
use crate::config::reader::{ObjectReader, Reported, Taken};
use crate::config::tree::Value;
use crate::config::value;

/// What one object says of revocation lists.
pub(super) struct Lists {
    crl: Taken<Vec<PathBuf>>,
    scope: Taken<CrlScope>,
    on_stale: Taken<OnStaleCrl>,
}

impl Lists {
    /// What `reader`'s object says.
    pub(super) fn read(reader: &mut ObjectReader<'_>) -> Self {
        Self {
            crl: reader.take_any_number("crl", value::path),
            scope: reader.take("crl_scope", scope),
            on_stale: reader.take("on_stale_crl", on_stale),
        }
    }

    /// A pair's own, completed by the top level.
    pub(super) fn or(self, top: &Self) -> Result<Revocation, Reported> {
        Ok(Revocation {
            crl: self.crl?.or(top.crl.clone()?).unwrap_or_default(),
            scope: self.scope?.or(top.scope?).unwrap_or_default(),
            on_stale: self.on_stale?.or(top.on_stale?).unwrap_or_default(),
        })
    }
}

fn scope(value: &Value) -> Result<CrlScope, String> {
    value::one_of(
        value,
        &[("chain", CrlScope::Chain), ("leaf", CrlScope::Leaf)],
    )
}

/// A word, or for how long an overdue list still counts.
fn on_stale(value: &Value) -> Result<OnStaleCrl, String> {
    match value {
        Value::Text(word) if word == "fail" => Ok(OnStaleCrl::Fail),
        Value::Text(word) if word == "warn" => Ok(OnStaleCrl::Warn),
        Value::Text(text) if text.starts_with(|c: char| c.is_ascii_alphabetic()) => Err(format!(
            "{} is not one of its words: write \"fail\", \"warn\", or a grace time such as \"48h\"",
            crate::config::problem::quoted(text)
        )),
        other => value::deadline(other).map(OnStaleCrl::Grace),
    }
}
