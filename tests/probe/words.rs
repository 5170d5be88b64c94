//! Words on the command line, exit codes, and that the access log says the same.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};

use mtls_persona::tls::authority::Purpose;
use serde_json::{Value, json};

use crate::support::certs::TestPki;
use crate::support::program::{PROGRAM, Program};
use crate::support::{backend, openssl, pairs};
use crate::{persona, probe};

/// Pairs before a plain service, of which `dead` leads nowhere.
fn two(pki: &TestPki) -> Value {
    let config = pairs::server(pki, backend::echo());
    let mut dead = config["address_pairs"][0].clone();
    dead["name"] = json!("dead");
    dead["inbound"] = json!("127.0.0.1:1");
    dead["outbound"] = json!(pairs::lone_address().to_string());
    let mut config = config;
    config["address_pairs"]
        .as_array_mut()
        .unwrap()
        .insert(0, dead);
    config
}

#[test]
fn every_pair_is_probed_in_turn_and_one_that_is_not_reached_makes_it_one() {
    let pki = TestPki::new();
    let probed = probe(&pki, &two(&pki), &[]);
    assert_eq!(probed.code, 1);
    let refused = [("name", "ok"), ("connect", "connect_refused")];
    let reached = [("name", "ok"), ("connect", "ok")];
    assert_eq!(probed.steps(), [refused, reached].concat());
    assert!(probed.stdout.ends_with("not reached: dead\n"));
}

#[test]
fn a_pair_that_is_named_is_the_only_one_and_decides_the_code() {
    let pki = TestPki::new();
    let config = two(&pki);
    for (name, code) in [("gateway", 0), ("dead", 1)] {
        let probed = probe(&pki, &config, &[name]);
        assert_eq!(probed.code, code, "{}", probed.stdout);
        assert_eq!(probed.steps().len(), 2);
    }
}

#[test]
fn a_pair_that_is_not_there_is_two_and_the_nearest_is_named() {
    let pki = TestPki::new();
    for (name, told) in [
        ("gatewya", vec!["\"gateway\""]),
        ("x", vec!["\"gateway\"", "\"dead\""]),
    ] {
        let probed = probe(&pki, &two(&pki), &[name]);
        assert_eq!((probed.code, probed.stdout.as_str()), (2, ""));
        assert!(
            told.iter().all(|word| probed.stderr.contains(word)),
            "{}",
            probed.stderr
        );
    }
}

#[test]
fn what_is_wrong_with_the_file_or_our_own_certificate_is_two_before_anything_is_dialled() {
    let pki = TestPki::new();
    let probed = probe(&pki, &json!({}), &[]);
    assert_eq!((probed.code, probed.stdout.as_str()), (2, ""));

    let expired = pki.expired(Purpose::Client);
    let mut config = persona(&pki, "localhost:1");
    config["cert"] = json!(expired.cert);
    config["key"] = json!(expired.key);
    let probed = probe(&pki, &config, &[]);
    assert_eq!((probed.code, probed.stdout.as_str()), (2, ""));
    assert!(probed.stderr.contains("cert_expired"), "{}", probed.stderr);

    // It is another pair's, and not in the way of this one.
    let server = pki.server("localhost");
    let gateway = json!({ "name": "gateway", "mode": "server", "inbound": ":1",
        "outbound": backend::echo().to_string(), "cert": server.cert, "key": server.key });
    config["address_pairs"]
        .as_array_mut()
        .unwrap()
        .push(gateway);
    assert_eq!(probe(&pki, &config, &["gateway"]).code, 0);
}

#[test]
fn what_cannot_be_told_is_no_success() {
    let pki = TestPki::new();
    let config = pki.folder().join("config.json");
    let text = pairs::server(&pki, backend::echo()).to_string();
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("probe").arg("--config").arg(config);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(Stdio::from(full)).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.starts_with(b"mtls-persona: "));
}

#[test]
fn the_access_log_tells_the_same_reason_detail_and_remedy() {
    let (pki, others) = (TestPki::new(), TestPki::new());
    let good = pki.server("localhost");
    let ca = others.ca.to_str().unwrap();
    let refusing = |version| {
        let demand = [
            "-Verify",
            "1",
            "-verify_return_error",
            "-CAfile",
            ca,
            version,
        ];
        openssl::server(&good, &demand)
    };
    let servers = [
        openssl::server(&pki.expired(Purpose::Server), &[]),
        openssl::server(&pki.wrong_name(), &["-tls1_2"]),
        refusing("-tls1_2"),
        refusing("-tls1_3"),
    ];
    let ssh = backend::service(|mut stream| stream.write_all(b"SSH-2.0-test\r\n").unwrap());
    let ports = servers.iter().map(|server| server.port).chain([ssh.port()]);
    let mut outbounds: Vec<_> = ports.map(|port| format!("localhost:{port}")).collect();
    outbounds.push(pairs::lone_address().to_string());
    for outbound in outbounds {
        let config = persona(&pki, &outbound);
        let probed = probe(&pki, &config, &[]);
        let program = Program::run(&config);
        let mut stream = program.connect("persona");
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        let access = program.access("persona", 0);
        let (step, reason) = *probed.steps().last().unwrap();
        assert_eq!(reason, access.reason(), "{outbound}: {}", probed.stdout);
        assert!(
            probed.words(step).ends_with(access.get("detail")),
            "{}",
            probed.stdout
        );
        assert_eq!(probed.below("remedy"), access.get("remedy"));
    }
}
