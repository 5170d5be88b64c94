//! Kinds of keys, versions, suites and groups, in both roles.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use mtls_persona::tls::authority::KeyKind;
use serde_json::{Value, json};

use crate::noise;
use crate::support::access::Access;
use crate::support::backend;
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::openssl;
use crate::support::peers::{Gathered, Peer};
use crate::support::program::Program;
use crate::support::tls::speaks_chacha20;

/// How much goes each way.
const BYTES: usize = 300_000;

/// What the far end is told to negotiate, in its words and in those of the TLS registry. One suite
/// and one group each, so that nothing but these can have been negotiated.
#[derive(Clone, Copy)]
struct Kind {
    key: KeyKind,
    group: (&'static str, &'static str),
    suite12: (&'static str, &'static str),
    suite13: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind {
        key: KeyKind::EcP256,
        group: ("P-256", "P-256"),
        suite12: (
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        ),
        suite13: "TLS_AES_128_GCM_SHA256",
    },
    Kind {
        key: KeyKind::EcP384,
        group: ("P-384", "P-384"),
        suite12: (
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        ),
        suite13: "TLS_AES_256_GCM_SHA384",
    },
    Kind {
        key: KeyKind::Rsa(2048),
        group: ("X25519", "X25519"),
        suite12: (
            "ECDHE-RSA-CHACHA20-POLY1305",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        ),
        suite13: "TLS_CHACHA20_POLY1305_SHA256",
    },
    Kind {
        key: KeyKind::Rsa(3072),
        group: ("P-256", "P-256"),
        suite12: (
            "ECDHE-RSA-AES256-GCM-SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        ),
        suite13: "TLS_AES_256_GCM_SHA384",
    },
];

impl Kind {
    /// The same keys and group, with other suites where the library has no ChaCha20.
    fn spoken_here(self) -> Kind {
        if !self.suite13.contains("CHACHA20") || speaks_chacha20() {
            return self;
        }
        Kind {
            suite12: (
                "ECDHE-RSA-AES128-GCM-SHA256",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            ),
            suite13: "TLS_AES_128_GCM_SHA256",
            ..self
        }
    }

