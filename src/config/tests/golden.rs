//! From every form to the native one, and back to the same model.

use std::fs;
use std::path::{Path, PathBuf};

use super::random::Xorshift;
use super::{examples, folder, reference};
use crate::config::fixture::{FIVE_KEYS, file};
use crate::config::{Config, load, parse, print};

/// A file in each older form, and the same in the native one.
const OLDER: [(&str, &str); 5] = [
    (
        "older/persona/mtls-persona.yaml",
        "older/persona/mtls-persona.native.json",
    ),
    (
        "older/persona-json/config.json",
        "older/persona-json/config.native.json",
    ),
    ("older/mtlsd/server.yaml", "older/mtlsd/server.native.json"),
    ("older/mtlsd/client.yaml", "older/mtlsd/client.native.json"),
    ("older/mtlsd/bridge.yaml", "older/mtlsd/bridge.native.json"),
];

fn config(path: &Path) -> Config {
    let loaded = load(path).unwrap_or_else(|problems| panic!("{problems}"));
    loaded.config
}

/// Asserts that a model is the same after it was printed and read, and returns what was printed.
fn comes_back(config: &Config) -> String {
    let printed = print(config);
    let again = parse(&printed).unwrap_or_else(|problems| panic!("{problems}\n{printed}"));
    assert_eq!(&again.config, config, "{printed}");
    assert_eq!(print(&again.config), printed);
    printed
}

#[test]
fn each_older_form_becomes_the_native_file_beside_it() {
    for (older, native) in OLDER {
        let (older, native) = (folder().join(older), folder().join(native));
        let config = config(&older);
        let golden = fs::read_to_string(&native).unwrap_or_default();
        assert_eq!(comes_back(&config), golden, "{older:?}");
        // What stands after a change of forms must not need another look.
        assert_eq!(
            load(&native).unwrap().warnings.len(),
            open_inbounds(&config)
        );
    }
}

/// Pairs whose plain listener is told of in every form.
fn open_inbounds(config: &Config) -> usize {
    let plain = config.pairs.iter().filter(|pair| !pair.mode.inbound_tls());
    plain
        .filter(|pair| pair.inbound.to_string().starts_with(':'))
        .count()
}

#[test]
fn every_file_of_the_older_forms_is_one_of_those() {
    let mut found = files_below(&folder().join("older"));
    found.retain(|path| !path.ends_with("mtls-id.yaml"));
    assert_eq!(found.len(), OLDER.len() * 2, "{found:#?}");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        })
        .collect()
}

#[test]
fn every_example_comes_back_as_the_same_model() {
    for path in examples() {
        comes_back(&config(&path));
    }
    for block in reference().split("```json").skip(1) {
        let text = block.split("```").next().unwrap();
        comes_back(&parse(text).unwrap().config);
    }
}

#[test]
fn the_five_keys_are_all_that_is_printed_of_the_five_key_file() {
    let printed = comes_back(&parse(FIVE_KEYS).unwrap().config);
    let expected = r#"{
  "cert": "/etc/mtls-persona/agent.certificate.pem",
  "key": "/etc/mtls-persona/agent.privatekey.pem",
  "ca": "/etc/mtls-persona/trust-store.pem",
  "reload_hour": 3,
  "address_pairs": [
    { "inbound": "localhost:5432", "outbound": "remote.domain.com:5432" }
  ]
}
"#;
    assert_eq!(printed, expected);
}

