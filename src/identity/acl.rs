//! Access lists: which peers are admitted among those whose certificate was verified.

use std::fmt;
use std::sync::Arc;

use super::pattern::{Pattern, Syntax};
use super::peer::{PeerCert, San};
use super::pin::{self, Digest};

/// The most names of a kind that are looked at in one certificate. No peer makes its own judgement
/// cost without bound; those behind are as if they were not there.
const NAMES_MAX: usize = 1000;

/// What of a certificate a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// The subject's common name.
    Cn,
    /// The subject's organisational units.
    Ou,
    /// The subject's organisations.
    Org,
    /// The DNS names among the subject alternative names.
    Dns,
    /// The URIs among them.
    Uri,
    /// The public key.
    Spki,
}

impl RuleKind {
    /// The word for configuration and log; stable.
    pub fn label(self) -> &'static str {
        match self {
            RuleKind::Cn => "cn",
            RuleKind::Ou => "ou",
            RuleKind::Org => "org",
            RuleKind::Dns => "dns",
            RuleKind::Uri => "uri",
            RuleKind::Spki => "spki",
        }
    }
}

/// One rule: it names the holders of certificates in which something fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    kind: RuleKind,
    test: Test,
    /// Shared with every connection that it admits.
    text: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Name(Pattern),
    Key(Digest),
}

impl Rule {
    /// Reads a rule, or says what is wrong with it and what to do.
    pub fn parse(kind: RuleKind, text: &str) -> Result<Rule, &'static str> {
        let syntax = match kind {
            RuleKind::Cn | RuleKind::Ou | RuleKind::Org => Syntax::Text,
            RuleKind::Dns => Syntax::Dns,
            RuleKind::Uri => Syntax::Uri,
            RuleKind::Spki => {
                let digest = pin::parse(text)?;
                return Ok(Rule::new(kind, Test::Key(digest), &pin::to_hex(&digest)));
            }
        };
        let pattern = Pattern::parse(syntax, text)?;
        Ok(Rule::new(kind, Test::Name(pattern), text))
    }

    fn new(kind: RuleKind, test: Test, text: &str) -> Rule {
        let text = format!("{}:{text}", kind.label()).into();
        Rule { kind, test, text }
    }

    /// The rule as text, such as `uri:spiffe://example.com/*/db`.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What of a certificate it looks at.
    pub fn kind(&self) -> RuleKind {
        self.kind
    }

    /// What must be there: the text of which [`Rule::parse`] makes the same rule.
    pub fn pattern(&self) -> &str {
        let (_, pattern) = self.text.split_once(':').unwrap_or_default();
        pattern
    }

    fn names(&self, peer: &PeerCert) -> bool {
        let pattern = match &self.test {
            Test::Key(digest) => return peer.spki.as_ref() == Some(digest),
            Test::Name(pattern) => pattern,
        };
        let fits = |name: &String| pattern.fits(name);
        let sans = || peer.sans.iter().take(NAMES_MAX);
        match self.kind {
            RuleKind::Cn => peer.cn.iter().any(fits),
            RuleKind::Ou => peer.ou.iter().take(NAMES_MAX).any(fits),
            RuleKind::Org => peer.org.iter().take(NAMES_MAX).any(fits),
            RuleKind::Dns => sans().any(|san| matches!(san, San::Dns(name) if fits(name))),
            RuleKind::Uri => sans().any(|san| matches!(san, San::Uri(uri) if fits(uri))),
            RuleKind::Spki => false,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An access list; without a rule it admits every verified peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    rules: Vec<Rule>,
}

/// What an access list says of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// By the first rule that names it; by none if the list is empty.
    Admitted(Option<&'a Rule>),
    /// The list is not empty, and no rule names it.
    Denied,
}

impl Acl {
    /// A list of these rules; any of them admits.
    pub fn new(rules: Vec<Rule>) -> Acl {
        Acl { rules }
    }

    /// The rules, in the order in which they are looked at.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether every verified peer is admitted.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Judges the peer with that certificate, which was verified.
    pub fn check(&self, peer: &PeerCert) -> Verdict<'_> {
        if self.is_empty() {
            return Verdict::Admitted(None);
        }
        match self.rules.iter().find(|rule| rule.names(peer)) {
            Some(rule) => Verdict::Admitted(Some(rule)),
            None => Verdict::Denied,
        }
    }
}

#[cfg(test)]
mod tests;
