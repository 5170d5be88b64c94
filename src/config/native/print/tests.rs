#![allow(clippy::unwrap_used)]

use super::*;
use crate::config::fixture::{file, pair_with};
use crate::config::parse;

/// What is printed of these pairs under this top level.
fn printed(top: &str, pairs: &str) -> String {
    print(&parse(&file(top, pairs)).unwrap().config)
}

const OTHER: &str = r#"{"inbound": "localhost:2", "outbound": "db:5432""#;

#[test]
fn what_is_the_default_is_left_out() {
    let expected = r#"{
  "cert": "c",
  "key": "k",
  "ca": "a",
  "address_pairs": [
    { "inbound": "localhost:5432", "outbound": "db:5432" }
  ]
}
"#;
    let defaults = r#""workers": 0, "watch": false, "reload_interval": 0, "crl": [],
        "limits": {"connections": 0, "handshakes": 4096}, "tcp": {"keepalive": "5m", "nodelay": true},
        "timeouts": {"connect": 10, "idle": 0, "drain": "30s"}, "log": {"level": "info", "format": "text"},
        "admin": {"listen": [], "metric_prefix": "mtls_persona"}"#;
    let own = r#""name": "localhost:5432", "mode": "client", "server_name": "DB.", "cert": "c", "key": "k",
        "ca": ["a"], "allow": {"cn": []}, "allow_mode": "enforce", "on_truncation": "abort"#;
    assert_eq!(printed("", &pair_with("")), expected);
    assert_eq!(printed(defaults, &pair_with(&format!("{own}\""))), expected);
}

#[test]
fn what_all_pairs_have_in_common_stands_at_the_top_once() {
    let own = r#""cert": "oc", "key": "ok", "min_version": "TLS1.3", "crl": "l", "timeouts": {"idle": 60}"#;
    let pairs = format!("{},{OTHER}, {own}}}", pair_with(own));
    let expected = r#"{
  "cert": "oc",
  "key": "ok",
  "ca": "a",
  "min_version": "TLS1.3",
  "crl": "l",
  "timeouts": { "idle": "1m" },
  "address_pairs": [
    { "inbound": "localhost:5432", "outbound": "db:5432" },
    { "inbound": "localhost:2", "outbound": "db:5432" }
  ]
}
"#;
    assert_eq!(printed("", &pairs), expected);
}

#[test]
fn what_they_do_not_stands_at_each() {
    let own = r#""ca": ["a", "b"], "crl": [], "timeouts": {"idle": 0, "half_close": 3}, "on_reload": "drain""#;
    let pairs = format!("{},{OTHER}, {own}}}", pair_with(r#""name": "one""#));
    let top = r#""crl": "l", "timeouts": {"idle": 60, "connect": "1h"}"#;
    let expected = r#"{
  "cert": "c",
  "key": "k",
  "timeouts": { "connect": "1h" },
  "address_pairs": [
    {
      "name": "one",
      "inbound": "localhost:5432",
      "outbound": "db:5432",
      "ca": "a",
      "crl": "l",
      "timeouts": { "idle": "1m" }
    },
    {
      "inbound": "localhost:2",
      "outbound": "db:5432",
      "ca": ["a", "b"],
      "timeouts": { "half_close": "3s" },
      "on_reload": "drain"
    }
  ]
}
"#;
    assert_eq!(printed(top, &pairs), expected);
}

#[test]
fn a_text_is_escaped_and_a_long_line_is_broken() {
    let long = format!("\"{}\"", "x".repeat(80));
    let pair = pair_with(&format!(
        r#""name": "a \"b\\é", "allow": {{"cn": [{long}, "y"]}}"#
    ));
    let told = printed("", &pair);
    assert!(told.contains(r#""name": "a \"b\\é""#), "{told}");
    let broken = format!("\n        \"cn\": [\n          {long},\n          \"y\"\n        ]\n");
    assert!(told.contains(&broken), "{told}");
}

#[test]
fn what_a_pair_has_to_do_with_proxy_headers_is_written_as_it_was() {
    let both = r#""proxy_protocol": { "in": { "from": ["10.0.0.0/8", "::1"] }, "out": "v2" }"#;
    let one = r#""proxy_protocol": { "in": { "from": "192.0.2.7" } }"#;
    let pairs = format!("{},{OTHER}, {one}}}", pair_with(both));
    let told = printed("", &pairs);
    let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(both) && flat.contains(one), "{told}");
    let again = parse(&told).unwrap().config;
    assert_eq!(again, parse(&file("", &pairs)).unwrap().config);
}

#[test]
fn whether_requests_get_a_certificate_is_written_where_they_do() {
    let pairs = format!("{},{OTHER}}}", pair_with(r#""client_cert_header": true"#));
    let told = printed("", &pairs);
    let lines = told.lines().filter(|line| line.contains("client_cert"));
    assert_eq!(lines.count(), 1, "{told}");
    let again = parse(&told).unwrap().config;
    assert_eq!(again, parse(&file("", &pairs)).unwrap().config);
}