/// Keys of the top level, each with values that stand.
const TOP: &[(&str, &[&str])] = &[
    ("min_version", &[r#""TLS1.2""#, r#""TLS1.3""#]),
    ("resumption", &["true", "false"]),
    ("reload_hour", &["0", "23"]),
    ("reload_interval", &["0", "1", r#""15m""#, r#""1h30m5s""#]),
    ("watch", &["true", "false"]),
    ("workers", &["0", "7"]),
    ("crl", &[r#""a.crl""#, r#"["a.crl", "b.crl"]"#, "[]"]),
    ("crl_scope", &[r#""chain""#, r#""leaf""#]),
    (
        "on_stale_crl",
        &[r#""fail""#, r#""warn""#, r#""48h""#, "90"],
    ),
    ("on_reload", &[r#""keep""#, r#""drain""#, r#""close""#]),
    ("on_peer_expiry", &[r#""keep""#, r#""close""#]),
    (
        "limits",
        &[
            "{}",
            r#"{"connections": 5}"#,
            r#"{"handshakes": 0}"#,
            r#"{"connections": 0, "handshakes": 4096}"#,
        ],
    ),
    (
        "timeouts",
        &[
            r#"{"connect": "1500ms", "drain": "2m"}"#,
            r#"{"handshake": 3, "idle": "90s", "lifetime": "8h"}"#,
            r#"{"half_close": "1h"}"#,
        ],
    ),
    (
        "tcp",
        &[
            r#"{"keepalive": false}"#,
            r#"{"keepalive": "9h", "nodelay": false}"#,
            "{}",
        ],
    ),
    (
        "log",
        &[
            r#"{"level": "trace"}"#,
            r#"{"format": "json"}"#,
            r#"{"level": "error", "format": "logfmt"}"#,
            r#"{"format": "text"}"#,
        ],
    ),
    (
        "admin",
        &[
            r#"{"listen": "127.0.0.1:9"}"#,
            r#"{"health": [":7", "unix:/run/h"], "metrics": "localhost:8"}"#,
            r#"{"listen": [], "metric_prefix": "mtlsd"}"#,
        ],
    ),
];

/// Keys of a pair.
const PAIR: &[(&str, &[&str])] = &[
    ("name", &[r#""%""#, r#""é \"%\"""#]),
    ("mode", &[r#""client""#, r#""server""#, r#""bridge""#]),
    ("cert", &[r#""c%", "key": "k%""#, r#""c", "key": "k""#]),
    ("ca", &[r#""a""#, r#"["a", "b"]"#]),
    ("min_version", &[r#""TLS1.2""#, r#""TLS1.3""#]),
    ("resumption", &["true", "false"]),
    ("crl", &[r#""a.crl""#, "[]"]),
    ("crl_scope", &[r#""chain""#, r#""leaf""#]),
    ("on_stale_crl", &[r#""fail""#, r#""warn""#, r#""1s""#]),
    ("on_reload", &[r#""keep""#, r#""drain""#, r#""close""#]),
    ("on_peer_expiry", &[r#""keep""#, r#""close""#]),
    ("on_truncation", &[r#""abort""#, r#""end""#]),
    ("limits", &["{}", r#"{"connections": 3}"#]),
    (
        "timeouts",
        &[
            r#"{"idle": 0, "lifetime": 0}"#,
            r#"{"idle": "7m", "connect": 10}"#,
            r#"{"handshake": "1us", "half_close": 60}"#,
        ],
    ),
    (
        "allow",
        &[
            "{}",
            r#"{"cn": "a*", "org": ["x", "y: z"]}"#,
            r#"{"dns": "*.example.com", "uri": "spiffe://a/**", "ou": "u"}"#,
            r#"{"spki": "00000000000000000000000000000000000000000000000000000000000000aa"}"#,
        ],
    ),
    ("allow_mode", &[r#""enforce""#, r#""observe""#]),
];

/// Some of these keys with some of their values; `%` stands for the number.
fn members(of: &[(&str, &[&str])], number: usize, random: &mut Xorshift) -> Vec<String> {
    let mut members = Vec::new();
    for (key, values) in of {
        if random.below(3) == 0 {
            let value = values[random.below(values.len())];
            members.push(format!(r#""{key}": {value}"#).replace('%', &number.to_string()));
        }
    }
    members
}

fn random_pair(number: usize, random: &mut Xorshift) -> String {
    let inbounds = ["localhost:1%", "unix:/run/%", "[::1]:1%"];
    let outbounds = [
        "db:5",
        "10.0.0.7:5",
        "[2001:db8::7]:5",
        "unix:/run/db",
        ":5",
    ];
    let inbound = inbounds[random.below(inbounds.len())].replace('%', &number.to_string());
    let outbound = outbounds[random.below(outbounds.len())];
    let mut members = members(PAIR, number, random);
    let mode = ["server", "bridge"].into_iter();
    let mut mode = mode.filter(|mode| members.contains(&format!(r#""mode": "{mode}""#)));
    let mode = mode.next().unwrap_or("client");
    if mode == "bridge" && random.below(2) == 0 {
        members.push(r#""allow_outbound": {"cn": "z"}"#.to_owned());
    }
    if mode != "server" && (outbound.starts_with("unix:") || random.below(2) == 0) {
        let name = ["db", "10.0.0.7", "other.example"][random.below(3)];
        members.push(format!(r#""server_name": "{name}""#));
    }
    members.push(format!(
        r#""inbound": "{inbound}", "outbound": "{outbound}""#
    ));
    format!("{{{}}}", members.join(", "))
}

#[test]
fn whatever_the_native_form_says_comes_back_as_the_same_model() {
    let mut random = Xorshift(0x2545_f491_4f6c_dd1d);
    for _ in 0..1_000 {
        let top = members(TOP, 0, &mut random).join(", ");
        let count = 1 + random.below(3);
        let pairs = (0..count).map(|number| random_pair(number, &mut random));
        let text = file(&top, &pairs.collect::<Vec<_>>().join(", "));
        let loaded = parse(&text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
        comes_back(&loaded.config);
    }
}
