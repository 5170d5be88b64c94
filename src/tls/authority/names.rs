//! Which names may stand in a certificate: plain text rules, nothing of the library.
//!
//! A certificate's names travel far: into access rules, logs and other programs' configuration
//! syntax, where a comma, a newline or a NUL would become a second name. So they are refused here
//! rather than trusted to be quoted everywhere else.

use std::net::IpAddr;

use super::error::AuthorityError;

/// RFC 5280 appendix A: the upper bound of common name, organization and unit, in characters.
const SUBJECT_CHARS_MAX: usize = 64;
/// RFC 1035 section 2.3.4, without the final dot.
const DNS_BYTES_MAX: usize = 253;
/// RFC 1035 section 2.3.4.
const LABEL_BYTES_MAX: usize = 63;
/// The SPIFFE specification's bound for an identity, used for every URI.
const URI_BYTES_MAX: usize = 2048;

/// Whether `name` can be a DNS name of a certificate: ASCII letters, digits, `-` and `_` in labels
/// of 1 to 63, at most 253 in all, `*` only as the whole first label, no final dot, and not an IP
/// address.
pub fn is_dns_name(name: &str) -> bool {
    dns_fault(name).is_none()
}

/// Whether `text` fits one attribute of a subject.
pub(super) fn is_subject_text(text: &str) -> bool {
    subject_fault(text).is_none()
}

pub(super) fn check_dns(name: &str) -> Result<(), AuthorityError> {
    refuse("DNS name", name, dns_fault(name))
}

pub(super) fn check_uri(uri: &str) -> Result<(), AuthorityError> {
    refuse("URI", uri, uri_fault(uri))
}

/// Checks one attribute of a subject; `kind` names it in the error.
pub(super) fn check_subject(kind: &'static str, text: &str) -> Result<(), AuthorityError> {
    refuse(kind, text, subject_fault(text))
}

fn refuse(
    kind: &'static str,
    value: &str,
    fault: Option<&'static str>,
) -> Result<(), AuthorityError> {
    match fault {
        None => Ok(()),
        Some(why) => Err(AuthorityError::Name {
            kind,
            value: value.to_owned(),
            why,
        }),
    }
}

fn dns_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.parse::<IpAddr>().is_ok() {
        return Some("it is an IP address: give it as one");
    }
    if name.len() > DNS_BYTES_MAX {
        return Some("it is longer than 253 characters");
    }
    if !name.is_ascii() {
        return Some("it is not ASCII: give its xn-- form");
    }
    let hosts = name.strip_prefix("*.").unwrap_or(name);
    hosts.split('.').find_map(label_fault)
}

fn label_fault(label: &str) -> Option<&'static str> {
    if label.is_empty() {
        return Some("a label is empty: no dot at either end, and no two in a row");
    }
    if label.len() > LABEL_BYTES_MAX {
        return Some("a label is longer than 63 characters");
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Some("a label begins or ends with a hyphen");
    }
    if label.contains('*') {
        return Some("an asterisk may only be the whole first label");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !label.bytes().all(allowed) {
        return Some("only letters, digits, hyphens, underscores and dots may be in it");
    }
    None
}

/// RFC 3986: a scheme, a colon, and printable ASCII without the characters that a URI must encode.
/// A comma is legal there and refused here: tools that list names separate them with one.
fn uri_fault(uri: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return Some("it has no scheme: write for example spiffe://example.org/name");
    };
    let scheme_ok = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !scheme_ok || rest.is_empty() {
        return Some("it is not a URI: write for example spiffe://example.org/name");
    }
    if uri.len() > URI_BYTES_MAX {
        return Some("it is longer than 2048 characters");
    }
    if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("only printable ASCII without spaces may be in it: percent-encode the rest");
    }
    if uri.contains([',', '"', '<', '>', '\\', '^', '`', '{', '|', '}']) {
        return Some("percent-encode commas, quotes, backslashes, braces and the like");
    }
    None
}

fn subject_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty: leave it out instead");
    }
    if text.chars().any(is_invisible) {
        return Some("it holds a control character");
    }
    if text.chars().count() > SUBJECT_CHARS_MAX {
        return Some("it is longer than 64 characters");
    }
    None
}

/// Control characters, and those that break lines or turn the direction of text without being seen.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{2069}' | '\u{feff}')
}
