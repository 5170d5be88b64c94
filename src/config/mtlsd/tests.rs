#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use super::*;
use crate::config::fixture::{lines, older};
use crate::config::{Timeouts, load};
use crate::identity::{PeerCert, Verdict};

const TLS: &str = "tls: {cert: c.pem, key: k.pem, ca: a.pem}\n";

/// A file of that mode with these lines more.
fn of(mode: &str, more: &str) -> String {
    format!("mode: {mode}\nlisten: 127.0.0.1:9080\ntarget: db.example:8443\n{TLS}{more}")
}

/// The same with these members more in its `tls`.
fn tls_with(mode: &str, members: &str) -> String {
    of(mode, "").replace("a.pem}", &format!("a.pem, {members}}}"))
}

fn config(text: &str) -> Config {
    let loaded = older(text, read).unwrap_or_else(|problems| panic!("{problems}"));
    loaded.config
}

fn pair(text: &str) -> Pair {
    config(text).pairs.remove(0)
}

fn problems(text: &str) -> Vec<String> {
    lines(&older(text, read).unwrap_err().0)
}

fn warnings(text: &str) -> Vec<String> {
    lines(&older(text, read).unwrap().warnings)
}

fn listeners(config: &Config) -> Vec<(String, Serves)> {
    let listeners = config.admin.listeners.iter();
    listeners
        .map(|l| (l.address.to_string(), l.serves))
        .collect()
}

#[test]
fn what_is_required_gets_the_defaults_of_the_reference() {
    let config = config(&of("server", ""));
    let pair = &config.pairs[0];
    assert_eq!(pair.mode, Mode::Server);
    assert_eq!(pair.inbound.to_string(), "127.0.0.1:9080");
    assert_eq!(pair.outbound.to_string(), "db.example:8443");
    assert_eq!(pair.server_name, None);
    assert_eq!(
        (&pair.tls.cert, &pair.tls.key),
        (&"c.pem".into(), &"k.pem".into())
    );
    assert_eq!(pair.tls.ca, [PathBuf::from("a.pem")]);
    assert_eq!(pair.tls.min_version, TlsVersion::Tls12);
    assert!(pair.tls.revocation.crl.is_empty());
    assert!(pair.allow.is_empty());
    assert_eq!(pair.connections, Some(1000));
    let expected = Timeouts {
        connect: Duration::from_secs(10),
        idle: Some(Duration::from_secs(90)),
        ..Timeouts::default()
    };
    assert_eq!(pair.timeouts, expected);
    assert!(config.reload.watch);
    assert_eq!((config.reload.hour, config.reload.interval), (None, None));
    assert_eq!(config.admin.listeners, []);
    assert_eq!(config.admin.metric_prefix, "mtlsd");
    assert_eq!(
        (config.log_level, config.log_format),
        (LevelFilter::Info, LogFormat::Logfmt)
    );
}

#[test]
fn every_field_arrives_in_the_model() {
    let text = "mode: bridge\nlisten: ':8443'\ntarget: '[2001:db8::7]:8443'\n\
        tls: {cert: c, key: k, ca: a, client_auth: required, server_name: Gate.example., \
              min_version: TLS1.3, crl: [r.crl, s.crl]}\n\
        acl: {allow_cn: [one, 2, true], allow_org: org}\n\
        proxy: {dial_timeout: 1500ms, idle_timeout: 1h30m, max_connections: 7}\n\
        health: {enabled: true, listen: 'localhost:1'}\n\
        metrics: {enabled: on, listen: 'localhost:2'}\n\
        logging: {level: error, format: json}\n";
    let config = config(text);
    let pair = &config.pairs[0];
    assert_eq!(pair.mode, Mode::Bridge);
    assert_eq!(
        pair.server_name.as_ref().unwrap().to_string(),
        "gate.example"
    );
    assert_eq!(pair.tls.min_version, TlsVersion::Tls13);
    assert_eq!(
        pair.tls.revocation.crl,
        ["r.crl", "s.crl"].map(PathBuf::from)
    );
    let rules: Vec<_> = pair.allow.rules().iter().map(ToString::to_string).collect();
    assert_eq!(rules, ["cn:one", "cn:2", "cn:true", "org:org"]);
    assert!(pair.allow_outbound.is_empty());
    assert_eq!(pair.timeouts.connect, Duration::from_millis(1500));
    assert_eq!(pair.timeouts.idle, Some(Duration::from_secs(5400)));
    assert_eq!(pair.connections, Some(7));
    let expected = [
        ("localhost:1".to_owned(), Serves::Health),
        ("localhost:2".to_owned(), Serves::Metrics),
    ];
    assert_eq!(listeners(&config), expected);
    assert_eq!(
        (config.log_level, config.log_format),
        (LevelFilter::Error, LogFormat::Json)
    );
}

