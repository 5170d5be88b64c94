//! What gets through, and who does not.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;

use rustix::process::Signal;
use tempfile::TempDir;

use super::pairing::{Pairing, identity, said, signal, written};
use crate::support::access::Access;
use crate::support::backend;
use crate::support::certs::TestPki;
use crate::support::daemon::lasting_port;
use crate::support::openssl;
use crate::support::program::PROGRAM;
use crate::support::wait::until;

#[test]
fn the_whole_chain_carries_bytes_in_both_directions_and_their_ends() {
    let pairing = Pairing::chain(&[], backend::count());
    let mut stream = pairing.connect();
    let sent = vec![7; 3_000_000];
    stream.write_all(&sent).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, sent.len().to_string());
    for side in ["inbound_version", "outbound_version"] {
        let version = until("both access lines", || {
            let text = pairing.err.text();
            let accesses = text.lines().filter_map(Access::parse);
            let mut whole = accesses.filter(|access| access.get("bytes_outward") == "3000000");
            whole.find_map(|access| Some(access.get(side).to_owned()).filter(|v| !v.is_empty()))
        });
        assert_eq!(version, "TLSv1.3");
    }
}

#[test]
fn it_may_listen_on_a_unix_socket_which_is_gone_with_it() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("socket");
    let inbound = format!("unix:{}", socket.display());
    let mut pairing = Pairing::chain(&["--inbound", &inbound], backend::echo());
    assert_eq!(pairing.told("address"), inbound);
    let mut stream = UnixStream::connect(&socket).unwrap();
    backend::ping(&mut stream);
    drop(stream);
    signal(pairing.pid(), Signal::TERM);
    assert_eq!(pairing.exit(), 0);
    assert!(!socket.exists() && !pairing.file("address").exists());
}

/// Makes a certificate, says its line, and serves TLS by the `openssl` command, which turns each line around.
const OPENSSL: &str = r#"
read -r line
printf '%b' "$(printf '%s' "$line" | sed 's/.*"cert": *"\([^"]*\)".*/\1/; s/\\/\\\\/g; s/\\\\n/\\n/g')" >peer.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.pem \
    -days 1 -subj /CN=other 2>/dev/null
printf '{"port": %s, "cert": "%s"}\n' "$PORT" "$(awk '{printf "%s\\n", $0}' own.pem)"
exec openssl s_server -quiet -rev -accept "127.0.0.1:$PORT" -cert own.pem -key own.key \
    -Verify 1 -verify_return_error -partial_chain -CAfile peer.pem
"#;

#[test]
fn the_other_end_may_be_any_stack_that_verifies_us_by_our_certificate() {
    let script = OPENSSL.replace("$PORT", &lasting_port().to_string());
    let pairing = Pairing::script(&[], &script);
    let mut stream = pairing.connect();
    stream.write_all(b"live\n").unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"evil\n");
}

#[test]
fn a_plain_program_is_run_by_the_other_half_and_what_it_says_comes_behind_the_line() {
    let port = lasting_port();
    let outbound = format!("127.0.0.1:{port}");
    // It speaks TLS, but nobody speaks to it: it is enough that it listens.
    let service = format!("echo early; exec openssl s_server -quiet -nocert -accept {outbound}");
    let accept = [PROGRAM, "pair", "--accept", "--outbound", &outbound, "--"];
    let pairing = Pairing::of(&[], &[&accept[..], &["sh", "-c", &service]].concat());
    pairing.address();
    until("what it says", || {
        pairing.out.text().contains("early\n").then_some(())
    });
    assert!(
        !pairing.out.text().contains("cert"),
        "{}",
        pairing.out.text()
    );
}

#[test]
fn what_the_child_writes_behind_its_line_comes_out_unchanged_and_all_of_it() {
    let pki = TestPki::new();
    let files = identity(&pki);
    let server = openssl::server(&files, &[]);
    let line = said(&files, server.port);
    let script = format!(
        "cat {}; head -c 300000 /dev/zero | tr '\\0' x; exit 7",
        written(&line)
    );
    let mut pairing = Pairing::script(&[], &script);
    pairing.exit();
    let out = pairing.out.until_end();
    assert_eq!(out.len(), 300_000);
    assert!(out.iter().all(|byte| *byte == b'x'));
}

#[test]
fn what_the_child_writes_without_an_end_of_line_comes_out_at_once() {
    let pki = TestPki::new();
    let files = identity(&pki);
    let server = openssl::server(&files, &[]);
    let path = said(&files, server.port);
    // In one write with its line.
    let line = fs::read_to_string(&path).unwrap();
    fs::write(&path, line + "password: ").unwrap();
    let script = format!("cat {}; exec sleep 1000", written(&path));
    let pairing = Pairing::script(&[], &script);
    until("what it says", || {
        (pairing.out.text() == "password: ").then_some(())
    });
}

#[test]
fn an_address_that_one_has_left_which_was_killed_is_not_taken_for_that_of_the_next() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("address");
    fs::write(&file, "127.0.0.1:1\n").unwrap();
    let flags = ["--address-file", file.to_str().unwrap(), "--"];
    let script = format!(
        "[ -e {} ] || echo >started; exec sleep 1000",
        written(&file)
    );
    let pairing = Pairing::start(&[&flags[..], &["sh", "-c", &script]].concat());
    pairing.told("started");
}

#[test]
fn nobody_else_on_the_machine_gets_in_without_a_certificate_or_with_another_pairings() {
    let (service, reached) = backend::counted();
    let pairing = Pairing::chain(&[], service);
    pairing.address();
    until("the greeting", || {
        (reached.load(Ordering::SeqCst) == 1).then_some(())
    });
    let port = pairing.inner().port();
    let _nobody = openssl::client(port, None, &[]);
    pairing.access("cert_missing");
    let pki = TestPki::new();
    let other = identity(&pki);
    let _other = openssl::client(port, Some(&other), &[]);
    let access = pairing.access("key_not_pinned");
    assert_eq!(access.get("inbound_subject"), "CN=localhost");
    assert_eq!(reached.load(Ordering::SeqCst), 1);
}
