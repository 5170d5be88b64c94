//! What `check` tells of the files that a configuration names.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

#[path = "check/lists.rs"]
mod lists;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mtls_persona::tls::authority::{Authority, KeyKind, LeafRequest, Purpose, Subject, Validity};
use serde_json::{Value, json};
use support::certs::{IdentityFiles, TestPki, unix_now};
use support::program::{PROGRAM, Program, outcome};
use support::wait::until;
use support::{openssl, pairs};

const DAY: i64 = 86_400;

fn write(pki: &TestPki, config: &Value) -> PathBuf {
    let path = pki.folder().join("config.json");
    fs::write(&path, config.to_string()).unwrap();
    path
}

/// Checks a configuration that stands: its lines on standard output.
fn check(pki: &TestPki, config: &Value) -> Vec<String> {
    let path = write(pki, config);
    let (code, stdout, stderr) = outcome(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    let lines: Vec<_> = stdout.lines().map(str::to_owned).collect();
    assert_eq!(lines.last().map(String::as_str), Some("ok"));
    lines
}

fn warnings(lines: &[String]) -> Vec<&str> {
    let lines = lines.iter();
    lines
        .filter_map(|line| line.strip_prefix("warning: "))
        .collect()
}

/// A persona with that identity.
fn persona(pki: &TestPki, files: &IdentityFiles) -> Value {
    // As they are made the keys belong to everybody.
    fs::set_permissions(&files.key, Permissions::from_mode(0o600)).unwrap();
    let config = pairs::client(pki, pairs::lone_address());
    let config = pairs::with(config, "/cert", json!(files.cert));
    pairs::with(config, "/key", json!(files.key))
}

/// The lines of a certificate.
fn described<'a>(lines: &'a [String], file: &Path, place: &str) -> Vec<&'a str> {
    below(lines, &format!("{}: certificate {place}", file.display()))
}

/// The lines that are indented below the one line that begins so.
fn below<'a>(lines: &'a [String], heading: &str) -> Vec<&'a str> {
    let places = lines.iter().enumerate();
    let mut found = places.filter(|(_, line)| line.starts_with(heading));
    let (at, _) = found
        .next()
        .unwrap_or_else(|| panic!("{heading}: {lines:#?}"));
    assert!(found.next().is_none(), "{heading} is told twice");
    let below = lines[at + 1..].iter();
    below.map_while(|line| line.strip_prefix("  ")).collect()
}

fn fact<'a>(lines: &[&'a str], label: &str) -> &'a str {
    let mut found = lines.iter().filter_map(|line| line.strip_prefix(label));
    found.next().unwrap().trim()
}

#[test]
fn each_certificate_of_each_file_is_told_once_with_its_facts() {
    let pki = TestPki::new();
    let alice = pki.client("alice");
    let server = pki.issue(&LeafRequest {
        key: KeyKind::Rsa(2048),
        ..pki.request(Purpose::Server)
    });
    let mut config = persona(&pki, &alice);
    let second = json!({ "name": "second", "inbound": "127.0.0.1:1", "outbound": "db:1" });
    let gateway = json!({
        "name": "gateway", "mode": "server", "inbound": "127.0.0.1:2", "outbound": "db:2",
        "cert": server.cert, "key": server.key,
    });
    let list = config["address_pairs"].as_array_mut().unwrap();
    list.extend([second, gateway]);
    let lines = check(&pki, &config);
    for (file, key) in [(&alice, "EC P-256, 256 bits"), (&server, "RSA, 2048 bits")] {
        let facts = described(&lines, &file.cert, "1 of 2");
        let [subject, issuer, serial] = openssl::names(file);
        assert_eq!(fact(&facts, "subject"), format!("{subject:?}"));
        assert_eq!(fact(&facts, "issuer"), format!("{issuer:?}"));
        assert_eq!(fact(&facts, "serial"), serial);
        assert_eq!(fact(&facts, "key"), key);
        assert!(
            fact(&facts, "valid").contains(" days left, 0 % of "),
            "{facts:?}"
        );
        let above = described(&lines, &file.cert, "2 of 2");
        assert_eq!(fact(&above, "subject"), "\"O=Test, CN=Test intermediate\"");
    }
    let names = "\"DNS:localhost, IP:127.0.0.1, IP:::1\"";
    assert_eq!(
        fact(&described(&lines, &server.cert, "1 of 2"), "names"),
        names
    );
    described(&lines, &pki.ca, "1 of 1");
}

#[test]
fn each_pair_is_told_with_the_chain_to_the_anchor_that_vouches_for_it() {
    let pki = TestPki::new();
    let lines = check(&pki, &persona(&pki, &pki.client("alice")));
    let pair = below(&lines, "pair persona: client ");
    let chain = fact(&pair, "chain");
    let admitted = "every gateway that ca vouches for and that proves to be localhost";
    assert_eq!(fact(&pair, "allow"), admitted);
    assert!(!pair.iter().any(|line| line.starts_with("crl")), "{pair:?}");
    let subjects = ["\"CN=alice\"", "CN=Test intermediate\"", "CN=Test root\""];
    let places = subjects.map(|subject| chain.find(subject).unwrap());
    assert!(places.is_sorted(), "{chain}");
    assert_eq!(warnings(&lines), [""; 0]);

    let stranger = pki.unknown_authority(Purpose::Client);
    let lines = check(&pki, &persona(&pki, &stranger));
    assert!(!lines.iter().any(|l| l.contains("which is in ca")));
    let [warning] = warnings(&lines)[..] else {
        panic!("{lines:#?}");
    };
    assert!(warning.starts_with(stranger.cert.to_str().unwrap()));
}

