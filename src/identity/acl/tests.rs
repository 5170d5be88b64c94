#![allow(clippy::unwrap_used)]

use super::*;

use RuleKind::{Cn, Dns, Org, Ou, Spki, Uri};

const PIN: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn list(rules: &[(RuleKind, &str)]) -> Acl {
    let rules = rules
        .iter()
        .map(|(kind, text)| Rule::parse(*kind, text).unwrap());
    Acl::new(rules.collect())
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn peer() -> PeerCert {
    PeerCert {
        subject: "O=Example, O=Other, OU=db, OU=ops, CN=alice".to_owned(),
        cn: Some("alice".to_owned()),
        ou: texts(&["db", "ops"]),
        org: texts(&["Example", "Other"]),
        sans: vec![
            San::Dns("a.example.com".to_owned()),
            San::Dns("*.wild.example.com".to_owned()),
            San::Ip([10, 0, 0, 7].into()),
            San::Email("x:alice@example.com".to_owned()),
            San::Uri("spiffe://corp/eu/db".to_owned()),
        ],
        spki: Some(pin::parse(PIN).unwrap()),
        ..PeerCert::default()
    }
}

#[test]
fn a_list_without_a_rule_admits_every_peer() {
    assert_eq!(Acl::default().check(&peer()), Verdict::Admitted(None));
    assert_eq!(
        Acl::default().check(&PeerCert::default()),
        Verdict::Admitted(None)
    );
}

#[test]
fn a_rule_of_any_kind_admits_by_any_value_of_its_own_kind() {
    let good = [
        (Cn, "alice"),
        (Ou, "db"),
        (Ou, "ops"),
        (Org, "Example"),
        (Org, "Oth*"),
        (Dns, "A.EXAMPLE.com"),
        (Dns, "*.wild.example.com"),
        (Uri, "spiffe://corp/*/db"),
        (Spki, PIN),
    ];
    for (kind, text) in good {
        let list = list(&[(kind, text)]);
        let Verdict::Admitted(Some(rule)) = list.check(&peer()) else {
            panic!("{kind:?} {text}");
        };
        assert_eq!(rule.to_string(), format!("{}:{text}", kind.label()));
        assert_eq!(list.check(&PeerCert::default()), Verdict::Denied);
    }
}

#[test]
fn nothing_counts_as_another_kind_and_no_name_of_a_certificate_as_a_pattern() {
    let bad = [
        (Cn, "db"),
        (Cn, "Example"),
        (Cn, "a.example.com"),
        (Ou, "alice"),
        (Org, "db"),
        (Dns, "alice"),
        (Dns, "example.com"),
        (Dns, "10.0.0.7"),
        (Dns, "b.wild.example.com"),
        (Uri, "spiffe://corp/eu/db/x"),
        (Uri, "x:*"),
        (Spki, &PIN.replace('e', "f")),
    ];
    for (kind, text) in bad {
        assert_eq!(
            list(&[(kind, text)]).check(&peer()),
            Verdict::Denied,
            "{kind:?} {text}"
        );
    }
    assert_eq!(list(&bad).check(&peer()), Verdict::Denied);
}

#[test]
fn the_first_of_several_rules_that_names_a_peer_is_told() {
    let list = list(&[
        (Cn, "bob"),
        (Ou, "sales"),
        (Uri, "spiffe://corp/**"),
        (Org, "*"),
    ]);
    let Verdict::Admitted(Some(rule)) = list.check(&peer()) else {
        panic!("denied");
    };
    assert_eq!(&**rule.text(), "uri:spiffe://corp/**");
}

#[test]
fn a_certificate_of_endless_names_is_looked_at_no_further() {
    let mut names = vec![San::Dns("x".to_owned()); NAMES_MAX - 1];
    let last = San::Dns("a.example.com".to_owned());
    names.push(last.clone());
    let within = PeerCert {
        sans: names.clone(),
        ..PeerCert::default()
    };
    names.insert(0, San::Dns("x".to_owned()));
    let beyond = PeerCert {
        sans: names,
        ..PeerCert::default()
    };
    let list = list(&[(Dns, "a.example.com")]);
    assert_ne!(list.check(&within), Verdict::Denied);
    assert_eq!(list.check(&beyond), Verdict::Denied);
}

#[test]
fn a_key_is_one_rule_however_it_is_written() {
    let base64 = Rule::parse(Spki, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=").unwrap();
    assert_eq!(base64, Rule::parse(Spki, PIN).unwrap());
    assert_eq!(&**base64.text(), format!("spki:{PIN}"));
}
