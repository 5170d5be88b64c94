#![allow(clippy::unwrap_used)]

use super::*;

use Syntax::{Dns, Text, Uri};

fn fits(syntax: Syntax, pattern: &str, name: &str) -> bool {
    let parsed = Pattern::parse(syntax, pattern);
    parsed
        .unwrap_or_else(|what| panic!("{pattern}: {what}"))
        .fits(name)
}

/// Each pattern with names that fit and names that do not.
type Case = (
    Syntax,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Names of one part: exact, with regard to case.
    (Text, "alice", &["alice"], &["", "Alice", "alice ", " alice", "alice2", "alic", "alice\0", "alice\0.evil"]),
    (Text, "db-*", &["db-1", "db-", "db-a b/c.d", "db-*"], &["db", "xdb-1", "DB-1", "db-\0", "db-1\n", "db-\u{fffd}"]),
    (Text, "*", &["alice", "*", "a.b/c"], &["", ".", "..", "\0", "a\0b", "\u{fffd}"]),
    (Text, "*-prod", &["a-prod", "-prod", "-prod-prod"], &["a-prod2", "prod"]),
    (Text, "a*b*c", &["abc", "aXbYc", "abbcc", "abcbc"], &["ab", "acb", "xabc", "abcx", "aXc"]),
    (Text, "ab*ba", &["abba", "abxba"], &["aba", "ab", "ba"]),
    (Text, "Zoë *", &["Zoë B", "Zoë "], &["Zoe B", "Zo\u{eb}", "Zoë"]),
    (Text, "100%", &["100%"], &["100%25"]),
    (Text, "a.b/c", &["a.b/c"], &["a.b", "axb/c"]),
    // DNS names: whatever their case, a `*` within a label.
    (Dns, "db.example.com", &["db.example.com", "DB.Example.COM"],
        &["db.example.com.", ".db.example.com", "db.example.com\0", "db.example.com\0.evil.net", "xdb.example.com",
          "a.db.example.com", "*.example.com", "db.example.comm", "db%2eexample.com", "db example.com"]),
    (Dns, "*.Example.com", &["a.example.com", "A.EXAMPLE.com", "*.example.com", "xn--bcher-kva.example.com"],
        &["example.com", ".example.com", "a.b.example.com", "evil-example.com", "aexample.com", "a.example.com.",
          "a.example.com.evil.net", "a\0.example.com", "a.example.org", "..example.com", "a..example.com"]),
    (Dns, "db-*.example.com", &["db-1.example.com", "db-.example.com"],
        &["db.example.com", "db-1.x.example.com", "xdb-1.example.com", "db-1-example.com"]),
    (Dns, "*a*.net", &["a.net", "bab.net"], &["b.net", ".net", "a.a.net"]),
    (Dns, "**.example.com", &["example.com", "a.example.com", "a.b.c.example.com"],
        &["evil-example.com", ".example.com", "a..example.com", "a.example.com.", "example.com.evil.net", "com"]),
    (Dns, "a.**.b.c", &["a.b.c", "a.x.b.c", "a.b.c.b.c"], &["a..b.c", "a.b", "a.xb.c", "b.c"]),
    (Dns, "a.**", &["a", "a.b"], &["a.", "ab", "a.b."]),
    (Dns, "**", &["a", "a.b"], &["", ".", "a.", ".a"]),
    // URIs: with regard to case, nothing decoded, scheme and authority are parts as well.
    (Uri, "spiffe://corp/db", &["spiffe://corp/db"],
        &["spiffe://corp/db/", "spiffe://corp//db", "spiffe://corp/DB", "SPIFFE://corp/db", "spiffe://corp/d%62",
          "spiffe://corp/db\0", "spiffe://corp/db?x", "spiffe://corp/x/../db", "spiffe:/corp/db", "corp/db"]),
    (Uri, "spiffe://corp/*/db", &["spiffe://corp/a/db", "spiffe://corp/a%2Fb/db", "spiffe://corp/*/db"],
        &["spiffe://corp/db", "spiffe://corp//db", "spiffe://corp/a/b/db", "spiffe://corp/../db", "spiffe://corp/./db",
          "spiffe://corp/a/db/x", "spiffe://corp.evil/a/db", "spiffe://evil/corp/a/db", "x://spiffe://corp/a/db",
          "spiffe://corp/a%2Fdb", "spiffe://corp/\0/db"]),
    (Uri, "spiffe://*/db", &["spiffe://corp/db", "spiffe://corp:1/db"], &["spiffe:///db", "spiffe://a/b/db", "http://corp/db"]),
    (Uri, "spiffe://corp/db-*", &["spiffe://corp/db-1", "spiffe://corp/db-"], &["spiffe://corp/db-/x", "spiffe://corp/db"]),
    (Uri, "spiffe://corp/**", &["spiffe://corp", "spiffe://corp/a", "spiffe://corp/a/b/c"],
        &["spiffe://corp/", "spiffe://corpevil", "spiffe://corp.evil/a", "spiffe://corp/a/", "spiffe://corp//a",
          "spiffe://corp/../x", "spiffe://corp/a/..", "spiffe://evil/corp/a", "spiffe:/corp/a"]),
    (Uri, "spiffe://corp/**/db", &["spiffe://corp/db", "spiffe://corp/a/b/db", "spiffe://corp/db/db"],
        &["spiffe://corp/a/b", "spiffe://corp/xdb", "spiffe://corp/a/../db", "spiffe://corp/a//db"]),
    (Uri, "spiffe://corp/**/a/**/b", &["spiffe://corp/a/b", "spiffe://corp/x/a/a/y/b"], &["spiffe://corp/b/a", "spiffe://corp/a"]),
    (Uri, "spiffe://corp/**//a/**", &["spiffe://corp/x//a/y", "spiffe://corp//a"], &["spiffe://corp/x/a", "spiffe://corp//a//a"]),
    (Uri, "spiffe://**", &["spiffe://corp/a"], &["http://corp/a", "spiffe://", "spiffe:///a"]),
    (Uri, "urn:example:*", &["urn:example:db"], &["urn:example:db/x", "urn:other:db"]),
];

