#![allow(clippy::unwrap_used)]

use crate::base::id::Side;
use crate::config::fixture::{file, only_pair, only_problem, pair_with, problems};
use crate::config::{AllowMode, parse};
use crate::identity::{Acl, Rule, RuleKind};

/// A pair in a mode with these members more.
fn in_mode(mode: &str, members: &str) -> String {
    pair_with(&format!(r#""mode": "{mode}", {members}"#))
}

fn list(rules: &[(RuleKind, &str)]) -> Acl {
    let rules = rules
        .iter()
        .map(|(kind, text)| Rule::parse(*kind, text).unwrap());
    Acl::new(rules.collect())
}

#[test]
fn a_pair_that_says_nothing_admits_every_peer() {
    let saying_nothing = [
        "",
        r#""allow": {}"#,
        r#""allow": {"cn": [], "ou": [], "org": [], "dns": [], "uri": [], "spki": []}"#,
    ];
    for members in saying_nothing {
        let pair = only_pair(&pair_with(members));
        assert_eq!(
            (pair.allow, pair.allow_mode),
            (Acl::default(), AllowMode::Enforce)
        );
    }
}

#[test]
fn every_list_arrives_in_the_model_whether_it_is_a_text_or_a_list() {
    let pin = "0".repeat(64);
    let pair = only_pair(&pair_with(&format!(
        r#""allow_mode": "observe", "allow": {{"spki": "{pin}", "uri": ["spiffe://a/**", "b:c"],
            "dns": "*.example.com", "org": "Example", "ou": ["db", "ops"], "cn": "alice"}}"#
    )));
    let expected = [
        (RuleKind::Cn, "alice"),
        (RuleKind::Ou, "db"),
        (RuleKind::Ou, "ops"),
        (RuleKind::Org, "Example"),
        (RuleKind::Dns, "*.example.com"),
        (RuleKind::Uri, "spiffe://a/**"),
        (RuleKind::Uri, "b:c"),
        (RuleKind::Spki, &pin),
    ];
    assert_eq!(pair.allow, list(&expected));
    assert_eq!(pair.allow_mode, AllowMode::Observe);
}

#[test]
fn each_tls_leg_has_the_list_that_judges_its_peer() {
    let allow = r#""allow": {"cn": "a"}"#;
    let a = list(&[(RuleKind::Cn, "a")]);
    let lists = |members: &str, mode: &str| {
        let pair = only_pair(&in_mode(mode, members));
        [Side::Inbound, Side::Outbound].map(|side| pair.acl(side).cloned())
    };
    assert_eq!(lists(allow, "client"), [None, Some(a.clone())]);
    assert_eq!(lists(allow, "server"), [Some(a.clone()), None]);
    assert_eq!(
        lists(allow, "bridge"),
        [Some(a.clone()), Some(Acl::default())]
    );
    let both = format!(r#"{allow}, "allow_outbound": {{"cn": "b"}}"#);
    let b = list(&[(RuleKind::Cn, "b")]);
    assert_eq!(lists(&both, "bridge"), [Some(a.clone()), Some(b.clone())]);
    let of_connector = |directory: &str, members: &str| {
        let pair = only_pair(&format!(
            r#"{{"mode": "connector", "inbound": ":1", {members}, "directory": {{"issuer": "a.b",
                "database": {{"host": "localhost", "user": "u", "name": "n"}}{directory}}}}}"#
        ));
        [Side::Inbound, Side::Outbound].map(|side| pair.acl(side).cloned())
    };
    assert_eq!(of_connector("", allow), [Some(a.clone()), None]);
    let onward = r#", "outbound_mtls": true"#;
    assert_eq!(of_connector(onward, &both), [Some(a), Some(b)]);
}

#[test]
fn a_list_for_the_outbound_leg_alone_is_for_a_bridge() {
    for mode in ["client", "server"] {
        let text = in_mode(mode, r#""allow_outbound": {"cn": "a"}"#);
        let told = only_problem(&file("", &text));
        let expected = "address_pairs[0].allow_outbound: only a \"bridge\" ";
        assert!(told.starts_with(expected), "{told}");
    }
    let connector = r#"{"mode": "connector", "inbound": ":1", "allow_outbound": {"cn": "a"}, "directory":
        {"issuer": "a.b", "database": {"host": "localhost", "user": "u", "name": "n"}}}"#;
    let told = only_problem(&file("", connector));
    assert!(
        told.starts_with("address_pairs[0].allow_outbound: hosts of this"),
        "{told}"
    );
}

#[test]
fn every_problem_of_a_list_is_told_with_its_place() {
    let members = r#""allow_mode": "warn", "allow": {"cn": ["a", "", 5], "dns": "a..b",
        "uri": ["a:b", "corp/db", "a:b/c**"], "spki": "00", "ip": "::1", "URI": "a:b", "ou": {}}"#;
    let told = problems(&file("", &pair_with(members)));
    let expected = [
        "cn[1]: \"\": it is empty",
        "cn[2]: expected a text in quotes, found the number 5",
        "ou: expected a text in quotes, found an object",
        "dns: \"a..b\": a label is empty",
        "uri[1]: \"corp/db\": it begins with no scheme",
        "uri[2]: \"a:b/c**\": \"**\" stands for whole",
        "spki: \"00\": it is no SHA-256",
        "ip: unknown key: the known ones here are cn, ou, org, dns, uri, spki",
        "URI: unknown key: did you mean \"uri\"?",
    ];
    assert_eq!(told.len(), expected.len() + 1, "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        let expected = format!("address_pairs[0].allow.{expected}");
        assert!(told.starts_with(&expected), "{told}");
    }
    let last = "address_pairs[0].allow_mode: \"warn\" is not one of its words";
    assert!(told.last().unwrap().starts_with(last), "{told:#?}");
}

#[test]
fn a_list_belongs_to_a_pair() {
    let told = only_problem(&file(r#""allow": {"cn": "a"}"#, &pair_with("")));
    assert!(told.starts_with("allow: unknown key"), "{told}");
    let told = only_problem(&file("", &pair_with(r#""allow": ["a"]"#)));
    assert!(
        told.starts_with("address_pairs[0].allow: expected an object"),
        "{told}"
    );
    assert!(parse(&file("", &pair_with(r#""allow": {"cn": "**"}"#))).is_err());
}
