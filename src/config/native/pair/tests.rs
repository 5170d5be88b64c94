#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::Duration;

use crate::config::fixture::{file, only_pair, only_problem, pair_with, problems};
use crate::config::{Mode, OnTruncation, Resumption, ServerName, TlsVersion, parse};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn paths(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

/// A pair in this mode between these addresses, with these members more.
fn between(mode: &str, inbound: &str, outbound: &str, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"mode":"{mode}","inbound":"{inbound}","outbound":"{outbound}"{comma}{members}}}"#)
}

#[test]
fn every_key_of_a_pair_arrives_in_the_model() {
    let pair = only_pair(
        r#"{"name": "orders", "mode": "bridge", "inbound": "[::1]:1", "outbound": "db:2",
            "server_name": "DB.example.", "cert": "oc", "key": "ok", "ca": ["oa", "ob"],
            "min_version": "TLS1.3", "resumption": false,
            "limits": {"connections": 9}, "on_truncation": "end",
            "timeouts": {"connect": 1, "handshake": 2, "idle": 3, "half_close": 4}}"#,
    );
    assert_eq!(pair.name, "orders");
    assert_eq!(pair.mode, Mode::Bridge);
    assert_eq!(pair.inbound.to_string(), "[::1]:1");
    assert_eq!(pair.outbound.to_string(), "db:2");
    assert_eq!(
        pair.server_name,
        Some(ServerName::Dns("db.example".to_owned()))
    );
    assert_eq!((pair.tls.cert, pair.tls.key), ("oc".into(), "ok".into()));
    assert_eq!(pair.tls.ca, paths(&["oa", "ob"]));
    assert_eq!(pair.tls.min_version, TlsVersion::Tls13);
    assert_eq!(pair.tls.resumption, Resumption::Off);
    assert_eq!(pair.connections, Some(9));
    assert_eq!(pair.on_truncation, OnTruncation::End);
    let timeouts = pair.timeouts;
    assert_eq!([timeouts.connect, timeouts.handshake], [secs(1), secs(2)]);
    assert_eq!(
        (timeouts.idle, timeouts.half_close),
        (Some(secs(3)), secs(4))
    );
}

