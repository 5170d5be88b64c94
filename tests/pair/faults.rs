//! Ends that are none, and words that are wrong: each is told, and nothing is left behind.

use std::fs;
use std::io::Write;

use serde_json::json;

use super::pairing::{Pairing, identity, lives, said, until_gone, written};
use crate::support::certs::TestPki;
use crate::support::daemon::lasting_port;
use crate::support::openssl;
use crate::support::program::{PROGRAM, outcome};

/// Runs a script as the child, which is to come to nothing; what is told.
#[track_caller]
fn refused(flags: &[&str], script: &str) -> String {
    let mark = format!("echo $$ >pid; {script}");
    let mut pairing = Pairing::script(flags, &mark);
    let pid = pairing.told("pid").parse().unwrap();
    assert_eq!(pairing.exit(), 1, "{script}: {}", pairing.err.text());
    // It is reaped already.
    assert!(!lives(pid), "{script}");
    assert!(!pairing.file("address").exists());
    let told = String::from_utf8(pairing.err.until_end()).unwrap();
    let lines: Vec<_> = told
        .lines()
        .filter(|line| line.starts_with("mtls-persona: "))
        .collect();
    assert_eq!(lines.len(), 1, "{told}");
    lines[0].to_owned()
}

const FOREVER: &str = "exec sleep 1000";

#[test]
fn what_is_no_line_of_an_end_is_refused() {
    let pki = TestPki::new();
    let cert = fs::read_to_string(identity(&pki).cert).unwrap();
    let mut count = 0;
    let mut line = |line: serde_json::Value| {
        count += 1;
        let path = pki.folder().join(format!("line-{count}"));
        fs::write(&path, format!("{line}\n")).unwrap();
        format!("cat {}; {FOREVER}", written(&path))
    };
    for (script, told) in [
        (format!("echo rubbish; {FOREVER}"), "not one JSON object"),
        (format!("echo; {FOREVER}"), "not one JSON object"),
        (format!("echo '[]'; {FOREVER}"), "not one JSON object"),
        (
            format!("yes x | tr -d '\\n'; {FOREVER}"),
            "more than 65536 bytes",
        ),
        (line(json!({ "port": 7 })), "no \"cert\""),
        (
            line(json!({ "cert": "x", "port": 7 })),
            "not one certificate",
        ),
        (line(json!({ "cert": cert })), "no \"port\""),
        (
            line(json!({ "cert": cert, "port": 0 })),
            "no number from 1 to 65535",
        ),
    ] {
        let words = refused(&[], &script);
        assert!(words.contains("\"sh\"") && words.contains(told), "{words}");
    }
}

#[test]
fn a_child_that_says_nothing_or_half_a_line_has_only_so_long() {
    for script in [FOREVER, &format!("printf '{{\"cert\"'; {FOREVER}")] {
        // Its shell has to be started by then.
        let words = refused(&["--timeout", "3s"], script);
        assert!(words.contains("no line within 3s"), "{words}");
    }
}

#[test]
fn a_child_that_ends_or_closes_its_output_too_early_is_told_by_how_it_did() {
    let pki = TestPki::new();
    let line = written(&said(&identity(&pki), lasting_port()));
    for (script, told) in [
        ("exit 7".to_owned(), "exit status: 7"),
        ("printf half; exit 0".to_owned(), "exit status: 0"),
        ("kill -SEGV $$".to_owned(), "signal: 11"),
        (format!("exec >&-; {FOREVER}"), "without a word"),
        (format!("printf half; exec >&-; {FOREVER}"), "in the middle"),
        // Nobody listens there yet.
        (format!("cat {line}; exit 3"), "exit status: 3"),
    ] {
        let words = refused(&[], &script);
        assert!(words.contains(told), "{words}");
    }
}

#[test]
fn a_port_where_nobody_listens_or_somebody_without_the_key_is_refused() {
    let pki = TestPki::new();
    let own = identity(&pki);
    let nobody = format!("cat {}; {FOREVER}", written(&said(&own, lasting_port())));
    let words = refused(&["--timeout", "3s"], &nobody);
    assert!(words.contains("connect_refused"), "{words}");
    let other = openssl::server(&identity(&pki), &[]);
    let script = format!("cat {}; {FOREVER}", written(&said(&own, other.port)));
    let words = refused(&[], &script);
    assert!(words.contains("key_not_pinned"), "{words}");
    // It has the key, and does not believe ours.
    let demand = ["-Verify", "1", "-verify_return_error"];
    let careful = openssl::server(&own, &demand);
    let script = format!("cat {}; {FOREVER}", written(&said(&own, careful.port)));
    let words = refused(&[], &script);
    assert!(words.contains("certificate_refused"), "{words}");
}

#[test]
fn a_child_that_cannot_be_started_is_named() {
    let mut pairing = Pairing::of(&[], &["no-such-command"]);
    assert_eq!(pairing.exit(), 1);
    let told = String::from_utf8(pairing.err.until_end()).unwrap();
    assert!(told.contains("\"no-such-command\": No such file"), "{told}");
}

#[test]
fn what_has_started_the_other_half_is_held_to_the_same() {
    let accept = ["--accept", "--outbound", "127.0.0.1:1"];
    #[track_caller]
    fn refused(mut pairing: Pairing, told: &str) {
        assert_eq!(pairing.exit(), 1);
        let words = String::from_utf8(pairing.err.until_end()).unwrap();
        assert!(words.contains(told), "{words}");
    }
    let silent = Pairing::start(&[&accept[..], &["--timeout", "300ms"]].concat());
    refused(silent, "no line within 300ms");
    let mut gone = Pairing::start(&accept);
    drop(gone.child.stdin.take());
    refused(gone, "without a word");
    let mut rubbish = Pairing::start(&accept);
    let stdin = rubbish.child.stdin.as_mut().unwrap();
    stdin.write_all(b"{}\n").unwrap();
    refused(rubbish, "no \"cert\"");
}

#[test]
fn an_address_that_is_taken_ends_the_child_as_well() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let inbound = taken.local_addr().unwrap().to_string();
    // It ends too soon to be looked for.
    let accept = format!("echo $$ >pid; exec '{PROGRAM}' pair --accept --outbound 127.0.0.1:1");
    let mut pairing = Pairing::script(&["--inbound", &inbound], &accept);
    let pid = pairing.told("pid").parse().unwrap();
    assert_eq!(pairing.exit(), 1);
    until_gone(pid);
}

#[test]
fn wrong_words_are_told_before_anything_is_started() {
    for words in [
        &["pair"][..],
        &["pair", "--accept"],
        &["pair", "--outbound", ":1", "--", "true"],
        &["pair", "--accept", "--outbound", "nowhere"],
        &["pair", "--accept", "--outbound", ":1", "--inbound", ":2"],
        &["pair", "--inbound", "nowhere", "--", "touch", "/started"],
        &["pair", "--timeout", "0", "--", "true"],
        &["pair", "--grace", "long", "--", "true"],
    ] {
        let (code, out, err) = outcome(words);
        assert_eq!((code, out.as_str()), (2, ""), "{words:?}");
        assert!(!err.is_empty(), "{words:?}");
    }
}
