//! Revocation lists in the real program, against peers and lists of other programs.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "revocation/clients.rs"]
mod clients;
#[path = "revocation/gateways.rs"]
mod gateways;
#[path = "revocation/reload.rs"]
mod reload;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::certs::{IdentityFiles, TestPki};
use support::pairs::with;

/// A configuration with these lists.
fn looking(config: Value, crl: &[&PathBuf]) -> Value {
    with(config, "/crl", json!(crl))
}

/// Lists that are not what they should be, and what they come to by each policy.
struct Case {
    crl: Vec<PathBuf>,
    keys: Value,
    /// Empty if the peer is let in.
    reason: &'static str,
}

fn case<const N: usize>(crl: [&PathBuf; N], keys: Value, reason: &'static str) -> Case {
    Case {
        crl: crl.map(PathBuf::clone).into(),
        keys,
        reason,
    }
}

/// Cases of a peer whose intermediate, and nobody else, is revoked by a list of the root that the `openssl`
/// command has made; and of one that nobody has revoked.
fn cases(pki: &TestPki) -> Vec<Case> {
    let intermediate = pki.write(&pki.intermediate().cert_pem().unwrap(), "").cert;
    let openssl =
        |revoked: &[&std::path::Path]| pki.write_crl(support::openssl::crl(pki, revoked, ""));
    let (root, against) = (openssl(&[]), openssl(&[&intermediate]));
    let own = pki.list(pki.intermediate(), &[], pki.validity());
    let der = pki.write_crl(support::openssl::crl_der(&own));
    let own = pki.write_crl(own);
    let overdue = pki.write_crl(pki.list(pki.intermediate(), &[], pki.overdue()));
    vec![
        case([&root, &own], json!({}), ""),
        case([&root, &der], json!({}), ""),
        case([&against, &own], json!({}), "cert_revoked"),
        case([&against, &own], json!({ "crl_scope": "leaf" }), ""),
        case([&root], json!({}), "crl_missing"),
        case([&own], json!({}), "crl_missing"),
        case([&own], json!({ "crl_scope": "leaf" }), ""),
        case([&root], json!({ "on_stale_crl": "warn" }), ""),
        case([&root, &overdue], json!({}), "crl_stale"),
        case([&root, &overdue], json!({ "on_stale_crl": "warn" }), ""),
        case([&root, &overdue], json!({ "on_stale_crl": "1h" }), ""),
        case(
            [&root, &overdue],
            json!({ "on_stale_crl": "10s" }),
            "crl_stale",
        ),
        case([&root], json!({ "on_stale_crl": "1h" }), "crl_missing"),
    ]
}

/// A configuration with a pair for each case, which are named by their numbers.
fn with_cases(mut config: Value, cases: &[Case]) -> Value {
    let pair = config["address_pairs"][0].take();
    let pairs = cases.iter().enumerate().map(|(number, case)| {
        let mut pair = pair.clone();
        pair["name"] = json!(number.to_string());
        pair["crl"] = json!(case.crl);
        for (key, value) in case.keys.as_object().unwrap() {
            pair[key] = value.clone();
        }
        pair
    });
    config["address_pairs"] = pairs.collect();
    config
}

/// The files of the configuration's own identity.
fn own_files(config: &Value) -> IdentityFiles {
    let path = |key: &str| config[key].as_str().unwrap().into();
    IdentityFiles {
        cert: path("cert"),
        key: path("key"),
    }
}
