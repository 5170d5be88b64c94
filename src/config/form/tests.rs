#![allow(clippy::unwrap_used)]

use super::*;
use crate::config::{json, yaml};

fn syntax(name: &str, text: &str) -> Syntax {
    Syntax::of(None, Path::new(name), text)
}

fn of_yaml(text: &str) -> Result<Form, Problem> {
    of_tree(&yaml::parse(text).unwrap(), Syntax::Yaml)
}

fn of_json(text: &str) -> Result<Form, Problem> {
    of_tree(&json::parse(text).unwrap(), Syntax::Json)
}

#[test]
fn the_extension_tells_the_language_before_the_text_does() {
    assert_eq!(syntax("a.json", "mode: server"), Syntax::Json);
    assert_eq!(syntax("a.yaml", "{}"), Syntax::Yaml);
    assert_eq!(syntax("A.YML", "{}"), Syntax::Yaml);
    for name in ["a", "a.conf", "a.yaml.bak"] {
        assert_eq!(syntax(name, " \n{}"), Syntax::Json);
        assert_eq!(syntax(name, "# words\nmode: server"), Syntax::Yaml);
        assert_eq!(syntax(name, ""), Syntax::Json);
    }
}

#[test]
fn a_form_that_is_named_tells_the_language_where_it_has_one() {
    let named = |form| Syntax::of(Some(form), Path::new("a.yaml"), "{}");
    assert_eq!(named(Form::Native), Syntax::Json);
    assert_eq!(named(Form::Mtlsd), Syntax::Yaml);
    assert_eq!(named(Form::Persona), Syntax::Yaml);
    let json = Syntax::of(Some(Form::Persona), Path::new("a"), "{}");
    assert_eq!(json, Syntax::Json);
}

#[test]
fn the_keys_tell_the_form() {
    assert_eq!(of_yaml("mode: client\nlisten: a\n"), Ok(Form::Mtlsd));
    assert_eq!(of_yaml("inbound: a\noutbound: b\n"), Ok(Form::Persona));
    // Whichever has more of them, so that one slip does not turn it round.
    assert_eq!(of_yaml("inbound: a\nlisten: a\ntls: {}\n"), Ok(Form::Mtlsd));
    assert_eq!(
        of_json(r#"{"mtls_id": "a", "cert": 1, "auto_reload": 1}"#),
        Ok(Form::Persona)
    );
    assert_eq!(
        of_json(r#"{"cert": "a", "auto_reload": true}"#),
        Ok(Form::Native)
    );
    assert_eq!(of_json("{}"), Ok(Form::Native));
    assert_eq!(of_json("[]"), Ok(Form::Native));
}

#[test]
fn what_is_of_no_form_is_told_with_what_to_do() {
    let cases = [
        (
            "id_directory: a\ndevice_name: b\n",
            "holds the identity alone",
        ),
        (
            "address_pairs: []\ncert: a\n",
            "holds the native form, which is JSON",
        ),
        ("a: b\n", "is of no form that its keys tell"),
        (
            "inbound: a\nlisten: b\n",
            "is of no form that its keys tell",
        ),
        ("- a\n", "is of no form that its keys tell"),
    ];
    for (text, expected) in cases {
        let told = of_yaml(text).unwrap_err().to_string();
        assert!(told.starts_with(expected), "{text:?}: {told}");
    }
}