#[test]
fn the_target_proves_its_own_host_unless_another_name_is_given() {
    assert_eq!(
        pair(&of("client", "")).server_name.unwrap().to_string(),
        "db.example"
    );
    let named = tls_with("client", "server_name: other.example");
    assert_eq!(
        pair(&named).server_name.unwrap().to_string(),
        "other.example"
    );
    let unix = of("client", "").replace("db.example:8443", "unix:/run/gate");
    assert!(problems(&unix)[0].starts_with("tls.server_name: missing: a Unix socket"));
    assert_eq!(
        pair(&unix.replace("mode: client", "mode: server")).server_name,
        None
    );
}

#[test]
fn either_list_admits_and_names_are_compared_as_they_stand() {
    let pair = pair(&of(
        "server",
        "acl: {allow_cn: [web, db], allow_org: [ops]}\n",
    ));
    let peer = |cn: &str, org: &str| PeerCert {
        cn: Some(cn.to_owned()),
        org: vec!["other".to_owned(), org.to_owned()],
        ..PeerCert::default()
    };
    let admits = |cn, org| pair.allow.check(&peer(cn, org)) != Verdict::Denied;
    assert!(admits("db", "x") && admits("x", "ops"));
    for (cn, org) in [
        ("DB", "x"),
        ("db ", "x"),
        ("x", "Ops"),
        ("ops", "db"),
        ("webdb", ""),
    ] {
        assert!(!admits(cn, org), "{cn:?} {org:?}");
    }
    // A list without an entry is no list.
    for none in ["acl:\n", "acl: {}\n", "acl: {allow_cn: [], allow_org: }\n"] {
        assert!(
            config(&of("server", none)).pairs[0].allow.is_empty(),
            "{none}"
        );
    }
}

#[test]
fn a_star_is_no_wildcard_and_is_refused_rather_than_taken_for_one() {
    let told = problems(&of("server", "acl: {allow_cn: [a, 'web-*', '']}\n"));
    assert!(
        told[0].starts_with("acl.allow_cn[1]: \"web-*\": stars stand for themselves"),
        "{told:#?}"
    );
    assert!(
        told[1].starts_with("acl.allow_cn[2]: \"\": it is empty"),
        "{told:#?}"
    );
}

#[test]
fn a_list_in_a_client_judges_the_server_and_that_is_told() {
    let told = warnings(&of("client", "acl: {allow_org: [ops]}\n"));
    assert!(told[0].starts_with("acl: judges the server"), "{told:#?}");
    assert_eq!(warnings(&of("client", "acl: {allow_org: []}\n")), [""; 0]);
    assert_eq!(
        warnings(&of("bridge", "acl: {allow_org: [ops]}\n")),
        [""; 0]
    );
}

#[test]
fn clients_without_a_certificate_are_not_admitted() {
    assert!(older(&tls_with("server", "client_auth: required"), read).is_ok());
    for word in ["optional", "none"] {
        let told = problems(&tls_with("server", &format!("client_auth: {word}")));
        let expected = format!("tls.client_auth: \"{word}\" would admit clients without");
        assert!(told[0].starts_with(&expected), "{told:#?}");
    }
    let told = problems(&tls_with("server", "client_auth: require"));
    assert!(
        told[0].contains("is not one of its words: write \"required\""),
        "{told:#?}"
    );
}

#[test]
fn what_means_nothing_in_a_mode_is_told() {
    let told = warnings(&tls_with("server", "server_name: a.example"));
    assert!(
        told[0].starts_with("tls.server_name: means nothing to a \"server\""),
        "{told:#?}"
    );
    let told = warnings(&tls_with("client", "client_auth: required"));
    assert!(
        told[0].starts_with("tls.client_auth: means nothing to a \"client\""),
        "{told:#?}"
    );
}