#[test]
fn a_private_key_is_told_with_its_owner_and_who_else_has_access() {
    let pki = TestPki::new();
    let alice = pki.client("alice");
    let config = persona(&pki, &alice);
    let owner = fs::metadata(&alice.key).unwrap();
    let (uid, gid) = (owner.uid(), owner.gid());
    for (mode, is_told) in [(0o600, false), (0o640, false), (0o660, true), (0o604, true)] {
        fs::set_permissions(&alice.key, Permissions::from_mode(mode)).unwrap();
        let lines = check(&pki, &config);
        let line = format!(
            "{}: private key, mode {mode:o}, of user {uid} and group {gid}",
            alice.key.display()
        );
        assert_eq!(
            lines.iter().filter(|l| **l == line).count(),
            1,
            "{lines:#?}"
        );
        let warnings = warnings(&lines);
        assert_eq!(
            warnings.len(),
            usize::from(is_told),
            "{mode:o}: {warnings:?}"
        );
        assert!(
            warnings
                .iter()
                .all(|w| w.starts_with(alice.key.to_str().unwrap()))
        );
    }
}

#[test]
fn certificates_near_their_end_are_warned_of_once_for_all_pairs_and_anchors_too() {
    let pki = TestPki::new();
    let validity = Validity {
        not_before: unix_now() - 80 * DAY,
        not_after: unix_now() + 20 * DAY - 60,
    };
    let root = Authority::new(&Subject::named("Late"), KeyKind::EcP256, validity).unwrap();
    fs::write(&pki.ca, root.cert_pem().unwrap()).unwrap();
    let identity = root.issue(&LeafRequest::client("late", validity)).unwrap();
    let files = pki.write(&identity.cert_pem, &identity.key_pem);
    let mut config = persona(&pki, &files);
    let second = json!({ "name": "second", "inbound": "127.0.0.1:1", "outbound": "db:1",
        "on_truncation": "end", "min_version": "TLS1.3" });
    config["address_pairs"].as_array_mut().unwrap().push(second);
    let lines = check(&pki, &config);
    let told = warnings(&lines);
    assert_eq!(told.len(), 2, "{told:?}");
    for file in [&files.cert, &pki.ca] {
        let begin = format!("{}: 19 days left", file.display());
        let count = told.iter().filter(|warning| warning.starts_with(&begin));
        assert_eq!(count.count(), 1, "{told:?}");
    }
}

#[test]
fn a_running_program_warns_at_its_start_and_at_each_reload() {
    let pki = TestPki::new();
    let files = pki.client("alice");
    let config = persona(&pki, &files);
    let soon = LeafRequest {
        validity: Validity {
            not_before: unix_now() + 200,
            ..pki.validity()
        },
        ..pki.request(Purpose::Client)
    };
    pki.renew(&files, &soon);
    fs::set_permissions(&files.key, Permissions::from_mode(0o600)).unwrap();
    let program = Program::run(&config);
    let warned = || {
        let lines = program.lines().into_iter();
        let about =
            |line: &String| line.contains(" WARN ") && line.contains(files.cert.to_str().unwrap());
        lines.filter(about).count()
    };
    assert_eq!(warned(), 1);
    program.signal("HUP");
    until("the warning of the reload", || {
        (warned() == 2).then_some(())
    });
}

#[test]
fn what_cannot_be_told_is_no_success() {
    let pki = TestPki::new();
    let path = write(&pki, &persona(&pki, &pki.client("alice")));
    let mut command = Command::new(PROGRAM);
    command.arg("check").arg("--config").arg(path);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(Stdio::from(full)).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.starts_with(b"mtls-persona: "));
}

#[test]
fn whose_headers_are_taken_and_what_is_sent_is_told_of_a_pair() {
    let pki = TestPki::new();
    let config = persona(&pki, &pki.client("alice"));
    let silent = check(&pki, &config);
    assert!(silent.iter().all(|line| !line.starts_with("  proxy")));
    let proxy = json!({ "in": { "from": ["10.0.0.0/8", "::1"] }, "out": "v2" });
    let lines = check(
        &pki,
        &pairs::with(config, "/address_pairs/0/proxy_protocol", proxy),
    );
    let mut told = lines.iter().filter(|line| line.starts_with("  proxy"));
    assert!(told.next().unwrap().contains(" 10.0.0.0/8, ::1"));
    assert!(told.next().unwrap().ends_with(" v2"));
}

#[test]
fn whose_certificate_goes_into_requests_is_told_of_a_pair() {
    let pki = TestPki::new();
    let config = persona(&pki, &pki.client("alice"));
    let is_about_http = |line: &&String| line.starts_with("  http");
    assert_eq!(check(&pki, &config).iter().find(is_about_http), None);
    let config = pairs::with(config, "/address_pairs/0/client_cert_header", true);
    let lines = check(&pki, &config);
    let told = lines.iter().find(is_about_http).unwrap();
    assert!(told.contains(" this certificate"), "{told}");
}
