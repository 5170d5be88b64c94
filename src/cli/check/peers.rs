//! Which peers a pair admits, in words.

use jiff::SignedDuration;

use crate::base::id::Side;
use crate::config::{AllowMode, CrlScope, OnStaleCrl, Pair, Revocation};

/// What judges a pair's peers beside `ca`: lines with their labels.
pub(super) fn peers(pair: &Pair) -> Vec<(&'static str, String)> {
    let mut lines = lookup(&pair.tls.revocation);
    let sides = [Side::Inbound, Side::Outbound];
    for (side, label) in sides.into_iter().zip(["allow", "allow_outbound"]) {
        let label = match pair.mode.inbound_tls() {
            true => label,
            // The one list is about the one TLS leg.
            false => "allow",
        };
        lines.extend(admitted(pair, side).into_iter().map(|who| (label, who)));
    }
    let has_rules = !(pair.allow.is_empty() && pair.allow_outbound.is_empty());
    if has_rules && pair.allow_mode == AllowMode::Observe {
        let what = "a peer that no rule names is admitted, and told of";
        lines.push(("observe", what.to_owned()));
    }
    lines
}

/// Whom the leg of a pair admits: its rules, quoted, as commas may stand in them.
fn admitted(pair: &Pair, side: Side) -> Vec<String> {
    let Some(acl) = pair.acl(side) else {
        return Vec::new();
    };
    if !acl.is_empty() {
        let rules = acl.rules().iter();
        return rules.map(|rule| format!("{:?}", rule.text())).collect();
    }
    if let Some(pins) = &pair.tls.pins {
        let pins = match side {
            Side::Inbound => &pins.clients,
            Side::Outbound => &pins.servers,
        };
        let whoever = |pin| format!("whoever has the key with the digest {pin}");
        return pins.iter().map(whoever).collect();
    }
    let anyone = match (side, &pair.server_name) {
        (Side::Outbound, Some(name)) => {
            format!("every gateway that ca vouches for and that proves to be {name}")
        }
        (Side::Outbound, None) => {
            "every host that ca vouches for and that proves its name in the database".to_owned()
        }
        _ => "every client that ca vouches for".to_owned(),
    };
    vec![anyone]
}

/// The lists' files, and how strictly they are taken; none without one.
fn lookup(revocation: &Revocation) -> Vec<(&'static str, String)> {
    if revocation.crl.is_empty() {
        return Vec::new();
    }
    let whose = match revocation.scope {
        CrlScope::Chain => "the whole chain but its anchor",
        CrlScope::Leaf => "the peer's own certificate alone",
    };
    let stale = match revocation.on_stale {
        OnStaleCrl::Fail => "a missing or overdue list refuses".to_owned(),
        OnStaleCrl::Warn => "a missing or overdue list is told of and overlooked".to_owned(),
        OnStaleCrl::Grace(grace) => {
            let grace = SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX);
            format!("an overdue list counts for {grace:#} more, a missing one refuses")
        }
    };
    let files = revocation.crl.iter();
    let mut lines: Vec<_> = files
        .map(|path| ("crl", path.display().to_string()))
        .collect();
    lines.push(("look up", format!("{whose}; {stale}")));
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is told of a pair with these keys.
    fn told(keys: serde_json::Value) -> Vec<String> {
        let mut pair = json!({ "inbound": ":1", "outbound": "db:1" });
        for (key, value) in keys.as_object().unwrap() {
            pair[key] = value.clone();
        }
        let config = json!({ "cert": "c", "key": "k", "ca": "a", "address_pairs": [pair] });
        let pairs = crate::config::parse(&config.to_string())
            .unwrap()
            .config
            .pairs;
        let lines = peers(&pairs[0]);
        lines
            .into_iter()
            .map(|(label, text)| format!("{label}: {text}"))
            .collect()
    }

    #[test]
    fn without_a_rule_everybody_is_admitted_that_the_authorities_vouch_for() {
        let client = "allow: every client that ca vouches for";
        let gateway = "every gateway that ca vouches for and that proves to be db";
        assert_eq!(told(json!({})), [format!("allow: {gateway}")]);
        assert_eq!(told(json!({ "mode": "server" })), [client]);
        let bridge = [client.to_owned(), format!("allow_outbound: {gateway}")];
        assert_eq!(told(json!({ "mode": "bridge" })), bridge);
        // There is nobody whom no rule names.
        let observed = json!({ "mode": "server", "allow_mode": "observe" });
        assert_eq!(told(observed), [client]);
    }

    #[test]
    fn of_pinned_keys_each_is_told_with_its_digest_and_no_authority() {
        let [one, other] = ["11", "22"].map(|pair| pair.repeat(32));
        let holder = |pin: &str| format!("whoever has the key with the digest {pin}");
        let both = json!({
            "mode": "bridge", "trust": "pinned", "pins": [one, other], "pins_outbound": other,
        });
        let [one, other] = [holder(&one), holder(&other)];
        let lines = [
            format!("allow: {one}"),
            format!("allow: {other}"),
            format!("allow_outbound: {other}"),
        ];
        assert_eq!(told(both), lines);
    }

    #[test]
    fn each_rule_is_told_and_that_it_is_only_tried_out() {
        let lines = told(json!({
            "mode": "bridge", "allow": { "cn": ["Doe, Jane", "b*"], "ou": "ops" },
            "allow_outbound": { "dns": "db" }, "allow_mode": "observe",
        }));
        let expected = [
            "allow: \"cn:Doe, Jane\"",
            "allow: \"cn:b*\"",
            "allow: \"ou:ops\"",
            "allow_outbound: \"dns:db\"",
            "observe: a peer that no rule names is admitted, and told of",
        ];
        assert_eq!(lines, expected);
        let lines = told(json!({ "allow": { "dns": "db" } }));
        assert_eq!(lines, ["allow: \"dns:db\""]);
    }

    #[test]
    fn lists_are_told_with_how_strictly_they_are_taken() {
        let lines = told(json!({ "mode": "server", "crl": ["a.crl", "b.crl"] }));
        let strict = "look up: the whole chain but its anchor; a missing or overdue list refuses";
        assert_eq!(lines[..3], ["crl: a.crl", "crl: b.crl", strict]);
        let loose = json!({ "crl": "a.crl", "crl_scope": "leaf", "on_stale_crl": "warn" });
        let words = "own certificate alone; a missing or overdue list is told of and overlooked";
        assert!(told(loose)[1].ends_with(words));
        let grace = json!({ "crl": "a.crl", "on_stale_crl": "36h30m" });
        let words = "an overdue list counts for 36h 30m more, a missing one refuses";
        assert!(told(grace)[1].ends_with(words));
    }
}
