//! config/examples/almost-mtls: Alice is `pair`, and Bob is a server in Deno or Node. Who is not Alice gets nothing.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
#[path = "pair/pairing.rs"]
mod pairing;

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use pairing::{Pairing, identity, signal, until_gone, written};
use rustix::process::Signal;
use support::certs::TestPki;
use support::http::{self, Reply};
use support::openssl;
use support::peers::{Gathered, Peer};
use support::program::PROGRAM;
use support::wait::until;
use tempfile::TempDir;

const BOBS_WORDS: &str = "Bob, to Alice alone\n";
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: bob\r\nConnection: close\r\n\r\n";

/// A busy machine may take long to start Deno.
const PATIENT: [&str; 2] = ["--timeout", "60s"];

/// A file that .ci/prepare has installed.
fn tool(path: &str) -> PathBuf {
    let file = repository("target/tools").join(path);
    assert!(file.exists(), "{path} is missing: run .ci/prepare test");
    file
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The example with the library that it needs, in a folder where Deno keeps what it caches too.
struct Example(TempDir);

/// Who Bob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bob {
    /// Deno's server, which reads the header.
    Header,
    /// node:https in Node.
    Node,
    /// node:https in Deno.
    Deno,
    /// Deno's server on a UNIX socket, behind the other half of the pairing.
    Plain,
}

const BOBS: [Bob; 4] = [Bob::Header, Bob::Node, Bob::Deno, Bob::Plain];