#[test]
fn a_pairs_waits_take_the_place_of_the_general_ones_singly() {
    let top = r#""timeouts": {"connect": 1, "handshake": 2, "idle": 3, "half_close": 4}"#;
    let text = file(
        top,
        &pair_with(r#""timeouts": {"handshake": 20, "idle": 0}"#),
    );
    let timeouts = parse(&text).unwrap().config.pairs.remove(0).timeouts;
    assert_eq!([timeouts.connect, timeouts.handshake], [secs(1), secs(20)]);
    assert_eq!((timeouts.idle, timeouts.half_close), (None, secs(4)));
}

#[test]
fn a_pair_may_resume_sessions_where_the_others_do_not() {
    let pairs = pair_with("") + "," + &between("client", ":1", "db:2", r#""resumption": true"#);
    let config = parse(&file(r#""resumption": false"#, &pairs))
        .unwrap()
        .config;
    let resumption = config.pairs.iter().map(|pair| pair.tls.resumption);
    assert_eq!(
        resumption.collect::<Vec<_>>(),
        [Resumption::Off, Resumption::On]
    );
}

#[test]
fn a_pair_has_no_drain_period_of_its_own() {
    let told = only_problem(&file("", &pair_with(r#""timeouts": {"drain": 1}"#)));
    assert!(
        told.starts_with("address_pairs[0].timeouts.drain: unknown key"),
        "{told}"
    );
}

#[test]
fn a_mode_says_which_legs_are_tls() {
    let legs = [
        ("client", (false, true)),
        ("server", (true, false)),
        ("bridge", (true, true)),
    ];
    for (word, legs) in legs {
        let pair = only_pair(&between(word, ":1", "db:2", ""));
        assert_eq!(
            (pair.mode.inbound_tls(), pair.mode.outbound_tls()),
            legs,
            "{word}"
        );
        assert_eq!(pair.server_name.is_some(), legs.1, "{word}");
    }
}

#[test]
fn plain_on_both_legs_is_explained() {
    let told = only_problem(&file("", &pair_with(r#""mode": "plain""#)));
    let explained = "address_pairs[0].mode: \"plain\" would leave both legs without TLS";
    assert!(told.starts_with(explained), "{told}");
    let told = only_problem(&file("", &pair_with(r#""mode": "gateway""#)));
    assert!(
        told.contains("write \"client\", \"server\", \"bridge\" or \"connector\""),
        "{told}"
    );
}

#[test]
fn the_server_proves_the_host_of_outbound_unless_another_name_is_given() {
    let name = |outbound: &str, members: &str| {
        only_pair(&between("client", ":1", outbound, members))
            .server_name
            .unwrap()
    };
    let dns = |name: &str| ServerName::Dns(name.to_owned());
    let ip = |ip: &str| ServerName::Ip(ip.parse().unwrap());
    assert_eq!(name("Db.Example.:2", ""), dns("db.example"));
    assert_eq!(name("10.0.0.7:2", ""), ip("10.0.0.7"));
    assert_eq!(name("[2001:db8::7]:2", ""), ip("2001:db8::7"));
    assert_eq!(name(":2", ""), dns("localhost"));
    assert_eq!(
        name("db:2", r#""server_name": "other.example""#),
        dns("other.example")
    );
    assert_eq!(name("db:2", r#""server_name": "::1""#), ip("::1"));
    assert_eq!(
        name("unix:/run/s", r#""server_name": "other.example""#),
        dns("other.example")
    );
}

#[test]
fn tls_over_a_unix_socket_needs_a_name_to_prove() {
    let told = only_problem(&file("", &between("client", ":1", "unix:/run/s", "")));
    assert!(
        told.starts_with("address_pairs[0].server_name: missing: "),
        "{told}"
    );
    only_pair(&between("server", ":1", "unix:/run/s", ""));
}

#[test]
fn a_name_to_prove_beside_a_plain_outbound_leg_is_a_problem() {
    let text = between("server", ":1", "db:2", r#""server_name": "db""#);
    let told = only_problem(&file("", &text));
    assert!(
        told.starts_with("address_pairs[0].server_name: the outbound leg"),
        "{told}"
    );
}

#[test]
fn a_name_to_prove_must_be_one() {
    for bad in ["", "*.example", "db:5432", "300.1.2.3"] {
        let told = only_problem(&file("", &pair_with(&format!(r#""server_name": "{bad}""#))));
        assert!(
            told.starts_with(&format!("address_pairs[0].server_name: {bad:?} ")),
            "{told}"
        );
    }
}

#[test]
fn an_outbound_address_must_be_somewhere_to_connect_to() {
    for outbound in ["db:0", "0.0.0.0:5432", "[::]:5432"] {
        let told = only_problem(&file("", &between("client", ":1", outbound, "")));
        assert!(told.contains("is nowhere to connect to"), "{told}");
    }
    only_pair(&between("client", "127.0.0.1:0", "db:1", ""));
}

#[test]
fn missing_addresses_are_told_with_how_to_write_one() {
    let told = problems(&file("", "{}"));
    let hint = "missing: write host:port, :port or unix:/path";
    let expected = ["inbound", "outbound"].map(|key| format!("address_pairs[0].{key}: {hint}"));
    assert_eq!(told, expected);
}

#[test]
fn a_pair_that_leads_back_to_itself_is_a_problem() {
    let loops = [
        ("localhost:1", "LOCALHOST.:1"),
        (":1", ":1"),
        (":1", "localhost:1"),
        ("0.0.0.0:1", "127.0.0.1:1"),
        ("unix:/run/s", "unix:/run/s"),
    ];
    let name = r#""server_name": "db""#;
    for (inbound, outbound) in loops {
        let told = only_problem(&file("", &between("client", inbound, outbound, name)));
        assert!(
            told.contains("leads back to this pair's own inbound"),
            "{told}"
        );
    }
    for (inbound, outbound) in [
        ("localhost:1", "db:1"),
        (":1", "db:1"),
        ("127.0.0.1:1", "127.0.0.2:1"),
    ] {
        only_pair(&between("client", inbound, outbound, name));
    }
}

#[test]
fn a_name_is_one_short_line() {
    let long = "n".repeat(101);
    for bad in ["", " ", "a\\nb", &long] {
        let told = only_problem(&file("", &pair_with(&format!(r#""name": "{bad}""#))));
        assert!(told.starts_with("address_pairs[0].name: "), "{told}");
    }
}

#[test]
fn a_pairs_own_files_take_the_place_of_the_general_ones() {
    let own = only_pair(&pair_with(r#""client_cert": "oc", "client_key": "ok""#)).tls;
    assert_eq!(
        (own.cert, own.key, own.ca),
        ("oc".into(), "ok".into(), paths(&["a"]))
    );
    let own = only_pair(&pair_with(r#""ca_cert": ["x", "y"]"#)).tls;
    assert_eq!(
        (own.cert, own.key, own.ca),
        ("c".into(), "k".into(), paths(&["x", "y"]))
    );
}

#[test]
fn certificate_and_key_come_together() {
    let told = only_problem(&file("", &pair_with(r#""cert": "x""#)));
    assert!(told.starts_with("address_pairs[0].key: missing"), "{told}");
    let told = only_problem(&file("", &pair_with(r#""key": "x""#)));
    assert!(told.starts_with("address_pairs[0].cert: missing"), "{told}");
}

#[test]
fn files_that_several_pairs_miss_are_told_once() {
    let own = r#""cert": "c", "key": "k", "ca": "a""#;
    let pairs = [
        between("client", ":1", "db:1", own),
        between("client", ":2", "db:1", ""),
        between("client", ":3", "db:1", ""),
    ];
    let told = problems(&format!(r#"{{"address_pairs": [{}]}}"#, pairs.join(",")));
    assert_eq!(told.len(), 3, "{told:#?}");
    for (line, key) in told.iter().zip(["cert", "key", "ca"]) {
        assert!(
            line.starts_with(&format!("{key}: missing, and address_pairs[1] has none")),
            "{line}"
        );
    }
}

#[test]
fn files_that_no_pair_misses_may_be_absent() {
    let own = r#""cert": "c", "key": "k", "ca": "a""#;
    let text = format!(r#"{{"address_pairs": [{}]}}"#, pair_with(own));
    assert!(parse(&text).is_ok());
}

#[test]
fn a_wrong_file_is_not_called_missing_as_well() {
    let text = r#"{"cert": 1, "key": "", "ca": ["a", 5, "b\u0000"], "address_pairs": [PAIR]}"#;
    let told = problems(&text.replace("PAIR", &pair_with("")));
    let expected = [
        "cert: expected the path of a file, in quotes, found the number 1",
        "key: the path is empty: name a file",
        "ca[1]: expected the path of a file, in quotes, found the number 5",
        "ca[2]: \"b\\0\" holds a zero byte: no file has such a name",
    ];
    assert_eq!(told, expected);
    let told = only_problem(&file("", &pair_with(r#""ca": []"#)));
    assert!(
        told.starts_with("address_pairs[0].ca: the list is empty"),
        "{told}"
    );
}

#[test]
fn whose_certificate_goes_into_requests_is_nothing_to_a_connector() {
    assert!(!only_pair(&pair_with("")).client_cert_header);
    for mode in ["client", "server", "bridge"] {
        let pair = only_pair(&between(
            mode,
            ":1",
            "db:1",
            r#""client_cert_header": true"#,
        ));
        assert!(pair.client_cert_header, "{mode}");
    }
    let connector = |is_on| {
        let database = r#"{"host": "localhost", "user": "u", "name": "n"}"#;
        let directory = format!(r#"{{"issuer": "i", "database": {database}}}"#);
        file(
            "",
            &format!(
                r#"{{"mode": "connector", "inbound": ":1", "directory": {directory},
                     "client_cert_header": {is_on}}}"#
            ),
        )
    };
    assert!(parse(&connector("false")).is_ok());
    let told = only_problem(&connector("true"));
    let place = "address_pairs[0].client_cert_header: ";
    assert!(told.starts_with(place), "{told}");
    let told = only_problem(&file("", &pair_with(r#""client_cert_header": "yes""#)));
    assert!(told.starts_with(place), "{told}");
}
