#![allow(clippy::unwrap_used)]

use std::time::Duration;

use log::LevelFilter;

use crate::config::fixture::{FIVE_KEYS, config_with, file, only_problem, pair_with, problems};
use crate::config::{
    Address, CrlScope, Fips, Limits, LogFormat, Mode, OnPeerExpiry, OnReload, OnStaleCrl,
    OnTruncation, ReloadTriggers, Resumption, Revocation, ServerName, Serves, TlsVersion, parse,
};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn the_five_key_file_gets_every_default() {
    let loaded = parse(FIVE_KEYS).unwrap();
    assert_eq!(loaded.warnings, []);
    let config = loaded.config;
    assert_eq!(config.reload.hour, Some(3));
    assert_eq!(config.workers, 0);
    assert_eq!(
        config.limits,
        Limits {
            connections: None,
            handshakes: Some(4096)
        }
    );
    assert_eq!(config.drain, secs(30));
    assert_eq!(config.log_level, LevelFilter::Info);
    let [pair] = config.pairs.as_slice() else {
        panic!("one pair, not {}", config.pairs.len());
    };
    assert_eq!(pair.name, "localhost:5432");
    assert_eq!(pair.mode, Mode::Client);
    assert_eq!(pair.inbound, "localhost:5432".parse::<Address>().unwrap());
    assert_eq!(
        pair.outbound,
        "remote.domain.com:5432".parse::<Address>().unwrap()
    );
    assert_eq!(
        pair.server_name,
        Some(ServerName::Dns("remote.domain.com".to_owned()))
    );
    assert_eq!(
        pair.tls.cert.to_str(),
        Some("/etc/mtls-persona/agent.certificate.pem")
    );
    assert_eq!(
        pair.tls.key.to_str(),
        Some("/etc/mtls-persona/agent.privatekey.pem")
    );
    assert_eq!(pair.tls.ca.len(), 1);
    assert_eq!(
        pair.tls.ca[0].to_str(),
        Some("/etc/mtls-persona/trust-store.pem")
    );
    assert_eq!(pair.tls.min_version, TlsVersion::Tls12);
    assert_eq!(pair.tls.resumption, Resumption::Usual);
    assert_eq!((config.fips, config.fips_pq), (Fips::Off, false));
    assert!(config.landlock);
    assert_eq!(pair.timeouts.connect, secs(10));
    assert_eq!(pair.timeouts.handshake, secs(10));
    assert_eq!(pair.timeouts.idle, None);
    assert_eq!(pair.timeouts.half_close, secs(60));
    assert_eq!(pair.connections, None);
    assert_eq!(pair.on_truncation, OnTruncation::Abort);
    assert_eq!(pair.tcp.keepalive, Some(secs(300)));
    assert!(pair.tcp.nodelay);
}

#[test]
fn every_key_of_the_top_level_arrives_in_the_model() {
    let config = config_with(
        r#""reload_hour": 23, "workers": 4, "min_version": "TLS1.3", "resumption": false,
           "limits": {"connections": 7, "handshakes": 8},
           "timeouts": {"connect": 1, "handshake": "2s", "idle": "3m", "half_close": "4h",
                        "drain": 5},
           "tcp": {"keepalive": "90s", "nodelay": false},
           "log": {"level": "trace"}"#,
    );
    assert_eq!(config.reload.hour, Some(23));
    assert_eq!(config.workers, 4);
    assert_eq!(
        config.limits,
        Limits {
            connections: Some(7),
            handshakes: Some(8)
        }
    );
    assert_eq!(config.drain, secs(5));
    assert_eq!(config.log_level, LevelFilter::Trace);
    let pair = &config.pairs[0];
    assert_eq!(pair.tls.min_version, TlsVersion::Tls13);
    assert_eq!(pair.tls.resumption, Resumption::Off);
    assert_eq!(pair.timeouts.connect, secs(1));
    assert_eq!(pair.timeouts.handshake, secs(2));
    assert_eq!(pair.timeouts.idle, Some(secs(180)));
    assert_eq!(pair.timeouts.half_close, secs(4 * 3600));
    assert_eq!(pair.tcp.keepalive, Some(secs(90)));
    assert!(!pair.tcp.nodelay);
}

