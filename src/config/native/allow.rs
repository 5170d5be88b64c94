//! Access lists: whom a pair admits.

use crate::config::model::{AllowMode, Mode};
use crate::config::problem::quoted;
use crate::config::reader::{Convert, ObjectReader, Reported};
use crate::config::tree::Value;
use crate::config::value;
use crate::identity::{Acl, Rule, RuleKind};

/// What a pair says of its peers.
pub(super) struct Allow {
    pub(super) list: Acl,
    pub(super) outbound: Acl,
    pub(super) mode: AllowMode,
}

/// The lists of an access list's object.
const LISTS: [(RuleKind, Convert<Rule>); 6] = [
    (RuleKind::Cn, |value| rule(RuleKind::Cn, value)),
    (RuleKind::Ou, |value| rule(RuleKind::Ou, value)),
    (RuleKind::Org, |value| rule(RuleKind::Org, value)),
    (RuleKind::Dns, |value| rule(RuleKind::Dns, value)),
    (RuleKind::Uri, |value| rule(RuleKind::Uri, value)),
    (RuleKind::Spki, |value| rule(RuleKind::Spki, value)),
];

impl Allow {
    /// What the object of a pair in that mode says.
    pub(super) fn read(reader: &mut ObjectReader<'_>, mode: Result<Mode, Reported>) -> Allow {
        let list = reader.take_object("allow", acl);
        let outbound = reader.take_object("allow_outbound", acl);
        let has_two = |mode| matches!(mode, Mode::Bridge | Mode::Connector);
        if outbound.is_some() && mode.is_ok_and(|mode| !has_two(mode)) {
            reader.report(
                "allow_outbound",
                "only a \"bridge\" and a \"connector\" have peers on both legs: write it as allow, which \
                 judges the peer of the one TLS leg",
            );
        }
        Allow {
            list: list.unwrap_or_default(),
            outbound: outbound.unwrap_or_default(),
            mode: reader.take_or("allow_mode", AllowMode::default(), allow_mode),
        }
    }
}

fn acl(reader: &mut ObjectReader<'_>) -> Acl {
    let mut rules = Vec::new();
    for (kind, rule) in LISTS {
        let list = reader.take_any_number(kind.label(), rule);
        rules.extend(list.ok().flatten().unwrap_or_default());
    }
    Acl::new(rules)
}

fn rule(kind: RuleKind, value: &Value) -> Result<Rule, String> {
    let text = value::text(value)?;
    Rule::parse(kind, text).map_err(|what| format!("{}: {what}", quoted(text)))
}

fn allow_mode(value: &Value) -> Result<AllowMode, String> {
    let choices = [
        ("enforce", AllowMode::Enforce),
        ("observe", AllowMode::Observe),
    ];
    value::one_of(value, &choices)
}

#[cfg(test)]
mod tests;
