//! A certificate in the requests of a connection: real connections, and another's server behind.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "http_header/content.rs"]
mod content;
#[path = "http_header/refusals.rs"]
mod refusals;
#[path = "http_header/upgrade.rs"]
mod upgrade;
#[path = "http_header/whose.rs"]
mod whose;

use std::fs;
use std::io::Read;
use std::net::SocketAddr;

use mtls_persona::tls::{Role, sha256_hex};
use serde_json::Value;
use support::certs::{IdentityFiles, TestPki};
use support::pairs;
use support::program::Program;
use support::tls::{TlsPeer, credentials};

/// A request without content, but for the empty line at its end.
const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n";

/// What a client may want a service to believe.
const FORGED: &str = "Client-Cert: :f:\r\nx_client_cert: f\r\nX-Client-Cert-Hash: f\r\n";

/// The first certificate in a file.
fn pem(files: &IdentityFiles) -> String {
    const END: &str = "-----END CERTIFICATE-----\n";
    let text = fs::read_to_string(&files.cert).unwrap();
    let (first, _) = text.split_once(END).unwrap();
    format!("{first}{END}")
}

/// The headers that tell of the certificate in these files.
fn told(files: &IdentityFiles) -> String {
    let pem = pem(files);
    let base64: Vec<_> = pem.lines().filter(|line| !line.contains('-')).collect();
    let escapes = [
        (" ", "%20"),
        ("\n", "%0A"),
        ("+", "%2B"),
        ("/", "%2F"),
        ("=", "%3D"),
    ];
    let escaped = escapes
        .iter()
        .fold(pem.clone(), |text, (from, to)| text.replace(from, to));
    format!(
        "Client-Cert: :{}:\r\nX-Client-Cert: {escaped}\r\nX-Client-Cert-Hash: {}\r\n",
        base64.concat(),
        sha256_hex(pem.as_bytes())
    )
}

/// The first pair of a configuration with the option.
fn with_header(config: Value) -> Value {
    pairs::with(config, "/address_pairs/0/client_cert_header", true)
}

/// A gateway before a service, and a client of it.
struct Stage {
    pki: TestPki,
    alice: IdentityFiles,
    program: Program,
}

impl Stage {
    fn new(service: SocketAddr) -> Stage {
        Stage::with(service, |config| config)
    }

    fn with(service: SocketAddr, change: impl FnOnce(Value) -> Value) -> Stage {
        let pki = TestPki::new();
        let alice = pki.client("alice");
        let config = change(with_header(pairs::server(&pki, service)));
        Stage {
            program: Program::run(&config),
            alice,
            pki,
        }
    }

    fn connect(&self) -> TlsPeer {
        let alice = credentials(&self.alice, &self.pki.ca, Role::Client);
        TlsPeer::connect(self.program.addr("gateway"), &alice).unwrap()
    }

    /// What the service gets at the end of each head.
    fn told(&self) -> String {
        told(&self.alice)
    }

    /// Why the connection of that number (from 0) has ended.
    fn reason(&self, index: usize) -> String {
        self.program.access("gateway", index).reason().to_owned()
    }
}

/// The next bytes of a stream, as many as these, are these.
fn assert_next(stream: &mut impl Read, expected: impl AsRef<[u8]>) {
    let expected = expected.as_ref();
    let mut came = vec![0; expected.len()];
    stream.read_exact(&mut came).unwrap();
    if came != expected {
        let [came, expected] = [&came[..], expected].map(String::from_utf8_lossy);
        panic!("{came}\ninstead of\n{expected}");
    }
}