#[test]
fn what_renews_and_revokes_is_off_until_it_is_asked_for() {
    let config = parse(FIVE_KEYS).unwrap().config;
    let pair = &config.pairs[0];
    let hour_alone = ReloadTriggers {
        hour: Some(3),
        ..ReloadTriggers::default()
    };
    assert_eq!(config.reload, hour_alone);
    assert_eq!(pair.on_reload, OnReload::Keep);
    assert_eq!(pair.on_peer_expiry, OnPeerExpiry::Keep);
    assert_eq!(pair.timeouts.lifetime, None);
    assert_eq!(pair.tls.revocation, Revocation::default());
}

#[test]
fn what_renews_and_revokes_is_a_matter_of_the_top_level_and_of_each_pair() {
    let top = r#""reload_interval": "15m", "watch": true, "crl": "a.crl", "crl_scope": "leaf",
        "on_stale_crl": "48h", "on_reload": "drain", "on_peer_expiry": "close",
        "timeouts": {"lifetime": "8h"}"#;
    let config = config_with(top);
    assert_eq!(config.reload.interval, Some(secs(900)));
    assert!(config.reload.watch);
    let pair = &config.pairs[0];
    let revocation = Revocation {
        crl: vec!["a.crl".into()],
        scope: CrlScope::Leaf,
        on_stale: OnStaleCrl::Grace(secs(48 * 3600)),
    };
    assert_eq!(pair.tls.revocation, revocation);
    assert_eq!(pair.on_reload, OnReload::Drain);
    assert_eq!(pair.on_peer_expiry, OnPeerExpiry::Close);
    assert_eq!(pair.timeouts.lifetime, Some(secs(8 * 3600)));
    let own = r#""crl": [], "crl_scope": "chain", "on_stale_crl": "warn", "on_reload": "close",
        "on_peer_expiry": "keep", "timeouts": {"lifetime": 0}"#;
    let config = parse(&file(top, &pair_with(own))).unwrap().config;
    let pair = &config.pairs[0];
    let revocation = Revocation {
        crl: vec![],
        scope: CrlScope::Chain,
        on_stale: OnStaleCrl::Warn,
    };
    assert_eq!(pair.tls.revocation, revocation);
    assert_eq!(pair.on_reload, OnReload::Close);
    assert_eq!(pair.on_peer_expiry, OnPeerExpiry::Keep);
    assert_eq!(pair.timeouts.lifetime, None);
}