    /// The options that leave the far end no choice, and the suite that it must come to.
    fn options(&self, version: &str) -> ([&'static str; 5], &'static str) {
        let (cipher, suite) = self.suite12;
        match version {
            "TLSv1.2" => (
                ["-tls1_2", "-groups", self.group.0, "-cipher", cipher],
                suite,
            ),
            _ => {
                let options = [
                    "-tls1_3",
                    "-groups",
                    self.group.0,
                    "-ciphersuites",
                    self.suite13,
                ];
                (options, self.suite13)
            }
        }
    }
}

/// One authority with its identities of one kind of key.
struct Party {
    kind: Kind,
    pki: TestPki,
    client: IdentityFiles,
    server: IdentityFiles,
}

/// Long keys take a while: they are made at the same time.
fn parties() -> Vec<Party> {
    let party = |kind: Kind| {
        let pki = TestPki::with_keys(kind.key);
        Party {
            client: pki.client("alice"),
            server: pki.server("localhost"),
            kind,
            pki,
        }
    };
    let threads = KINDS.map(|kind| std::thread::spawn(move || party(kind.spoken_here())));
    threads.map(|thread| thread.join().unwrap()).into()
}

const VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

#[test]
fn every_kind_of_key_works_in_both_versions_and_both_roles() {
    let parties = parties();
    let cases: Vec<_> = parties
        .iter()
        .flat_map(|party| VERSIONS.map(|version| (party, version)))
        .collect();
    let servers: Vec<_> = cases
        .iter()
        .map(|(party, version)| server(party, version))
        .collect();
    let echo = backend::echo().to_string();
    let personas = cases
        .iter()
        .zip(&servers)
        .map(|((party, version), server)| {
            let name = format!("{:?} {version}", party.kind.key);
            let outbound = format!("localhost:{}", server.port);
            pair(party, &party.client, &name, json!({ "outbound": outbound }))
        });
    let gateways = parties.iter().map(|party| {
        let name = format!("{:?}", party.kind.key);
        pair(
            party,
            &party.server,
            &name,
            json!({ "mode": "server", "outbound": echo }),
        )
    });
    let pairs: Vec<Value> = personas.chain(gateways).collect();
    let program = Program::run(&json!({ "address_pairs": pairs }));

    for (party, version) in &cases {
        let name = format!("{:?} {version}", party.kind.key);
        there_and_back(program.connect(&name));
        let access = program.access(&name, 0);
        assert_negotiated(&access, "outbound", &party.kind, version);
        assert!(access.get("outbound_subject").starts_with("CN=localhost"));
    }
    for (index, (party, version)) in cases.iter().enumerate() {
        let name = format!("{:?}", party.kind.key);
        through_client(program.addr(&name).port(), party, version);
        let access = program.access(&name, index % VERSIONS.len());
        assert_negotiated(&access, "inbound", &party.kind, version);
        assert!(access.get("inbound_subject").starts_with("CN=alice"));
    }
}

/// A pair with the trust of that party.
fn pair(party: &Party, own: &IdentityFiles, name: &str, rest: Value) -> Value {
    let mut pair = json!({ "name": name, "inbound": "127.0.0.1:0",
        "ca": party.pki.ca, "cert": own.cert, "key": own.key });
    let Value::Object(rest) = rest else {
        return pair;
    };
    pair.as_object_mut().unwrap().extend(rest);
    pair
}

/// A server that demands a certificate and sends back what comes.
fn server(party: &Party, version: &str) -> Peer {
    let ca = party.pki.ca.to_str().unwrap();
    let demand = ["-Verify", "2", "-verify_return_error", "-CAfile", ca];
    let (forced, _) = party.kind.options(version);
    let mut server = openssl::server(&party.server, &[&demand[..], &forced[..]].concat());
    openssl::echo(server.pipes());
    server
}

/// Sends and gets back through the program; close_notify comes back for the application's end.
fn there_and_back(mut stream: TcpStream) {
    let data = noise(BYTES);
    let mut sink = stream.try_clone().unwrap();
    let sent = data.clone();
    let sender = std::thread::spawn(move || sink.write_all(&sent).unwrap());
    let mut answer = vec![0; BYTES];
    stream.read_exact(&mut answer).unwrap();
    sender.join().unwrap();
    assert!(answer == data);
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut answer).unwrap(), 0);
}

/// The same from the far end, which then ends with close_notify.
fn through_client(port: u16, party: &Party, version: &str) {
    let ca = party.pki.ca.to_str().unwrap();
    let demand = [
        "-verify_return_error",
        "-verify_hostname",
        "localhost",
        "-CAfile",
        ca,
    ];
    let (forced, _) = party.kind.options(version);
    let options = [&demand[..], &forced[..]].concat();
    let mut client = openssl::client(port, Some(&party.client), &options);
    let (mut stdin, stdout) = client.pipes();
    let received = Gathered::of(stdout);
    let data = noise(BYTES);
    stdin.write_all(&data).unwrap();
    assert!(received.until_len(BYTES) == data);
    drop(stdin);
    assert!(client.exit().success(), "{}", client.log());
}

#[track_caller]
fn assert_negotiated(access: &Access, leg: &str, kind: &Kind, version: &str) {
    let (_, suite) = kind.options(version);
    let facts = ["version", "suite", "group"].map(|fact| access.get(&format!("{leg}_{fact}")));
    assert_eq!(facts, [version, suite, kind.group.1], "{access:?}");
    assert_eq!(access.reason(), "completed", "{access:?}");
    assert_eq!(access.number("bytes_outward"), BYTES as u64);
    assert_eq!(access.number("bytes_inward"), BYTES as u64);
}
