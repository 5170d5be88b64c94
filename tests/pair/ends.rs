//! How a pairing ends: by its child, by a signal, and with whoever has started it.

use std::io::Write;
use std::net::TcpStream;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use super::pairing::{Pairing, identity, lives, said, signal, until_gone, written};
use crate::support::backend;
use crate::support::certs::TestPki;
use crate::support::openssl;
use crate::support::pairs::lone_address;
use crate::support::peers::Peer;
use crate::support::program::PROGRAM;
use crate::support::wait::until;

/// The other end of a script that says its line and then does as it is told; it is served by somebody else.
struct Stage {
    _pki: TestPki,
    _server: Peer,
    line: String,
}

impl Stage {
    fn new() -> Stage {
        let pki = TestPki::new();
        let files = identity(&pki);
        let server = openssl::server(&files, &[]);
        Stage {
            line: format!("cat {}", written(&said(&files, server.port))),
            _pki: pki,
            _server: server,
        }
    }

    /// A pairing that serves before that script.
    fn serving(&self, flags: &[&str], script: &str) -> Pairing {
        let forever = "wait_forever() { while :; do sleep 1000; done; }";
        let script = format!("{forever}; {}; {script}", self.line);
        let pairing = Pairing::script(flags, &script);
        pairing.address();
        pairing
    }
}

#[test]
fn it_ends_with_the_childs_exit_code_and_closes_its_port() {
    let stage = Stage::new();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("kill -KILL $$", 128 + 9),
        ("kill -SEGV $$", 128 + 11),
    ] {
        let script = format!("while [ ! -e go ]; do sleep 0.02; done; {script}");
        // Where nobody else may come to listen meanwhile.
        let address = lone_address();
        let mut pairing = stage.serving(&["--inbound", &address.to_string()], &script);
        std::fs::write(pairing.file("go"), "").unwrap();
        assert_eq!(pairing.exit(), code, "{script}");
        assert!(TcpStream::connect(address).is_err());
        assert!(!pairing.file("address").exists());
    }
}

#[test]
fn a_signal_goes_on_to_the_child_and_to_what_it_has_started() {
    let stage = Stage::new();
    for (sent, code) in [
        (Signal::TERM, 15),
        (Signal::INT, 2),
        (Signal::HUP, 1),
        (Signal::QUIT, 3),
    ] {
        let mut plain = stage.serving(&[], "sleep 1000 & echo $! >below; echo >ready; wait");
        let below = plain.told("below").parse().unwrap();
        plain.told_ready();
        signal(plain.pid(), sent);
        assert_eq!(plain.exit(), 128 + code);
        until_gone(below);
    }
    let mut careful = stage.serving(&[], "trap 'exit 42' TERM; echo >ready; wait_forever");
    careful.told_ready();
    signal(careful.pid(), Signal::TERM);
    assert_eq!(careful.exit(), 42);
}

#[test]
fn a_child_that_does_not_end_when_it_is_asked_to_is_ended_with_all_that_it_has_started() {
    let stage = Stage::new();
    let deaf = "trap '' TERM; sleep 1000 & echo $! >below; echo >ready; wait_forever";
    let mut pairing = stage.serving(&["--grace", "200ms"], deaf);
    let below = pairing.told("below").parse().unwrap();
    pairing.told_ready();
    signal(pairing.pid(), Signal::TERM);
    assert_eq!(pairing.exit(), 128 + 9);
    until_gone(below);
}

#[test]
fn what_a_child_leaves_behind_ends_with_it() {
    let stage = Stage::new();
    let mut pairing = stage.serving(
        &[],
        "sleep 1000 & echo $! >below; while [ ! -e go ]; do sleep 0.02; done",
    );
    let below = pairing.told("below").parse().unwrap();
    std::fs::write(pairing.file("go"), "").unwrap();
    assert_eq!(pairing.exit(), 0);
    until_gone(below);
}