#[test]
fn a_policy_that_is_none_is_told_with_what_to_write() {
    let cases = [
        (
            r#""on_stale_crl": "fale""#,
            "on_stale_crl: \"fale\" is not one of its words",
        ),
        (
            r#""on_stale_crl": 0"#,
            "on_stale_crl: must be longer than 0",
        ),
        (
            r#""crl_scope": "all""#,
            "crl_scope: \"all\" is not one of its words",
        ),
        (
            r#""on_reload": "kill""#,
            "on_reload: \"kill\" is not one of its words",
        ),
        (r#""on_peer_expiry": true"#, "on_peer_expiry: expected"),
        (r#""crl": ["a", ""]"#, "crl[1]: the path is empty"),
        (
            r#""reload_interval": "10ms""#,
            "reload_interval: \"10ms\" is too often",
        ),
    ];
    for (key, fault) in cases {
        let told = only_problem(&file(key, &pair_with("")));
        assert!(told.starts_with(fault), "{told}");
    }
}

#[test]
fn fips_is_one_of_three_words_and_its_hybrids_need_it() {
    for (word, fips) in [
        ("off", Fips::Off),
        ("auto", Fips::Auto),
        ("require", Fips::Require),
    ] {
        let config = config_with(&format!(r#""fips": "{word}""#));
        assert_eq!(config.fips, fips);
        assert_eq!(fips.to_string(), word);
    }
    let config = config_with(r#""fips": "auto", "fips_pq": true"#);
    assert!(config.fips_pq);
    let told = only_problem(&file(r#""fips": true"#, &pair_with("")));
    assert!(told.starts_with("fips: expected "), "{told}");
    let told = only_problem(&file(r#""fips_pq": true"#, &pair_with("")));
    assert!(told.starts_with("fips_pq: means nothing while "), "{told}");
}

#[test]
fn resumption_that_is_written_down_is_told_from_the_usual_one() {
    let resumption = |top: &str| config_with(top).pairs[0].tls.resumption;
    assert_eq!(resumption(r#""resumption": true"#), Resumption::On);
    assert_eq!(resumption(r#""resumption": false"#), Resumption::Off);
    assert_eq!(resumption(r#""workers": 1"#), Resumption::Usual);
}

#[test]
fn a_limit_of_0_is_no_limit() {
    let config = config_with(r#""limits": {"connections": 0, "handshakes": 0}"#);
    assert_eq!(
        config.limits,
        Limits {
            connections: None,
            handshakes: None
        }
    );
}

#[test]
fn durations_are_texts_with_units_or_whole_seconds() {
    let cases = [
        ("\"10s\"", secs(10)),
        ("\"15m\"", secs(900)),
        ("\"1h30m\"", secs(5400)),
        ("\"1h 30m\"", secs(5400)),
        ("\"500ms\"", Duration::from_millis(500)),
        ("90", secs(90)),
        ("\"87600h\"", secs(315_360_000)),
    ];
    for (text, duration) in cases {
        let config = config_with(&format!(r#""timeouts": {{"drain": {text}}}"#));
        assert_eq!(config.drain, duration, "{text}");
    }
}

#[test]
fn a_duration_that_is_none_is_told_as_what_it_is() {
    let cases = [
        ("\"10\"", "is no duration"),
        ("\"1d\"", "is no duration"),
        ("\"P1D\"", "is no duration"),
        ("\"\"", "is no duration"),
        ("\"-5s\"", "is negative"),
        ("\"5s ago\"", "is negative"),
        ("-5", "is negative"),
        ("\"87601h\"", "is longer than ten years"),
        ("18446744073709551615", "is longer than ten years"),
        ("0", "must be longer than 0"),
        ("\"0s\"", "must be longer than 0"),
        ("1.5", "found the number 1.5"),
        ("null", "found null"),
        ("[]", "found a list"),
    ];
    for (text, fault) in cases {
        let told = only_problem(&file(
            &format!(r#""timeouts": {{"drain": {text}}}"#),
            &pair_with(""),
        ));
        assert!(
            told.starts_with("timeouts.drain: ") && told.contains(fault),
            "{text}: {told}"
        );
    }
}

#[test]
fn idle_alone_may_be_without_limit() {
    assert_eq!(
        config_with(r#""timeouts": {"idle": "0s"}"#).pairs[0]
            .timeouts
            .idle,
        None
    );
    for key in ["connect", "handshake", "half_close", "drain"] {
        let told = only_problem(&file(
            &format!(r#""timeouts": {{"{key}": 0}}"#),
            &pair_with(""),
        ));
        assert!(
            told.starts_with(&format!("timeouts.{key}: must be longer than 0")),
            "{told}"
        );
    }
}

#[test]
fn keepalive_is_switched_off_by_false_or_0_and_bounded_by_what_tcp_takes() {
    let keepalive = |text: &str| {
        config_with(&format!(r#""tcp": {{"keepalive": {text}}}"#)).pairs[0]
            .tcp
            .keepalive
    };
    for off in ["false", "0", "\"0s\""] {
        assert_eq!(keepalive(off), None, "{off}");
    }
    assert_eq!(keepalive("1"), Some(secs(1)));
    assert_eq!(keepalive("\"9h\""), Some(secs(9 * 3600)));
    for bad in ["true", "\"999ms\"", "\"10h\"", "null"] {
        let told = only_problem(&file(
            &format!(r#""tcp": {{"keepalive": {bad}}}"#),
            &pair_with(""),
        ));
        assert!(told.starts_with("tcp.keepalive: "), "{told}");
    }
}

#[test]
fn a_wrong_value_is_told_with_what_was_found_and_what_is_expected() {
    let cases = [
        (
            r#""reload_hour": 24"#,
            "reload_hour: expected a whole number from 0 to 23, found the number 24",
        ),
        (
            r#""reload_hour": -1"#,
            "reload_hour: expected a whole number from 0 to 23, found the number -1",
        ),
        (
            r#""reload_hour": 3.5"#,
            "reload_hour: expected a whole number from 0 to 23, found the number 3.5",
        ),
        (
            r#""reload_hour": "3""#,
            "reload_hour: expected a whole number from 0 to 23, found the text \"3\"",
        ),
        (
            r#""reload_hour": null"#,
            "reload_hour: expected a whole number from 0 to 23, found null",
        ),
        (
            r#""workers": true"#,
            "workers: expected a whole number from 0 to 1024, found true",
        ),
        (
            r#""limits": 5"#,
            "limits: expected an object, found the number 5",
        ),
        (
            r#""tcp": {"nodelay": "yes"}"#,
            "tcp.nodelay: expected true or false, found the text \"yes\"",
        ),
        (
            r#""resumption": "off""#,
            "resumption: expected true or false, found the text \"off\"",
        ),
        (
            r#""min_version": 1.3"#,
            "min_version: expected \"TLS1.2\" or \"TLS1.3\", found the number 1.3",
        ),
        (
            r#""min_version": "TLSv1.3""#,
            "min_version: \"TLSv1.3\" is not one of its words: write \"TLS1.2\" or \"TLS1.3\"",
        ),
        (
            r#""log": {"level": "off"}"#,
            "log.level: \"off\" is not one of its words: write \"error\", \"warn\", \"info\", \
             \"debug\" or \"trace\"",
        ),
    ];
    for (top, told) in cases {
        assert_eq!(only_problem(&file(top, &pair_with(""))), told);
    }
}

#[test]
fn the_list_of_pairs_must_be_there_and_hold_something() {
    let files = r#""cert":"c","key":"k","ca":"a""#;
    let told = only_problem(&format!("{{{files}}}"));
    assert!(
        told.starts_with("address_pairs: missing: write [{\"inbound\""),
        "{told}"
    );
    let told = only_problem(&file("", ""));
    assert!(
        told.starts_with("address_pairs: the list is empty"),
        "{told}"
    );
    let told = only_problem(&format!(r#"{{{files},"address_pairs":{{}}}}"#));
    assert_eq!(
        told,
        "address_pairs: expected a list of objects, found an object"
    );
    let told = problems(&file("", r#"5, "x""#));
    assert_eq!(
        told[0],
        "address_pairs[0]: expected an object, found the number 5"
    );
    assert_eq!(
        told[1],
        "address_pairs[1]: expected an object, found the text \"x\""
    );
}

#[test]
fn more_pairs_than_anybody_writes_are_refused() {
    let pairs = vec![r#"{"inbound":":0","outbound":"db:1"}"#; 10_001].join(",");
    let told = only_problem(&file("", &pairs));
    assert_eq!(
        told,
        "address_pairs: 10001 entries are too many: keep to 10000"
    );
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    let cases = [
        ("reload_houre", "reload_hour"),
        ("reloadHour", "reload_hour"),
        ("Reload-Hour", "reload_hour"),
        ("certs", "cert"),
        ("ca_certs", "ca_cert"),
        ("timeout", "timeouts"),
        ("address_pair", "address_pairs"),
    ];
    for (key, near) in cases {
        let told = only_problem(&file(&format!("\"{key}\": 1"), &pair_with("")));
        assert_eq!(
            told,
            format!("{key}: unknown key: did you mean \"{near}\"?")
        );
    }
    let told = only_problem(&file("", &pair_with(r#""outbuond": ":1""#)));
    assert_eq!(
        told,
        "address_pairs[0].outbuond: unknown key: did you mean \"outbound\"?"
    );
}

#[test]
fn an_unknown_key_that_is_near_to_none_gets_the_list() {
    for key in ["status", "directory"] {
        let told = only_problem(&file(&format!("\"{key}\": 1"), &pair_with("")));
        assert!(
            told.starts_with(&format!("{key}: unknown key: the known ones here are ")),
            "{told}"
        );
    }
    let told = only_problem(&file(r#""log": {"colour": "red"}"#, &pair_with("")));
    assert_eq!(
        told,
        "log.colour: unknown key: the known ones here are level, format"
    );
}

#[test]
fn a_strange_key_is_shown_on_one_short_line() {
    let told = only_problem(&file(r#""a\nb \u001b[1m": 1"#, &pair_with("")));
    assert!(
        told.starts_with(r#""a\nb \u{1b}[1m": unknown key"#),
        "{told}"
    );
    let told = only_problem(&file(
        &format!("\"{}\": 1", "k".repeat(100_000)),
        &pair_with(""),
    ));
    assert!(told.len() < 400, "{told}");
}

#[test]
fn a_key_given_twice_is_a_problem_at_every_level() {
    let told = problems(&file(
        r#""workers": 1, "workers": 2, "tcp": {"nodelay": true, "nodelay": true}"#,
        &pair_with(r#""inbound": ":1""#),
    ));
    let paths: Vec<_> = told
        .iter()
        .map(|line| line.split_once(": ").unwrap())
        .collect();
    let what = "given more than once: keep one of them";
    let expected = ["workers", "tcp.nodelay", "address_pairs[0].inbound"].map(|path| (path, what));
    assert_eq!(paths, expected);
}

#[test]
fn both_names_of_one_key_are_a_problem() {
    let cases = [
        ("cert", "client_cert"),
        ("key", "client_key"),
        ("ca", "ca_cert"),
    ];
    for (name, other) in cases {
        let told = only_problem(&file(&format!("\"{other}\": \"x\""), &pair_with("")));
        let what = format!("given beside \"{name}\", which is the same key: keep one");
        assert_eq!(told, format!("{other}: {what}"));
    }
}

#[test]
fn what_tells_of_the_program_arrives_in_the_model() {
    let config = config_with(
        r#""log": {"format": "logfmt"}, "admin": {"metric_prefix": "_m2", "metrics": ":3",
            "health": ["localhost:2", "unix:/run/h"], "listen": "[::1]:1"}"#,
    );
    assert_eq!(config.log_format, LogFormat::Logfmt);
    assert_eq!(config.admin.metric_prefix, "_m2");
    let listeners = config.admin.listeners.iter();
    let listeners: Vec<_> = listeners
        .map(|listener| (listener.address.to_string(), listener.serves))
        .collect();
    let expected = [
        ("[::1]:1", Serves::Everything),
        ("localhost:2", Serves::Health),
        ("unix:/run/h", Serves::Health),
        (":3", Serves::Metrics),
    ];
    assert_eq!(
        listeners,
        expected.map(|(address, serves)| (address.to_owned(), serves))
    );
    assert!(Serves::Everything.health() && Serves::Everything.metrics());
    assert!(Serves::Health.health() && !Serves::Health.metrics());
    assert!(!Serves::Metrics.health() && Serves::Metrics.metrics());
}

#[test]
fn an_admin_listener_leaves_room_for_the_pairs_and_for_the_others() {
    let top = r#""admin": {"listen": "127.0.0.1:1", "health": ":5432", "metrics": [":1", "db"]}"#;
    let told = problems(&file(top, &pair_with("")));
    let expected = [
        "admin.metrics[1]: \"db\" has no port",
        "admin.health: \":5432\" collides with \"localhost:5432\" of address_pairs[0].inbound",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}");
    }
    let top = r#""admin": {"listen": "127.0.0.1:1", "metrics": ":1"}"#;
    let told = only_problem(&file(top, &pair_with("")));
    assert!(
        told.starts_with("admin.metrics: \":1\" collides with \"127.0.0.1:1\" of admin.listen"),
        "{told}"
    );
}

#[test]
fn what_metrics_names_cannot_begin_with_is_told() {
    let long = "a".repeat(101);
    for prefix in ["", "2m", "mtls-persona", "a b", "é", long.as_str()] {
        let top = format!(r#""admin": {{"metric_prefix": "{prefix}"}}"#);
        let told = only_problem(&file(&top, &pair_with("")));
        assert!(told.contains("begins no metric's name"), "{told}");
    }
}
