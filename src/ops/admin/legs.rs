//! A leg of a connection as pages show it.

use serde::Serialize;

use super::pages::time;
use crate::conn::{Judgement, LegFacts};
use crate::identity::{PeerCert, San};

/// Names that are shown of a certificate: a stranger's may have any number of them.
const SANS_MAX: usize = 50;

/// A leg.
#[derive(Serialize)]
pub(super) struct Leg<'a> {
    endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<Peer<'a>>,
}

#[derive(Serialize)]
struct Tls<'a> {
    version: &'a str,
    suite: &'a str,
    group: &'a str,
    signature: &'a str,
    resumed: bool,
}

#[derive(Serialize)]
struct Peer<'a> {
    subject: &'a str,
    sans: Vec<String>,
    issuer: &'a str,
    serial: &'a str,
    not_after: String,
    /// The rule of the access list that admits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_by: Option<&'a str>,
    /// No rule does, and the list is only observed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    observed: bool,
}

/// What is known of a leg.
pub(super) fn leg(facts: &LegFacts) -> Leg<'_> {
    Leg {
        endpoint: facts.endpoint.as_ref().map(ToString::to_string),
        tls: facts.negotiated.as_deref().map(|negotiated| Tls {
            version: &negotiated.version,
            suite: &negotiated.suite,
            group: &negotiated.group,
            signature: &negotiated.signature,
            resumed: negotiated.is_resumed,
        }),
        peer: facts.peer.as_deref().map(|peer| shown(peer, facts)),
    }
}

fn shown<'a>(peer: &'a PeerCert, facts: &'a LegFacts) -> Peer<'a> {
    let sans = peer.sans.iter().take(SANS_MAX);
    Peer {
        subject: &peer.subject,
        sans: sans.map(San::to_string).collect(),
        issuer: &peer.issuer,
        serial: &peer.serial,
        not_after: time(peer.not_after),
        allowed_by: match &facts.judgement {
            Some(Judgement::Admitted(Some(rule))) => Some(rule),
            _ => None,
        },
        observed: facts.judgement == Some(Judgement::Observed),
    }
}