#[test]
fn no_child_outlives_one_that_was_killed() {
    let stage = Stage::new();
    let mut pairing = stage.serving(&[], "trap '' TERM HUP; exec sleep 1000");
    let child = pairing.started();
    assert!(lives(child));
    signal(pairing.pid(), Signal::KILL);
    pairing.child.wait().unwrap();
    until_gone(child);
    // Nor does any of a chain.
    let port = backend::echo().to_string();
    let accept = [
        PROGRAM,
        "pair",
        "--accept",
        "--outbound",
        &port,
        "--",
        "sleep",
        "1000",
    ];
    let mut chain = Pairing::of(&[], &accept);
    chain.address();
    let inner = chain.started();
    let path = format!("/proc/{inner}/task/{inner}/children");
    let service: i32 = std::fs::read_to_string(path)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(lives(inner) && lives(service));
    signal(chain.pid(), Signal::KILL);
    chain.child.wait().unwrap();
    until_gone(inner);
    until_gone(service);
}

/// Whoever has started it may have had the kernel reap all children: that is inherited.
#[test]
fn the_exit_code_is_the_childs_even_if_the_end_of_children_was_ignored() {
    let stage = Stage::new();
    let script = format!(
        "{}; while [ ! -e go ]; do sleep 0.02; done; exit 7",
        stage.line
    );
    let pair = [PROGRAM, "pair", "--address-file", "address"];
    let words = [&pair[..], &["--", "sh", "-c", &script]].concat();
    let mut pairing = Pairing::by("env", &[&["--ignore-signal=CHLD"], &words[..]].concat());
    pairing.address();
    std::fs::write(pairing.file("go"), "").unwrap();
    assert_eq!(pairing.exit(), 7);
}

#[test]
fn a_signal_before_the_line_ends_the_child_too() {
    let mut pairing = Pairing::script(&[], "echo >ready; exec sleep 1000");
    pairing.told_ready();
    let child = pairing.started();
    signal(pairing.pid(), Signal::TERM);
    assert_eq!(pairing.exit(), 128 + 15);
    until_gone(child);
}

/// The other half alone, with a line on its standard input.
fn accepting(service: &[&str]) -> Pairing {
    let outbound = backend::echo().to_string();
    let words = ["--accept", "--outbound", &outbound];
    let service = match service {
        [] => Vec::new(),
        service => [&["--"], service].concat(),
    };
    let mut pairing = Pairing::start(&[&words[..], &service].concat());
    let line = std::fs::read(said(&identity(&TestPki::new()), 1)).unwrap();
    pairing
        .child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(&line)
        .unwrap();
    until("its line", || {
        pairing.out.text().ends_with('\n').then_some(())
    });
    pairing
}

#[test]
fn the_other_half_ends_with_its_standard_input_and_with_its_service() {
    for service in [&[][..], &["sleep", "1000"]] {
        let mut pairing = accepting(service);
        drop(pairing.child.stdin.take());
        assert_eq!(pairing.exit(), 0);
        let line: serde_json::Value = serde_json::from_str(&pairing.out.text()).unwrap();
        let port = line["port"].as_u64().unwrap().try_into().unwrap();
        // Somebody else may have it for a moment.
        until("its port's end", || {
            TcpStream::connect(("127.0.0.1", port))
                .is_err()
                .then_some(())
        });
    }
    let mut pairing = accepting(&["sleep", "1000"]);
    signal(pairing.started(), Signal::KILL);
    assert_eq!(pairing.exit(), 128 + 9);
    let mut pairing = accepting(&[]);
    signal(pairing.pid(), Signal::TERM);
    assert_eq!(pairing.exit(), 0);
}

#[test]
fn the_other_half_ends_with_its_parent_even_if_somebody_else_holds_its_input() {
    let pki = TestPki::new();
    let line = std::fs::read(said(&identity(&pki), 1)).unwrap();
    let echo = backend::echo();
    let script = format!(
        "exec 3<&0; {PROGRAM} pair --accept --outbound {echo} <&3 >line & echo $! >child; wait"
    );
    let folder = TempDir::new().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(folder.path());
    shell.stdin(Stdio::piped()).stderr(Stdio::null());
    let mut shell = shell.spawn().unwrap();
    let mut held = shell.stdin.take().unwrap();
    held.write_all(&line).unwrap();
    let told = |name: &str| -> String {
        until("a file", || {
            let text = std::fs::read_to_string(folder.path().join(name)).ok();
            text.filter(|text| text.ends_with('\n'))
        })
    };
    told("line");
    let child = told("child").trim().parse().unwrap();
    assert!(lives(child));
    shell.kill().unwrap();
    shell.wait().unwrap();
    until_gone(child);
    drop(held);
}

impl Pairing {
    /// Waits until its script is where it should be.
    fn told_ready(&self) {
        self.told("ready");
    }
}