impl Example {
    fn new() -> Example {
        let folder = TempDir::new().unwrap();
        for entry in fs::read_dir(repository("config/examples/almost-mtls")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
            }
        }
        let modules = folder.path().join("node_modules");
        symlink(tool("almost-mtls/node_modules"), modules).unwrap();
        Example(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A command of Deno's, which uses no network.
    fn deno(&self, words: &str) -> String {
        format!(
            "DENO_DIR={} DENO_NO_UPDATE_CHECK=1 exec {} {words}",
            written(&self.file("deno")),
            written(&tool("almost-mtls/bin/deno")),
        )
    }

    /// A script that becomes that Bob, but for the half of the pairing that may stand before him.
    fn script(&self, bob: Bob) -> String {
        let file = |name| written(&self.file(name));
        let run = "run --quiet --cached-only --no-prompt";
        let net = "--allow-net=127.0.0.1";
        match bob {
            Bob::Header => self.deno(&format!("{run} {net} {}", file("bob.ts"))),
            Bob::Deno => self.deno(&format!("{run} {net} {}", file("bob-https.ts"))),
            Bob::Node => {
                let node = written(&tool("node/bin/node"));
                format!("exec {node} {}", file("bob-https.ts"))
            }
            Bob::Plain => {
                let socket = file("socket");
                let net = format!("--allow-net=unix:{socket}");
                let may = format!("{net} --allow-read={socket} --allow-write={socket}");
                self.deno(&format!("{run} {may} {} --plain {socket}", file("bob.ts")))
            }
        }
    }

    /// Alice, who has started that Bob.
    fn alice(&self, bob: Bob) -> Pairing {
        let script = self.script(bob);
        match bob {
            Bob::Header => with_header(&script),
            Bob::Node | Bob::Deno => Pairing::script(&PATIENT, &script),
            Bob::Plain => {
                let socket = format!("unix:{}", self.file("socket").display());
                let accept = [PROGRAM, "pair", "--accept", "--outbound", &socket];
                let service = ["--", "sh", "-c", &script];
                let command = [&accept[..], &PATIENT, &service].concat();
                Pairing::of(&PATIENT, &command)
            }
        }
    }
}

/// A pairing whose requests carry its certificate.
fn with_header(script: &str) -> Pairing {
    Pairing::script(&[&["--header"][..], &PATIENT].concat(), script)
}

/// What comes back through a pairing.
fn ask(alice: &Pairing) -> Reply {
    http::ask(alice.connect(), REQUEST)
}

/// Where Bob listens, or the half that stands before him.
fn port_of_bob(alice: &Pairing) -> u16 {
    let rest = until("where Bob is", || {
        let text = alice.err.text();
        let line = text.lines().find(|line| line.contains("mode=client"))?;
        let (_, rest) = line.split_once("outbound=127.0.0.1:")?;
        Some(rest.to_owned())
    });
    let mut digits = rest.split(|c: char| !c.is_ascii_digit());
    digits.next().unwrap().parse().unwrap()
}

/// What a client of Bob's own port gets for a request with these headers; it is gone when it has all.
fn told_at_the_port(mut client: Peer, headers: &str) -> String {
    let (mut input, output) = client.pipes();
    let output = Gathered::of(output);
    let (first, rest) = REQUEST.split_once("\r\n").unwrap();
    // A client that was refused may be gone already.
    let _ = input.write_all(format!("{first}\r\n{headers}{rest}").as_bytes());
    String::from_utf8(output.until_end()).unwrap()
}

#[test]
fn alice_reaches_each_bob() {
    let example = Example::new();
    for bob in BOBS {
        let alice = example.alice(bob);
        for _ in 0..2 {
            let reply = ask(&alice);
            assert_eq!((reply.status, &*reply.body), (200, BOBS_WORDS), "{bob:?}");
        }
    }
}

#[test]
fn nobody_gets_an_answer_at_bobs_own_port_without_alices_key() {
    let pki = TestPki::new();
    let other = identity(&pki);
    let example = Example::new();
    for bob in [Bob::Node, Bob::Deno, Bob::Plain] {
        let alice = example.alice(bob);
        let port = port_of_bob(&alice);
        for version in ["-tls1_2", "-tls1_3"] {
            for shown in [None, Some(&other)] {
                let client = openssl::client(port, shown, &[version]);
                assert_eq!(told_at_the_port(client, ""), "", "{bob:?} {version}");
            }
        }
        assert_eq!(ask(&alice).body, BOBS_WORDS);
    }
}

#[test]
fn nobody_gets_more_than_a_refusal_at_bobs_own_port_without_alices_header() {
    let example = Example::new();
    let alice = example.alice(Bob::Header);
    let port = port_of_bob(&alice);
    let long = "x".repeat(9000);
    let values = ["", "%", "undefined", &long];
    let forged = values.map(|value| format!("X-Client-Cert: {value}\r\n"));
    for headers in [&[String::new()], &forged[..]].concat() {
        let told = told_at_the_port(openssl::client(port, None, &[]), &headers);
        assert!(told.starts_with("HTTP/1.1 403 "), "{told}");
        assert!(!told.contains(BOBS_WORDS), "{told}");
    }
    assert_eq!(ask(&alice).status, 200);
}

#[test]
fn another_pairing_gets_nothing_from_a_bob_who_was_started_by_alice() {
    let example = Example::new();
    // What this Bob says can be seen, and who repeats it leads another pairing to him.
    let bob = format!("({}) | tee bob", example.script(Bob::Header));
    let alice = with_header(&bob);
    assert_eq!(ask(&alice).status, 200);
    let line = written(&alice.file("bob"));
    let other = with_header(&format!("cat {line}; exec sleep 1000"));
    let reply = ask(&other);
    assert_eq!(reply.status, 403);
    assert_ne!(reply.body, BOBS_WORDS);
    // Nor does another header of its own help it.
    let forged = REQUEST.replace("Host:", "X-Client-Cert: forged\r\nHost:");
    assert_eq!(http::ask(other.connect(), &forged).status, 403);
}

#[test]
fn bob_ends_with_alice_however_she_ends() {
    for bob in BOBS {
        for sent in [Signal::TERM, Signal::KILL] {
            // A socket stays when Bob is gone, and would be in the way of the next one.
            let example = Example::new();
            let mut alice = example.alice(bob);
            assert_eq!(ask(&alice).status, 200);
            let started = alice.started();
            signal(alice.pid(), sent);
            alice.child.wait().unwrap();
            until_gone(started);
            if bob == Bob::Plain {
                until("the end of who is behind", || {
                    UnixStream::connect(example.file("socket")).err()
                });
            }
        }
    }
}

#[test]
fn bob_ends_with_his_standard_input() {
    let example = Example::new();
    for bob in [Bob::Header, Bob::Node, Bob::Deno] {
        // Behind a shell he is not Alice's child, so nothing but the end of his input reaches him.
        let script = format!("({}); exit 7", example.script(bob));
        let mut alice = with_header(&format!("echo $$ >shell; {script}"));
        assert_eq!(ask(&alice).status, 200);
        let shell: i32 = alice.told("shell").parse().unwrap();
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
        let bob = children.unwrap().trim().parse().unwrap();
        signal(alice.pid(), Signal::KILL);
        alice.child.wait().unwrap();
        until_gone(bob);
    }
}

#[test]
fn the_example_is_well_typed() {
    let example = Example::new();
    let files = ["bob.ts", "bob-https.ts"].map(|name| written(&example.file(name)));
    let script = example.deno(&format!("check --cached-only {}", files.join(" ")));
    let mut deno = Command::new("sh");
    deno.args(["-c", &script]).current_dir(example.0.path());
    let output = deno.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}