#[test]
fn a_pattern_fits_what_it_is_meant_for_and_nothing_else() {
    for (syntax, pattern, good, bad) in CASES {
        for name in *good {
            assert!(fits(*syntax, pattern, name), "{pattern} {name:?}");
        }
        for name in *bad {
            assert!(!fits(*syntax, pattern, name), "{pattern} {name:?}");
        }
    }
}

#[test]
fn a_pattern_that_cannot_be_meant_is_a_problem() {
    let long = "a".repeat(BYTES_MAX + 1);
    let long_uri = format!("spiffe://{long}");
    let wrong: [(Syntax, &[&str]); 3] = [
        (
            Text,
            &[
                "", "**", "a**", "a**b", "***", "a\0b", "a\n", "\u{7f}", "\u{fffd}", &long,
            ],
        ),
        (
            Dns,
            &[
                "",
                ".",
                "a.",
                ".a",
                "a..b",
                "a**.b",
                "***",
                "**a",
                "bücher.de",
                "a b",
                "a:443",
                "https://a",
                "DNS:a",
                "a\0",
                "a/b",
                &long,
            ],
        ),
        (
            Uri,
            &[
                "",
                "**",
                "*",
                "corp/db",
                "//corp/db",
                "/corp/**",
                "*://corp",
                "**://corp",
                "spiffe:",
                ":x",
                "1a:b",
                "spi*fe://corp",
                "spiffe://corp/a**",
                "spiffe://corp/**a/b",
                "spiffe:**",
                "spiffe://corp/***",
                "spiffe://corp/\0",
                "é://corp",
                &long_uri,
            ],
        ),
    ];
    for (syntax, patterns) in wrong {
        for pattern in patterns {
            assert!(
                Pattern::parse(syntax, pattern).is_err(),
                "{syntax:?} {pattern:?}"
            );
        }
    }
}

#[test]
fn a_name_beyond_the_bound_fits_nothing() {
    let fitting = "a".repeat(BYTES_MAX);
    assert!(
        fits(Text, "*", &fitting) && fits(Text, "a*", &fitting) && fits(Text, &fitting, &fitting)
    );
    let longer = fitting + "a";
    assert!(!fits(Text, "*", &longer) && !fits(Text, "a*", &longer));
}

