#![allow(clippy::unwrap_used)]

use super::*;

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn object(entries: &[(&str, Value)]) -> Value {
    let entries = entries
        .iter()
        .map(|(key, v)| ((*key).to_owned(), v.clone()));
    Value::Object(entries.collect())
}

fn told(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn objects_lists_and_texts_are_read_in_every_style() {
    let block = "a:\n  b: one\n  c:\n    - two\n    - 'it''s'\nd: \"\\u00e9\" # comment\n";
    let flow = "{a: {b: one, c: [two, \"it's\"]}, \"d\": \"é\"}";
    let json = r#"{"a": {"b": "one", "c": ["two", "it's"]}, "d": "\u00e9"}"#;
    let list = Value::List(vec![text("two"), text("it's")]);
    let inner = object(&[("b", text("one")), ("c", list)]);
    let expected = object(&[("a", inner), ("d", text("é"))]);
    for written in [block, flow, json] {
        assert_eq!(parse(written).as_ref(), Ok(&expected), "{written}");
    }
    let folded = parse("a: >-\n  one\n  two\nb: |\n  1\n").unwrap();
    let expected = object(&[("a", text("one two")), ("b", text("1\n"))]);
    assert_eq!(folded, expected);
}

#[test]
fn a_plain_scalar_is_more_than_a_text_only_where_its_text_is_the_one_way_to_write_it() {
    let cases = [
        ("true", Value::Bool(true)),
        ("false", Value::Bool(false)),
        ("0", Value::Whole(0)),
        ("-17", Value::Whole(-17)),
        ("~", Value::Null),
        ("", Value::Null),
        ("null", Value::Null),
        ("\"\"", text("")),
    ];
    for (written, value) in cases {
        let read = parse(&format!("a: {written}\n"));
        assert_eq!(read, Ok(object(&[("a", value)])), "{written}");
    }
    let texts = [
        "True",
        "yes",
        "NO",
        "off",
        "0123",
        "0x1f",
        "+5",
        "1_000",
        "1e3",
        "1.0",
        "-0",
        ".inf",
        "10s",
        "2026-11-25",
        "1:30",
        "99999999999999999999999999999999999999999",
    ];
    for written in texts {
        let read = parse(&format!("a: {written}\n"));
        assert_eq!(read, Ok(object(&[("a", text(written))])), "{written}");
    }
    for quoted in ["'true'", "\"0\"", "'~'"] {
        let read = parse(&format!("a: {quoted}\n")).unwrap();
        assert_eq!(
            read,
            object(&[("a", text(quoted.trim_matches(['\'', '"'])))])
        );
    }
}

#[test]
fn a_key_that_is_given_twice_is_kept_twice() {
    let expected = object(&[("a", Value::Whole(1)), ("a", Value::Whole(2))]);
    assert_eq!(parse("a: 1\na: 2\n"), Ok(expected.clone()));
    assert_eq!(parse("{a: 1, \"a\": 2}"), Ok(expected));
}

#[test]
fn a_mistake_is_told_with_line_and_column_in_bytes() {
    let cases = [
        ("a: [1\nb: 2\n", "line 2, column "),
        ("a: \"é\" \"x\"\n", "line 1, column 9: not valid YAML: "),
        ("a:\n\t- b\n", "line 2, column "),
        ("a: 'b\n", "line "),
        ("a: %b\n", "line 1, column 4: not valid YAML: "),
    ];
    for (written, place) in cases {
        let told = told(written);
        assert!(told.starts_with(place), "{written:?}: {told}");
        assert!(told.contains("not valid YAML: "), "{written:?}: {told}");
    }
}

#[test]
fn one_document_is_enough() {
    assert_eq!(parse("---\na: 1\n...\n"), parse("a: 1\n"));
    let second = "line 2, column 1: a second document begins here: keep one";
    assert_eq!(told("a: 1\n---\nb: 2\n"), second);
    for nothing in ["", "\n", "# a comment\n", "---\n...\n# end\n"] {
        let read = parse(nothing);
        assert!(
            matches!(read, Err(_) | Ok(Value::Null)),
            "{nothing:?}: {read:?}"
        );
    }
    assert!(told("# a comment\n").starts_with("holds nothing"));
}

#[test]
fn what_no_configuration_needs_is_refused_by_its_name() {
    let cases = [
        ("a: !!binary aGk=\n", "line 1, column 4: a tag is not"),
        ("a: !secret b\n", "line 1, column 4: a tag is not"),
        ("!!map {a: b}\n", "line 1, column 1: a tag is not"),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            "line 3, column 3: merging by << is",
        ),
        ("? [a, b]\n: c\n", "line 1, column 3: a key must be"),
        ("a: &x b\n*x : c\n", "line 2, column 1: a key must be"),
    ];
    for (written, expected) in cases {
        let told = told(written);
        assert!(told.starts_with(expected), "{written:?}: {told}");
    }
}

#[test]
fn an_alias_is_what_its_anchor_stands_for() {
    let list = Value::List(vec![text("one"), Value::Whole(2)]);
    let expected = object(&[("a", list.clone()), ("b", list)]);
    assert_eq!(parse("a: &x [one, 2]\nb: *x\n"), Ok(expected));
    assert!(told("a: &x [*x]\n").contains("refers to no value before it"));
    assert!(told("a: *x\n").contains("not valid YAML"));
}

#[test]
fn copies_by_anchors_have_a_bound() {
    // A billion laughs: each line holds ten of the one before.
    let mut laughs = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n".to_owned();
    for line in 1..9 {
        let of = vec![format!("*a{}", line - 1); 10].join(", ");
        laughs += &format!("a{line}: &a{line} [{of}]\n");
    }
    assert!(told(&laughs).contains("anchors copy too much"));
    let long = format!(
        "a: &x {}\nb: [{}]\n",
        "x".repeat(1000),
        vec!["*x"; 200].join(", ")
    );
    assert!(told(&long).contains("anchors copy too much"));
    // Without an alias as well: each level would keep all that is below it.
    let nested: String = (0..60).map(|depth| format!("&a{depth} [")).collect();
    let text = format!("{nested}{}{}", "x,".repeat(2000), "]".repeat(60));
    assert!(told(&text).contains("anchors copy too much"));
}

#[test]
fn nesting_without_end_is_refused() {
    for opening in ["[", "{a: ", "- ", "? "] {
        let told = told(&opening.repeat(100_000));
        assert!(
            told.contains("nests too deep")
                || told.contains("not valid YAML")
                || told.contains("a key must"),
            "{told}"
        );
    }
    let deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    assert!(parse(&deep).is_ok());
    assert!(told(&format!("[{deep}]")).contains("nests too deep"));
}
