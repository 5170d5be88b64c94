//! Which names may stand in a certificate.

use super::*;

fn refusal(request: &LeafRequest) -> String {
    let root = Authority::new(&Subject::named("Test root"), KeyKind::EcP256, YEAR).unwrap();
    let by_root = root.issue(request).unwrap_err().to_string();
    let by_itself = Identity::self_signed(request).unwrap_err().to_string();
    assert_eq!(by_root, by_itself);
    assert!(!by_root.contains(char::is_control), "{by_root:?}");
    by_root
}

#[test]
fn dns_names_of_every_usual_shape_are_taken() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    for name in [
        "localhost",
        "a",
        "db-1.example.org",
        "my_service",
        "*.example.org",
        "xn--bcher-kva.example",
        "UPPER.example.org",
        "1",
        "1.2.3.4.example",
        &label,
        &longest,
    ] {
        assert!(is_dns_name(name), "{name:?}");
    }
}

#[test]
fn dns_names_that_could_be_read_as_two_or_as_none_are_refused() {
    let long_label = "a".repeat(64);
    let too_long = vec!["a"; 128].join(".");
    for name in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        " a",
        "a,DNS:evil.example",
        "a\nDNS:evil.example",
        "a\0.evil.example",
        "a\r",
        "DNS:a",
        "a:443",
        "user@a",
        "a/b",
        "-a",
        "a-",
        "a.-b",
        "*",
        "*.",
        "*a.example",
        "a.*.example",
        "**.example",
        "a*",
        "bücher.example",
        "127.0.0.1",
        "::1",
        "a;b",
        "a=b",
        "a\"b",
        "a\\b",
        "a%00",
        &long_label,
        &too_long,
    ] {
        assert!(!is_dns_name(name), "{name:?}");
        let request = LeafRequest {
            dns: vec!["good.example".into(), name.into()],
            ..client("alice")
        };
        let said = refusal(&request);
        assert!(said.starts_with(&format!("DNS name {name:?}: ")), "{said}");
    }
}

#[test]
fn an_address_or_another_alphabet_among_the_dns_names_is_told_what_to_give_instead() {
    for (name, advice) in [
        ("10.0.0.1", "it is an IP address: give it as one"),
        ("bücher.example", "it is not ASCII: give its xn-- form"),
    ] {
        let request = LeafRequest {
            dns: vec![name.into()],
            ..client("alice")
        };
        assert!(refusal(&request).ends_with(advice));
    }
}

#[test]
fn uris_with_and_without_an_authority_are_taken() {
    for uri in [
        "spiffe://example.org/orgs/1/users/a@b",
        "urn:uuid:1",
        "https://[::1]:1/?q=1#f",
    ] {
        let request = LeafRequest {
            uris: vec![uri.into()],
            ..client("alice")
        };
        Identity::self_signed(&request).unwrap();
    }
}

#[test]
fn uris_that_could_be_read_as_two_or_as_none_are_refused() {
    let too_long = format!("spiffe://example.org/{}", "a".repeat(2048));
    for uri in [
        "",
        "example.org",
        "spiffe:",
        ":x",
        "1a:x",
        "sp iffe://a",
        "spiffe://a b",
        "spiffe://a\nb",
        "spiffe://a\0",
        "spiffe://a,URI:spiffe://b",
        "spiffe://ä",
        "spiffe://a\"",
        "spiffe://a\\b",
        "spiffe://{a}",
        "spi\u{7f}ffe://a",
        &too_long,
    ] {
        let request = LeafRequest {
            uris: vec![uri.into()],
            ..client("alice")
        };
        let said = refusal(&request);
        assert!(said.starts_with(&format!("URI {uri:?}: ")), "{said}");
    }
}

#[test]
fn subjects_with_invisible_or_too_many_characters_are_refused() {
    let too_long = "é".repeat(65);
    for text in [
        "",
        "a\nb",
        "a\0b",
        "\u{1b}[2J",
        "a\u{202e}b",
        "a\u{2028}b",
        "\u{feff}",
        &too_long,
    ] {
        let values = || vec!["fine".to_owned(), text.to_owned()];
        let subjects = [
            (
                "common name",
                Subject {
                    cn: Some(text.into()),
                    ..Subject::default()
                },
            ),
            (
                "organizational unit",
                Subject {
                    ou: values(),
                    ..Subject::named("alice")
                },
            ),
            (
                "organization",
                Subject {
                    org: values(),
                    ..Subject::named("alice")
                },
            ),
        ];
        for (kind, subject) in subjects {
            let authority = Authority::new(&subject, KeyKind::EcP256, YEAR);
            let request = LeafRequest {
                subject,
                ..client("alice")
            };
            let said = refusal(&request);
            assert!(said.starts_with(&format!("{kind} ")), "{said}");
            assert_eq!(authority.unwrap_err().to_string(), said);
        }
    }
}

#[test]
fn a_subject_of_64_characters_is_taken_in_any_alphabet() {
    Identity::self_signed(&client(&"é".repeat(64))).unwrap();
}

#[test]
fn a_certificate_without_any_name_is_refused() {
    let request = LeafRequest {
        subject: Subject::default(),
        ..client("alice")
    };
    assert!(refusal(&request).contains("needs a name"));
    let authority = Authority::new(&Subject::default(), KeyKind::EcP256, YEAR);
    assert_eq!(authority.unwrap_err(), AuthorityError::NoName);
}
