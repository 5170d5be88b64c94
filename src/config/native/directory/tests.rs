#![allow(clippy::unwrap_used)]

use super::*;
use crate::config::fixture::{file, only_pair, only_problem, problems};
use crate::config::{Mode, parse, print};

/// A connector with these members more in its directory and in its database.
fn connector(directory: &str, database: &str) -> String {
    format!(
        r#"{{"mode": "connector", "inbound": ":8443", "directory": {{"issuer": "tinyscale.com",
            "database": {{"host": "localhost", "user": "u", "name": "n"{database}}}{directory}}}}}"#
    )
}

fn of(directory: &str, database: &str) -> Directory {
    let pair = only_pair(&connector(directory, database));
    (*pair.directory.unwrap()).clone()
}

#[test]
fn a_directory_has_safe_defaults() {
    let pair = only_pair(&connector("", ""));
    assert_eq!(
        (pair.mode, pair.outbound.to_string()),
        (Mode::Connector, ":22".to_owned())
    );
    let directory = pair.directory.unwrap();
    assert_eq!(directory.connect_id, IdSource::Line);
    assert_eq!(directory.on_revoke, OnRevoke::Keep);
    assert_eq!(directory.cache_lifetime, Some(Duration::from_secs(30)));
    let database = &directory.database;
    assert_eq!((database.port, database.connections), (5432, 4));
    assert_eq!(database.password, Password::None);
    assert_eq!(database.tls, DatabaseTls::Disable);
}

#[test]
fn every_key_of_a_directory_arrives_in_the_model_and_is_printed_again() {
    let text = file(
        "",
        r#"{"mode": "connector", "inbound": ":8443", "connect_id": "sni",
            "directory": {"issuer": "a.b", "default_port": 2222, "outbound_mtls": true, "on_revoke": "close",
                "connection_log": true, "limits": {"user_connections": 1, "user_rate": 2,
                    "org_connections": 3, "org_rate": 4},
                "cache": {"lifetime": "5s", "entries": 7},
                "database": {"host": "db.example", "port": 1, "user": "u", "name": "n",
                    "password_file": "p", "tls": "verify-full", "server_name": "other.example",
                    "ca": "dca", "cert": "dc", "key": "dk", "connections": 2, "timeout": "1s"}}}"#,
    );
    let config = parse(&text).unwrap().config;
    let directory = config.pairs[0].directory.clone().unwrap();
    assert_eq!(config.pairs[0].outbound.to_string(), ":2222");
    assert_eq!(directory.connect_id, IdSource::Sni);
    assert_eq!(directory.on_revoke, OnRevoke::Close);
    assert_eq!(
        (directory.cache_lifetime, directory.cache_entries),
        (Some(Duration::from_secs(5)), 7)
    );
    let quota = |connections, rate| Quota {
        connections: Some(connections),
        rate: Some(rate),
    };
    assert_eq!(directory.quotas, [quota(1, 2), quota(3, 4)]);
    assert!(directory.logs_connections && directory.outbound_mtls);
    let database = &directory.database;
    assert_eq!(database.password, Password::File("p".into()));
    let tls = DatabaseTls::VerifyFull {
        server_name: "other.example".parse().unwrap(),
        ca: vec!["dca".into()],
        identity: Some(("dc".into(), "dk".into())),
    };
    assert_eq!(database.tls, tls);
    assert_eq!(
        (database.connections, database.timeout),
        (2, Duration::from_secs(1))
    );
    assert_eq!(parse(&print(&config)).unwrap().config, config);
}

#[test]
fn a_database_elsewhere_has_to_prove_itself_unless_that_is_written_down() {
    for (members, is_tls) in [
        (r#","host":"db.example""#, true),
        (r#","host":"192.0.2.7""#, true),
        (r#","host":"db.example","tls":"disable""#, false),
        (r#","host":"127.0.0.2""#, false),
        (r#","host":"::1""#, false),
        (r#","host":"localhost","tls":"verify-full""#, true),
        (r#","host":"/run/postgresql""#, false),
    ] {
        let text = connector("", members).replace(r#""host": "localhost", "#, "");
        let config = parse(&file("", &text)).unwrap().config;
        let tls = config.pairs[0]
            .directory
            .as_ref()
            .unwrap()
            .database
            .tls
            .clone();
        assert_eq!(tls != DatabaseTls::Disable, is_tls, "{members}");
        assert_eq!(parse(&print(&config)).unwrap().config, config, "{members}");
    }
}

#[test]
fn a_password_is_in_no_configuration_and_in_no_print() {
    let problem = only_problem(&file("", &connector("", r#","password":"s3cret""#)));
    assert!(
        problem.contains("password_file") && !problem.contains("s3cret"),
        "{problem}"
    );
    let mut config = parse(&file("", &connector("", ""))).unwrap().config;
    let mut directory = of("", "");
    directory.database.password = Password::Given(crate::config::Secret("s3cret".to_owned()));
    config.pairs[0].directory = Some(Arc::new(directory));
    assert!(!print(&config).contains("s3cret"));
    assert!(!format!("{config:?}").contains("s3cret"));
    assert!(print(&config).contains("PGPASSWORD"));
}

#[test]
fn what_makes_no_sense_is_told_with_its_path() {
    for (pair, path) in [
        (
            r#"{"mode":"connector","inbound":":1"}"#,
            "address_pairs[0].directory: missing",
        ),
        (
            r#"{"mode":"server","inbound":":1","outbound":"a:1","directory":{}}"#,
            "address_pairs[0].directory: only a",
        ),
        (
            r#"{"mode":"server","inbound":":1","outbound":"a:1","connect_id":"x"}"#,
            "address_pairs[0].connect_id: a connector is asked over TLS",
        ),
        (
            r#"{"inbound":":1","outbound":"a:1","connect_id":""}"#,
            "address_pairs[0].connect_id: the connect id is empty",
        ),
    ] {
        let found = problems(&file("", pair));
        assert!(
            found.iter().any(|problem| problem.starts_with(path)),
            "{found:#?}"
        );
    }
    let with_outbound = connector("", "").replace(r#""inbound""#, r#""outbound":"a:1","inbound""#);
    for (text, path) in [
        (with_outbound, "outbound: a \"connector\" goes"),
        (
            connector(r#","issuer":"A.B""#, "").replace(r#""issuer": "tinyscale.com","#, ""),
            "directory.issuer",
        ),
        (
            connector(r#","on_revoke":"maybe""#, ""),
            "directory.on_revoke",
        ),
        (connector("", r#","port":0"#), "directory.database.port"),
        (
            connector("", r#","cert":"c""#),
            "directory.database.key: missing",
        ),
        (
            connector("", r#","password_file":"f","password_env":"E""#),
            "directory.database.password_env",
        ),
        (
            connector("", r#","connections":0"#),
            "directory.database.connections",
        ),
    ] {
        let problem = only_problem(&file("", &text));
        assert!(
            problem.starts_with(&format!("address_pairs[0].{path}")),
            "{problem}"
        );
    }
}

#[test]
fn the_host_that_a_client_asks_for_arrives_and_is_printed_again() {
    let text = file(
        "",
        r#"{"inbound":":1","outbound":"c:8443","connect_id":"my-host"}"#,
    );
    let config = parse(&text).unwrap().config;
    assert_eq!(
        config.pairs[0].connect_id.as_ref().unwrap().as_str(),
        "my-host"
    );
    assert_eq!(parse(&print(&config)).unwrap().config, config);
}
