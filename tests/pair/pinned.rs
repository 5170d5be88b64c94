//! Pairs of the configuration that know their peers by pinned keys, before and behind the `openssl` command.

use std::io::{ErrorKind, Read, Write};

use serde_json::{Value, json};

use super::pairing::identity;
use crate::support::backend;
use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::openssl;
use crate::support::peers::Gathered;
use crate::support::program::{PROGRAM, Program};
use crate::support::wait::until;

const VERSIONS: [(&str, &str); 2] = [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")];

/// A configuration of one pair that shows an identity and believes the holders of these keys.
fn pair(mode: &str, own: &IdentityFiles, pins: &[&IdentityFiles], outbound: String) -> Value {
    let pins: Vec<_> = pins.iter().map(|files| openssl::pin(files)).collect();
    json!({
        "cert": own.cert, "key": own.key,
        "address_pairs": [{
            "name": "pair", "mode": mode, "inbound": "127.0.0.1:0", "outbound": outbound,
            "trust": "pinned", "pins": pins,
        }],
    })
}

#[test]
fn a_gateway_with_the_pinned_key_gets_all_and_one_with_another_not_a_byte() {
    let pki = TestPki::new();
    let [own, gateway, other] = [(); 3].map(|()| identity(&pki));
    let trust = own.cert.to_str().unwrap();
    for (option, version) in VERSIONS {
        let demand = [
            option,
            "-Verify",
            "1",
            "-verify_return_error",
            "-partial_chain",
            "-CAfile",
            trust,
        ];
        let mut right = openssl::server(&gateway, &demand);
        openssl::echo(right.pipes());
        let outbound = format!("127.0.0.1:{}", right.port);
        let program = Program::run(&pair("client", &own, &[&other, &gateway], outbound));
        let mut stream = program.connect("pair");
        backend::ping(&mut stream);
        drop(stream);
        let access = program.access("pair", 0);
        assert_eq!(access.get("outbound_version"), version);
        assert_eq!(access.get("bytes_outward"), "4");

        let mut wrong = openssl::server(&other, &demand);
        let (_input, output) = wrong.pipes();
        let received = Gathered::of(output);
        let outbound = format!("127.0.0.1:{}", wrong.port);
        let program = Program::run(&pair("client", &own, &[&gateway], outbound));
        let mut stream = program.connect("pair");
        let outcome = stream
            .write_all(&[b'x'; 5000])
            .and_then(|()| stream.read_to_end(&mut Vec::new()));
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let access = program.access("pair", 0);
        assert_eq!(access.reason(), "key_not_pinned");
        assert_eq!(received.len(), 0);
    }
}

#[test]
fn a_client_with_the_pinned_key_gets_in_and_nobody_else() {
    let pki = TestPki::new();
    let [own, client, other] = [(); 3].map(|()| identity(&pki));
    // Somebody whom an authority vouches for is nobody here.
    let vouched = pki.client("alice");
    let (service, reached) = backend::counted();
    for (option, version) in VERSIONS {
        let echo = backend::echo().to_string();
        let program = Program::run(&pair("server", &own, &[&client], echo));
        let port = program.addr("pair").port();
        let mut right = openssl::client(port, Some(&client), &[option]);
        let (mut input, output) = right.pipes();
        input.write_all(b"ping").unwrap();
        assert_eq!(Gathered::of(output).until_len(4), b"ping");
        drop(input);
        let access = program.access("pair", 0);
        assert_eq!(access.get("inbound_version"), version);

        let program = Program::run(&pair("server", &own, &[&client], service.to_string()));
        let port = program.addr("pair").port();
        let strangers = [Some(&other), Some(&vouched), None];
        for (index, files) in strangers.into_iter().enumerate() {
            let _stranger = openssl::client(port, files, &[option]);
            let reason = match files {
                Some(_) => "key_not_pinned",
                None => "cert_missing",
            };
            assert_eq!(program.access("pair", index).reason(), reason);
        }
    }
    assert_eq!(reached.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[test]
fn a_bridge_tells_the_keys_of_its_clients_from_those_of_its_gateway() {
    let pki = TestPki::new();
    let [own, client, gateway] = [(); 3].map(|()| identity(&pki));
    let mut server = openssl::server(&gateway, &[]);
    openssl::echo(server.pipes());
    let outbound = format!("127.0.0.1:{}", server.port);
    let mut config = pair("bridge", &own, &[&client], outbound);
    config["address_pairs"][0]["pins_outbound"] = json!(openssl::pin(&gateway));
    let program = Program::run(&config);
    let port = program.addr("pair").port();
    let mut right = openssl::client(port, Some(&client), &[]);
    let (mut input, output) = right.pipes();
    input.write_all(b"ping").unwrap();
    assert_eq!(Gathered::of(output).until_len(4), b"ping");
    let _swapped = openssl::client(port, Some(&gateway), &[]);
    until("the refusal", || {
        let accesses = program.accesses("pair");
        let refused = accesses
            .iter()
            .any(|access| access.reason() == "key_not_pinned");
        refused.then_some(())
    });
}

#[test]
fn a_reload_with_other_pins_ends_whom_they_do_not_name_and_lets_go_on_whom_they_do() {
    let pki = TestPki::new();
    let [own, stays, goes] = [(); 3].map(|()| identity(&pki));
    let echo = backend::echo().to_string();
    let mut config = pair("server", &own, &[&stays, &goes], echo.clone());
    config["on_reload"] = json!("close");
    let program = Program::run(&config);
    let port = program.addr("pair").port();
    let mut peers = [&stays, &goes].map(|files| {
        let mut peer = openssl::client(port, Some(files), &[]);
        let (mut input, output) = peer.pipes();
        let output = Gathered::of(output);
        input.write_all(b"ping").unwrap();
        output.until_len(4);
        (peer, input, output)
    });
    let mut newer = pair("server", &own, &[&stays], echo);
    newer["on_reload"] = json!("close");
    newer["address_pairs"][0]["inbound"] = json!("127.0.0.1:0");
    program.reconfigure(&newer);
    program.reload();
    assert_eq!(program.access("pair", 0).reason(), "key_not_pinned");
    let [(_, input, output), (peer, ..)] = &mut peers;
    peer.exit();
    input.write_all(b"pong").unwrap();
    assert_eq!(output.until_len(8), b"pingpong");
    let _again = openssl::client(port, Some(&goes), &[]);
    assert_eq!(program.access("pair", 1).reason(), "key_not_pinned");
}

/// Runs a command of the program on a configuration: its exit code and its words.
fn told(pki: &TestPki, command: &str, config: &Value) -> (i32, String) {
    let path = pki.folder().join("pinned.json");
    std::fs::write(&path, config.to_string()).unwrap();
    let mut program = std::process::Command::new(PROGRAM);
    let output = program
        .arg(command)
        .arg("--config")
        .arg(&path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), text)
}

#[test]
fn check_and_probe_tell_whom_a_pair_believes_by_its_key() {
    let pki = TestPki::new();
    let [own, gateway, other] = [(); 3].map(|()| identity(&pki));
    let server = openssl::server(&gateway, &[]);
    let outbound = format!("127.0.0.1:{}", server.port);
    let right = pair("client", &own, &[&gateway], outbound.clone());
    let (code, words) = told(&pki, "check", &right);
    assert!(
        code == 0 && words.contains("whoever has the key with the digest"),
        "{words}"
    );
    assert!(!words.contains("in ca"), "{words}");
    let (code, words) = told(&pki, "probe", &right);
    assert!(
        code == 0 && words.contains("it has a pinned key"),
        "{words}"
    );
    let (code, words) = told(&pki, "probe", &pair("client", &own, &[&other], outbound));
    assert!(
        code == 1 && words.contains("certificate  key_not_pinned"),
        "{words}"
    );
}