/// How often `joins` compares two values.
fn comparisons<P: PartialEq>(groups: &[Vec<P>], values: &[P]) -> usize {
    let count = std::cell::Cell::new(0);
    let fits = |one: &P, value: &P| {
        count.set(count.get() + 1);
        one == value
    };
    assert!(!joins(groups, values, &fits, &|_| true));
    count.get()
}

#[test]
fn no_pattern_costs_more_steps_than_both_lengths_multiply_to() {
    for pattern in [
        "*a*a*a*a*b",
        "a*a*a*a*a*a*a*a*a*a*b",
        "*aaaaaaaaaaaaaaab*",
        "*ab*ab*ab*",
    ] {
        let groups: Vec<Vec<u8>> = pattern
            .split('*')
            .map(|piece| piece.bytes().collect())
            .collect();
        let name = vec![b'a'; BYTES_MAX];
        assert!(
            comparisons(&groups, &name) <= pattern.len() * name.len(),
            "{pattern}"
        );
        assert!(!fits(Text, pattern, &"a".repeat(BYTES_MAX)));
    }
    // The longest of all, on both levels.
    let pattern = format!("spiffe://c{}/b", "/**/a".repeat(400));
    assert!(!fits(
        Uri,
        &pattern,
        &format!("spiffe://c{}", "/a".repeat(1000))
    ));
    let pattern = format!("spiffe://c/{}b", "*a".repeat(1000));
    assert!(!fits(
        Uri,
        &pattern,
        &format!("spiffe://c/{}", "a".repeat(2000))
    ));
}

/// Says the same in the plainest way, by trying everything.
fn tries(pattern: &[&str], parts: &[&str]) -> bool {
    match (pattern.split_first(), parts.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), first) => {
            let skips =
                first.is_some_and(|(part, behind)| is_earnest(part) && tries(pattern, behind));
            skips || tries(rest, parts)
        }
        (Some((one, rest)), Some((part, behind))) => {
            let is_plain = !one.contains('*') && one == part;
            let is_wild = one.contains('*')
                && is_earnest(part)
                && tries_bytes(one.as_bytes(), part.as_bytes());
            (is_plain || is_wild) && tries(rest, behind)
        }
        _ => false,
    }
}

fn tries_bytes(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), first) => {
            first.is_some_and(|(_, behind)| tries_bytes(pattern, behind)) || tries_bytes(rest, text)
        }
        (Some((one, rest)), Some((byte, behind))) => one == byte && tries_bytes(rest, behind),
        _ => false,
    }
}

fn segments(text: &str) -> Vec<&str> {
    text.split('/').collect()
}

/// A row of numbers that looks random and is always the same.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn text(&mut self, letters: &[&str], most: usize) -> String {
        (0..self.below(most + 1))
            .map(|_| letters[self.below(letters.len())])
            .collect()
    }
}

#[test]
fn whatever_is_written_it_says_what_trying_everything_says() {
    let mut noise = Noise(7);
    let (mut fitting, mut others) = (0, 0);
    for _ in 0..60_000 {
        let pattern =
            "s:".to_owned() + &noise.text(&["/", "/", "a", "b", "*", ".", "/**/", "/*"], 7);
        let name = "s:".to_owned() + &noise.text(&["/", "/", "a", "b", "."], 9);
        let Ok(parsed) = Pattern::parse(Uri, &pattern) else {
            continue;
        };
        let expected = tries(&segments(&pattern), &segments(&name));
        assert_eq!(parsed.fits(&name), expected, "{pattern} {name}");
        match expected {
            true => fitting += 1,
            false => others += 1,
        }
    }
    assert!(fitting > 500 && others > 500, "{fitting} {others}");
}

#[test]
fn no_pattern_and_no_name_panics() {
    const LETTERS: &[&str] = &[
        "*",
        "**",
        ".",
        "/",
        "//",
        ":",
        "a",
        "A",
        "-",
        "\0",
        "\n",
        "é",
        "\u{fffd}",
        "日本",
        "%2f",
        "..",
        "spiffe://",
        "\u{10ffff}",
        " ",
        "xn--",
    ];
    let mut noise = Noise(1);
    for _ in 0..60_000 {
        let (pattern, name) = (noise.text(LETTERS, 8), noise.text(LETTERS, 12));
        for syntax in [Text, Dns, Uri] {
            if let Ok(pattern) = Pattern::parse(syntax, &pattern) {
                pattern.fits(&name);
            }
        }
    }
}
