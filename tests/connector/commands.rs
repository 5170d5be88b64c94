//! The command `connector`, with the older program's flags, and what `check` and `probe` make of connectors.

use std::fs;
use std::process::Command;

use mtls_persona::config::{self, DatabaseTls, Password};

use super::support::backend;
use super::support::certs::TestPki;
use super::support::connector::{Tables, connector, line, said_at, user_client};
use super::support::pairs::{lone_address, with};
use super::support::postgres::{Postgres, USER};
use super::support::program::{PROGRAM, Program, outcome};
use super::support::wait::until;

/// The configuration that flags come to, as the command writes it.
fn printed(flags: &[&str]) -> config::Config {
    let mut args = vec!["connector", "--print", "--server-cert=c", "--server-key=k"];
    args.extend(flags);
    let output = Command::new(PROGRAM)
        .args(&args)
        .env_remove("PGPASSWORD")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    config::parse(&String::from_utf8(output.stdout).unwrap())
        .unwrap()
        .config
}

#[test]
fn flags_have_the_older_programs_defaults_but_no_password() {
    let config = printed(&["--ca-certs=a.pem,b.pem"]);
    let pair = &config.pairs[0];
    let directory = pair.directory.as_ref().unwrap();
    let database = &directory.database;
    assert_eq!(pair.inbound.to_string(), ":8443");
    assert_eq!(
        pair.tls.ca,
        ["a.pem", "b.pem"].map(Into::<std::path::PathBuf>::into)
    );
    assert_eq!(directory.issuer.as_str(), "tinyscale.com");
    assert_eq!(
        (database.host.to_string().as_str(), database.port),
        ("localhost", 5432)
    );
    assert_eq!(
        (database.user.as_str(), database.name.as_str()),
        ("tinyscale", "tinyscale-ssh")
    );
    assert_eq!(database.password, Password::None);
    assert_eq!(config.log_level, log::LevelFilter::Info);
}

#[test]
fn every_flag_arrives_and_a_password_is_not_written() {
    let config = printed(&[
        "--ca-certs=a.pem",
        "--listen=127.0.0.1:1",
        "--issuer=example.org",
        "--db-host=db.example",
        "--db-port=6432",
        "--db-user=u",
        "--db-password=s3cret",
        "--db-name=n",
        "--log-level=debug",
    ]);
    let pair = &config.pairs[0];
    let directory = pair.directory.as_ref().unwrap();
    let database = &directory.database;
    assert_eq!(pair.inbound.to_string(), "127.0.0.1:1");
    assert_eq!(directory.issuer.as_str(), "example.org");
    assert_eq!(
        (database.host.to_string().as_str(), database.port),
        ("db.example", 6432)
    );
    assert_eq!((database.user.as_str(), database.name.as_str()), ("u", "n"));
    assert_eq!(
        database.password,
        Password::Environment("PGPASSWORD".to_owned())
    );
    // The older program went to its database in plain.
    assert!(matches!(&database.tls, DatabaseTls::VerifyFull { .. }));
    assert_eq!(config.log_level, log::LevelFilter::Debug);
}

#[test]
fn wrong_flags_are_wrong_words() {
    for flags in [
        &["--ca-certs=a.pem"][..],
        &[
            "--ca-certs=a",
            "--server-cert=c",
            "--server-key=k",
            "--issuer=Not A Domain",
        ],
        &[
            "--ca-certs=a",
            "--server-cert=c",
            "--server-key=k",
            "--db-port=0",
        ],
        &[
            "--ca-certs=a",
            "--server-cert=c",
            "--server-key=k",
            "--listen=nowhere",
        ],
        &[
            "--ca-certs=a",
            "--server-cert=c",
            "--server-key=k",
            "--log-level=loud",
        ],
        &[
            "--ca-certs=/none",
            "--server-cert=/none",
            "--server-key=/none",
        ],
    ] {
        let args = [&["connector"], flags].concat();
        let (code, _, error) = outcome(&args);
        assert_eq!(code, 2, "{flags:?}: {error}");
    }
}

#[test]
fn a_connector_of_flags_serves() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("db", backend::echo(), "acme", "alice", "");
    let (listen, files) = (lone_address(), pki.server("localhost"));
    let mut command = Command::new(PROGRAM);
    command.arg("connector").arg(format!("--listen={listen}"));
    command.arg(format!("--ca-certs={0},{0}", pki.ca.display()));
    command.arg(format!("--server-cert={}", files.cert.display()));
    command.arg(format!("--server-key={}", files.key.display()));
    command.arg(format!("--db-port={}", postgres.address().port()));
    command
        .arg(format!("--db-user={USER}"))
        .arg(format!("--db-name={}", tables.name));
    command.arg("--db-host=127.0.0.1").env_remove("PGPASSWORD");
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    until("the port", || std::net::TcpStream::connect(listen).ok());
    let mut peer = said_at(listen, &user_client(&pki, "acme", "alice"), b"db\n");
    let told = line(&mut peer);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(told.unwrap(), "OK\n");
}

#[test]
fn check_and_probe_know_that_a_connector_has_no_destination_and_look_at_its_databases_files() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let config = connector(&pki, &postgres, &tables);
    let file = "/address_pairs/0/directory/database/password_file";
    let config = with(config, file, "/none/password");
    let path = pki.folder().join("connector.json");
    fs::write(&path, config.to_string()).unwrap();
    let path = path.to_str().unwrap();
    let (code, out, error) = outcome(&["check", "--config", path]);
    assert_eq!(code, 0, "{error}");
    assert!(
        out.contains("connector 127.0.0.1:0 -> the hosts of"),
        "{out}"
    );
    assert!(
        out.contains("warning: pair \"connector\": its database: /none/password"),
        "{out}"
    );
    let (code, out, error) = outcome(&["probe", "--config", path]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(out.contains("nothing is dialled"), "{out}");
}

#[test]
fn a_reload_to_another_database_asks_that_one() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let (first, second) = (
        Tables::with_people(&postgres),
        Tables::with_people(&postgres),
    );
    second.host("db", backend::echo(), "acme", "alice", "");
    let program = Program::run(&connector(&pki, &postgres, &first));
    let alice = user_client(&pki, "acme", "alice");
    let told = || super::support::connector::answer(&program, &alice, "db");
    assert_eq!(told(), "ERROR: not authorized\n");
    let name = "/address_pairs/0/directory/database/name";
    let config = with(
        connector(&pki, &postgres, &first),
        name,
        second.name.clone(),
    );
    program.reconfigure(&config);
    program.reload();
    assert_eq!(told(), "OK\n");
    // Nobody is left at the older one.
    let sessions = "select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'mtls-persona'";
    until("the older database to be left", || {
        (first.route.query(sessions) == "0").then_some(())
    });
}
