//! Which form of configuration a file has: found by its extension, then by what is in it.

use std::path::Path;

use super::problem::Problem;
use super::tree::Value;

/// A way to write a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Our own, in JSON.
    Native,
    /// The later ones of the Go program `mtls-persona`: two YAML files, or one in JSON.
    Persona,
    /// The YAML of `mtlsd`.
    Mtlsd,
}

impl Form {
    /// Every form with the word for it.
    pub const ALL: [(&'static str, Form); 3] = [
        ("native", Form::Native),
        ("persona", Form::Persona),
        ("mtlsd", Form::Mtlsd),
    ];
}

/// The language that a form is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Json,
    Yaml,
}

impl Syntax {
    /// What the name of a file says of its language.
    fn of_name(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        match extension.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// The language of a text in a file of that name, in a form that may be known already.
    pub(super) fn of(form: Option<Form>, path: &Path, text: &str) -> Self {
        match form {
            Some(Form::Native) => Self::Json,
            // JSON is a part of YAML.
            Some(Form::Mtlsd) => Self::Yaml,
            Some(Form::Persona) | None => {
                Self::of_name(path).unwrap_or_else(|| Self::of_text(text))
            }
        }
    }

    /// An object in JSON begins with its brace, one in YAML hardly ever does.
    fn of_text(text: &str) -> Self {
        match text.trim_start().chars().next() {
            None | Some('{' | '[') => Self::Json,
            Some(_) => Self::Yaml,
        }
    }
}

/// Keys that stand at the top level of one form and of no other in the same language.
const MTLSD: &[&str] = &[
    "mode", "listen", "target", "tls", "acl", "proxy", "health", "metrics", "logging",
];
const PERSONA_YAML: &[&str] = &["inbound", "outbound", "auto_reload", "verbose"];
const PERSONA_ID: &[&str] = &[
    "id_directory",
    "device_name",
    "trust_store",
    "turst_store",
    "identity_broker",
];
const PERSONA_JSON: &[&str] = &[
    "mtls_id_directory",
    "mtls_id",
    "identity_broker_ca",
    "auto_reload",
];
const NATIVE_IDENTITY: &[&str] = &["cert", "client_cert", "key", "client_key", "ca", "ca_cert"];

/// The form of what was read.
///
/// # Errors
/// There is nothing to tell it by, or it is half of one.
pub(super) fn of_tree(tree: &Value, syntax: Syntax) -> Result<Form, Problem> {
    let count = |keys: &[&str]| match tree {
        Value::Object(entries) => {
            let known = entries.iter().filter(|(key, _)| keys.contains(&&**key));
            known.count()
        }
        _ => 0,
    };
    if syntax == Syntax::Json {
        return Ok(match count(PERSONA_JSON) > count(NATIVE_IDENTITY) {
            true => Form::Persona,
            false => Form::Native,
        });
    }
    let [mtlsd, persona, id] = [MTLSD, PERSONA_YAML, PERSONA_ID].map(count);
    let what = if mtlsd > persona.max(id) {
        return Ok(Form::Mtlsd);
    } else if persona > mtlsd.max(id) {
        return Ok(Form::Persona);
    } else if id > mtlsd.max(persona) {
        "holds the identity alone: name the file beside it that has inbound and outbound"
    } else if count(&["address_pairs"]) > 0 {
        "holds the native form, which is JSON: write it as such, in a file that ends in .json"
    } else {
        "is of no form that its keys tell: name it with --format persona or --format mtlsd"
    };
    Err(Problem::whole(what))
}

#[cfg(test)]
mod tests;