#[test]
fn what_0_means_is_told() {
    let text = of(
        "client",
        "proxy: {dial_timeout: 0, idle_timeout: 0s, max_connections: 0}\n",
    );
    let loaded = older(&text, read).unwrap();
    let pair = &loaded.config.pairs[0];
    assert_eq!(pair.timeouts.connect, Duration::from_secs(10));
    assert_eq!((pair.timeouts.idle, pair.connections), (None, None));
    let told = lines(&loaded.warnings);
    let expected = [
        "proxy.dial_timeout: 0 counts as left out",
        "proxy.idle_timeout: 0 is no limit",
        "proxy.max_connections: 0 is no limit",
    ];
    assert_eq!(told.len(), 3, "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn a_duration_without_a_unit_is_not_guessed_at() {
    let told = problems(&of(
        "client",
        "proxy: {dial_timeout: 10, idle_timeout: 1d}\n",
    ));
    assert!(
        told[0].starts_with("proxy.idle_timeout: \"1d\" is no duration"),
        "{told:#?}"
    );
    let expected = "proxy.dial_timeout: 10 has no unit: write \"10s\" if it is seconds";
    assert_eq!(told[1], expected);
}

#[test]
fn health_and_metrics_are_off_until_they_are_asked_for() {
    let off = "health: {listen: 'localhost:1'}\nmetrics: {enabled: no}\n";
    assert_eq!(listeners(&config(&of("server", off))), []);
    let on = "health: {enabled: true}\nmetrics: {enabled: true}\n";
    let expected = [
        ("127.0.0.1:9000".to_owned(), Serves::Health),
        ("127.0.0.1:9001".to_owned(), Serves::Metrics),
    ];
    assert_eq!(listeners(&config(&of("server", on))), expected);
    let one = "health: {enabled: true}\nmetrics: {enabled: true, listen: '127.0.0.1:9000'}\n";
    let expected = [("127.0.0.1:9000".to_owned(), Serves::Everything)];
    assert_eq!(listeners(&config(&of("server", one))), expected);
}

#[test]
fn listeners_that_leave_no_room_for_one_another_are_told() {
    // A client that listens on 9000 and switches health on meets its default port.
    let text = of("client", "health: {enabled: true}\n").replace(":9080", ":9000");
    let told = problems(&text);
    let expected = "health.listen: \"127.0.0.1:9000\" collides with \"127.0.0.1:9000\" of listen: \
                    give it an address of its own";
    assert_eq!(told, [expected]);
    let both =
        "health: {enabled: true, listen: ':7'}\nmetrics: {enabled: true, listen: 'localhost:7'}\n";
    let told = problems(&of("client", both));
    assert!(
        told[0].starts_with("metrics.listen: \"localhost:7\" collides"),
        "{told:#?}"
    );
}

#[test]
fn what_is_blank_counts_as_left_out() {
    let blank =
        "acl:\nproxy:\n  idle_timeout:\n  max_connections: ~\nhealth: {enabled: }\nlogging:\n";
    let text =
        of("client", blank).replace("a.pem}", "a.pem, server_name: '', min_version: , crl: ''}");
    assert_eq!(config(&text), config(&of("client", "")));
    let told = problems(&of("client", "").replace("mode: client", "mode:"));
    assert_eq!(told, ["mode: missing: write server, client or bridge"]);
}

#[test]
fn every_problem_is_told_at_once_with_its_path() {
    let text = "mode: plain\nlisten: 8443\ntarget: host\ntls:\n  cert: [a]\n  keys: b\n  min_version: 1.2\n\
                acl: [a]\nproxy: {max_conections: 5, idle_timeout: never}\nhealth: {enabled: maybe}\n\
                metrics: {enabled: true, listen: '9001'}\nlogging: {level: trace, format: xml}\n\
                listen: b\n<< : a\n";
    let told = problems(&text.replace("<< : a\n", ""));
    let expected = [
        "listen: given more than once",
        "mode: \"plain\" would leave both legs without TLS",
        "listen: expected a text in quotes, found the number 8443",
        "target: \"host\" has no port",
        "tls.cert: expected the path of a file",
        "tls.key: missing",
        "tls.ca: missing",
        "tls.min_version: \"1.2\" is not one of its words",
        "tls.keys: unknown key: did you mean \"key\"?",
        "acl: expected an object, found a list",
        "proxy.idle_timeout: \"never\" is no duration",
        "proxy.max_conections: unknown key: did you mean \"max_connections\"?",
        "health.enabled: expected true or false, found the text \"maybe\"",
        "metrics.listen: \"9001\" has no host",
        "logging.level: \"trace\" is not one of its words",
        "logging.format: \"xml\" is not one of its words",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
    assert!(
        problems("mode: client\n")
            .iter()
            .any(|told| told.starts_with("tls: missing"))
    );
}

#[test]
fn the_form_is_found_without_an_extension() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("server");
    std::fs::write(&path, of("server", "")).unwrap();
    assert_eq!(load(&path).unwrap().config, config(&of("server", "")));
}
