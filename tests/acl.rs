//! Access lists: who is admitted, who is refused, and what either has cost or learnt by then.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "acl/clients.rs"]
mod clients;
#[path = "acl/gateways.rs"]
mod gateways;
#[path = "acl/observe.rs"]
mod observe;
#[path = "acl/resumed.rs"]
mod resumed;

use std::io::Write;

use mtls_persona::tls::authority::{LeafRequest, Purpose, Subject};
use serde_json::{Value, json};

use support::backend::ping;
use support::certs::{IdentityFiles, TestPki};
use support::peers::{Gathered, Peer};

/// The versions of TLS as options of the `openssl` command.
const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];

/// BoringSSL can send an alert once the handshake is done, OpenSSL cannot.
const SENDS_ALERT: bool = cfg!(feature = "boringssl");

/// How the `openssl` command's log tells of access_denied.
const ACCESS_DENIED: &str = "SSL alert number 49";

/// A certificate with something for each kind of rule.
fn ample(pki: &TestPki, role: Purpose) -> LeafRequest {
    let mut request = pki.request(role);
    request.subject = Subject {
        cn: Some("alice".to_owned()),
        ou: vec!["ops".to_owned(), "db".to_owned()],
        org: vec!["Example".to_owned()],
    };
    request.dns.push("Db-1.example.org".to_owned());
    request.uris = vec!["spiffe://corp/eu/db".to_owned()];
    request
}

/// A pair `name` with its access list, and what else it says.
fn pair(name: &str, allow: Value, rest: Value) -> Value {
    let mut pair = json!({ "name": name, "inbound": "127.0.0.1:0", "allow": allow });
    let rest = rest.as_object().unwrap().clone();
    pair.as_object_mut().unwrap().extend(rest);
    pair
}

/// A configuration of these pairs, with one identity.
fn config(pki: &TestPki, own: &IdentityFiles, pairs: Vec<Value>) -> Value {
    json!({ "ca": pki.ca, "cert": own.cert, "key": own.key, "address_pairs": pairs })
}

/// The same through a client of the `openssl` command, which then ends.
fn ping_by(mut client: Peer) {
    let (mut stdin, stdout) = client.pipes();
    let received = Gathered::of(stdout);
    stdin.write_all(b"ping").unwrap();
    assert_eq!(received.until_len(4), b"ping");
    drop(stdin);
    assert!(client.exit().success(), "{}", client.log());
}
