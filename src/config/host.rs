//! Names of hosts: what may be one, and the name that a server must prove.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The name that the certificate of an outbound leg's server must carry, in its SAN (RFC 9525).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ServerName {
    /// A DNS name in lower case, without the dot at its end.
    Dns(String),
    /// An IP address, which must be among the certificate's IP addresses.
    Ip(IpAddr),
}

impl FromStr for ServerName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, HostNameError> {
        if let Ok(ip) = text.parse() {
            return Ok(Self::Ip(ip));
        }
        check_host_name(text)?;
        let name = text.strip_suffix('.').unwrap_or(text);
        Ok(Self::Dns(name.to_ascii_lowercase()))
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(ip) => write!(f, "{ip}"),
        }
    }
}

/// Why a text is no name of a host; its text is the end of a sentence that begins with the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostNameError {
    /// Nothing at all.
    Empty,
    /// More than 253 characters.
    TooLong,
    /// A part between dots is empty, or has more than 63 characters.
    LabelLength,
    /// A part between dots begins or ends with a hyphen.
    Hyphen,
    /// A character that host names do not have.
    Character(char),
    /// It ends in a number, so it is an IP address gone wrong.
    Number,
}

impl fmt::Display for HostNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("has no name of a host: write one"),
            Self::TooLong => f.write_str("is too long for a host's name: keep to 253 characters"),
            Self::LabelLength => {
                f.write_str("is no host's name: between two dots there are 1 to 63 characters")
            }
            Self::Hyphen => {
                f.write_str("is no host's name: no part of one begins or ends with a hyphen")
            }
            Self::Character(c) if !c.is_ascii() => write!(
                f,
                "is no host's name because of {c:?}: write the form in ASCII (it begins with xn--)"
            ),
            Self::Character(c) => write!(
                f,
                "is no host's name because of {c:?}: use letters, digits, hyphens and dots"
            ),
            Self::Number => f.write_str(
                "is no IP address, and no host's name ends in a number: correct the address",
            ),
        }
    }
}

impl std::error::Error for HostNameError {}

/// Holds `name` against RFC 1123 section 2.1, tolerating the underscore that container networks
/// like and the dot at the end that marks a complete name.
pub(super) fn check_host_name(name: &str) -> Result<(), HostNameError> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() {
        return Err(HostNameError::Empty);
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(stranger) = name.chars().find(|&c| !is_allowed(c)) {
        return Err(HostNameError::Character(stranger));
    }
    if name.len() > 253 {
        return Err(HostNameError::TooLong);
    }
    for label in name.split('.') {
        if label.is_empty() || label.len() > 63 {
            return Err(HostNameError::LabelLength);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(HostNameError::Hyphen);
        }
    }
    // Resolvers take such names for addresses in an odd notation (127.1, 0x7f.1) and never ask DNS,
    // so what they reach is not what stands there.
    if name.rsplit('.').next().is_some_and(is_number) {
        return Err(HostNameError::Number);
    }
    Ok(())
}

fn is_number(label: &str) -> bool {
    let hexadecimal = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.chars().all(|c| c.is_ascii_hexdigit()),
        None => label.chars().all(|c| c.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ordinary_names_are_names() {
        let longest = format!("{}.{}.com", vec!["a".repeat(61); 4].join("."), "b");
        assert_eq!(longest.len(), 253);
        for name in [
            "db",
            "remote.domain.com",
            "a.b.",
            "my_db",
            "3com.com",
            "xn--bcher-kva.ch",
        ] {
            assert_eq!(check_host_name(name), Ok(()), "{name}");
        }
        assert_eq!(check_host_name(&longest), Ok(()));
    }

    #[test]
    fn each_fault_of_a_name_is_told_as_what_it_is() {
        use HostNameError::*;
        let long_label = "a".repeat(64);
        let long_name = vec!["abc"; 64].join(".");
        let cases = [
            ("", Empty),
            (".", Empty),
            ("a..b", LabelLength),
            (&long_label, LabelLength),
            (&long_name, TooLong),
            ("-a.com", Hyphen),
            ("a-.com", Hyphen),
            ("a b", Character(' ')),
            ("*.domain.com", Character('*')),
            ("bücher.ch", Character('ü')),
            ("300.1.2.3", Number),
            ("127.1", Number),
            ("0x7f.0x1", Number),
            ("12345", Number),
        ];
        for (name, fault) in cases {
            assert_eq!(check_host_name(name), Err(fault), "{name}");
        }
    }

    #[test]
    fn the_name_to_prove_is_in_lower_case_and_without_the_last_dot() {
        let name: ServerName = "Remote.Domain.COM.".parse().unwrap();
        assert_eq!(name, ServerName::Dns("remote.domain.com".to_owned()));
        assert_eq!(name.to_string(), "remote.domain.com");
    }

    #[test]
    fn an_address_to_prove_is_an_address_and_no_name() {
        let v4 = ServerName::Ip("10.0.0.7".parse().unwrap());
        let v6 = ServerName::Ip("2001:db8::7".parse().unwrap());
        assert_eq!("10.0.0.7".parse(), Ok(v4));
        assert_eq!("2001:db8::7".parse(), Ok(v6));
    }
}
