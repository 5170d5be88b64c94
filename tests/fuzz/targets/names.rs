//! Rules of an access list against names in a certificate: the first line is the rule, the second the
//! name. A matcher that tries everything must come to the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mtls_persona::identity::{Acl, PeerCert, Rule, RuleKind, San, Verdict};

/// The slow matcher takes time that grows fast with these.
const BYTES_MAX: usize = 60;

const KINDS: [RuleKind; 6] = [
    RuleKind::Cn,
    RuleKind::Ou,
    RuleKind::Org,
    RuleKind::Dns,
    RuleKind::Uri,
    RuleKind::Spki,
];

fuzz_target!(|text: &str| {
    let (pattern, name) = text.split_once('\n').unwrap_or((text, ""));
    for kind in KINDS {
        let rule = match Rule::parse(kind, pattern) {
            Ok(rule) => rule,
            Err(what) => {
                assert!(what.len() < 200);
                continue;
            }
        };
        let again = Rule::parse(kind, rule.pattern());
        assert_eq!(again.as_ref(), Ok(&rule), "it does not come back");
        let admits = admits(rule, &cert(kind, name));
        assert!(!admits || (name.len() <= 2048 && !name.contains(char::is_control)));
        if kind != RuleKind::Spki && text.len() <= BYTES_MAX && !name.contains(is_unreadable) {
            assert_eq!(
                admits,
                fits(kind, pattern, name),
                "{kind:?}: {pattern:?}, {name:?}"
            );
        }
    }
});

fn is_unreadable(c: char) -> bool {
    c.is_control() || c == char::REPLACEMENT_CHARACTER
}

fn cert(kind: RuleKind, name: &str) -> PeerCert {
    let name = name.to_owned();
    match kind {
        RuleKind::Ou => PeerCert {
            ou: vec![name],
            ..PeerCert::default()
        },
        RuleKind::Org => PeerCert {
            org: vec![name],
            ..PeerCert::default()
        },
        RuleKind::Dns => PeerCert {
            sans: vec![San::Dns(name)],
            ..PeerCert::default()
        },
        RuleKind::Uri => PeerCert {
            sans: vec![San::Uri(name)],
            ..PeerCert::default()
        },
        RuleKind::Cn | RuleKind::Spki => PeerCert {
            cn: Some(name),
            ..PeerCert::default()
        },
    }
}

fn admits(rule: Rule, cert: &PeerCert) -> bool {
    let acl = Acl::new(vec![rule]);
    acl.check(cert) != Verdict::Denied
}

/// What a rule means, part by part and byte by byte.
fn fits(kind: RuleKind, pattern: &str, name: &str) -> bool {
    let separator = match kind {
        RuleKind::Dns => '.',
        RuleKind::Uri => '/',
        _ => '\0',
    };
    let folded = |text: &str| match kind {
        RuleKind::Dns => text.to_ascii_lowercase(),
        _ => text.to_owned(),
    };
    let (pattern, name) = (folded(pattern), folded(name));
    let wanted: Vec<&str> = pattern.split(separator).collect();
    let parts: Vec<&str> = name.split(separator).collect();
    parts_fit(&wanted, &parts)
}

fn parts_fit(wanted: &[&str], parts: &[&str]) -> bool {
    let is_earnest = |part: &str| !["", ".", ".."].contains(&part);
    let Some((first, others)) = wanted.split_first() else {
        return parts.is_empty();
    };
    if *first == "**" {
        let covered = parts.iter().take_while(|part| is_earnest(part)).count();
        return (0..=covered).any(|count| parts_fit(others, &parts[count..]));
    }
    let Some((part, rest)) = parts.split_first() else {
        return false;
    };
    let fits = match first.contains('*') {
        true => is_earnest(part) && bytes_fit(first.as_bytes(), part.as_bytes()),
        false => first == part,
    };
    fits && parts_fit(others, rest)
}

fn bytes_fit(pattern: &[u8], bytes: &[u8]) -> bool {
    match pattern.split_first() {
        None => bytes.is_empty(),
        Some((b'*', others)) => (0..=bytes.len()).any(|count| bytes_fit(others, &bytes[count..])),
        Some((one, others)) => bytes.first() == Some(one) && bytes_fit(others, &bytes[1..]),
    }
}
