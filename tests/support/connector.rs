//! A connector before a database of its own, and its clients.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use mtls_persona::tls::authority::{LeafRequest, Purpose};
use mtls_persona::tls::{Credentials, Role};
use serde_json::{Value, json};

use super::certs::{IdentityFiles, TestPki};
use super::metrics::Scrape;
use super::pairs::with;
use super::postgres::{Postgres, USER};
use super::program::Program;
use super::psql::Route;
use super::tls::{TlsPeer, credentials};
use super::wait::until;

/// The schema as operators get it.
const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/connector.sql");

/// The trust domain of the users.
pub const ISSUER: &str = "tinyscale.com";

/// A database with the schema, which holds nothing yet.
pub struct Tables {
    pub name: String,
    pub route: Route,
}

impl Tables {
    /// A new database of that server.
    pub fn new(postgres: &Postgres) -> Tables {
        Tables::in_encoding(postgres, "UTF8")
    }

    /// The same, in which texts are of that encoding.
    pub fn in_encoding(postgres: &Postgres, encoding: &str) -> Tables {
        let name = postgres.database();
        let direct = postgres.direct(USER);
        direct.query(&format!("drop database {name}"));
        direct.query(&format!(
            "create database {name} template template0 encoding '{encoding}'"
        ));
        let tables = Tables {
            route: postgres.direct(&name),
            name,
        };
        let mut command = tables.route.command("psql");
        command.args(["-Xq", "-v", "ON_ERROR_STOP=1", "-f", SCHEMA]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        tables
    }

    /// Organisation `acme` with alice and bob and the team `ops`, of bob; `globex` with carol and the team
    /// `spies`, of alice, bob and carol.
    pub fn with_people(postgres: &Postgres) -> Tables {
        let tables = Tables::new(postgres);
        tables.run(
            "insert into users (user_id, org_id) values
                ('alice', 'acme'), ('bob', 'acme'), ('dave', 'acme'), ('carol', 'globex');
             insert into teams (team_id, org_id, user_ids) values
                ('ops', 'acme', '{bob}'), ('spies', 'globex', '{alice,bob,carol}')",
        );
        tables
    }

    /// Does something in it.
    pub fn run(&self, sql: &str) {
        self.route.query(sql);
    }

    /// A host of an organisation for these users and teams.
    pub fn host(&self, id: &str, at: impl ToString, org: &str, users: &str, teams: &str) {
        self.run(&format!(
            "insert into backend_hosts (connect_id, internal_ip_addr, org_id, user_ids, team_ids)
             values ('{id}', '{}', '{org}', '{{{users}}}', '{{{teams}}}')",
            at.to_string()
        ));
    }
}

/// The configuration of a connector alone, the pair `connector`, over that database.
pub fn connector(pki: &TestPki, postgres: &Postgres, tables: &Tables) -> Value {
    let address = postgres.address();
    let files = pki.server("localhost");
    json!({
        "ca": pki.ca, "cert": files.cert, "key": files.key,
        "address_pairs": [{
            "name": "connector", "mode": "connector", "inbound": "127.0.0.1:0",
            "directory": {
                "issuer": ISSUER,
                "database": {
                    "host": address.ip().to_string(), "port": address.port(),
                    "user": USER, "name": tables.name,
                },
            },
        }],
    })
}

/// A client's identity with these URIs.
pub fn identity(pki: &TestPki, uris: &[&str]) -> IdentityFiles {
    pki.issue(&LeafRequest {
        uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
        ..pki.request(Purpose::Client)
    })
}

/// The identity of a user of an organisation.
pub fn user(pki: &TestPki, org: &str, user: &str) -> IdentityFiles {
    identity(
        pki,
        &[&format!("spiffe://{ISSUER}/orgs/{org}/users/{user}")],
    )
}

/// The credentials of a client with these URIs.
pub fn client(pki: &TestPki, uris: &[&str]) -> Arc<Credentials> {
    credentials(&identity(pki, uris), &pki.ca, Role::Client)
}

/// The credentials of a user of an organisation.
pub fn user_client(pki: &TestPki, org: &str, name: &str) -> Arc<Credentials> {
    credentials(&user(pki, org, name), &pki.ca, Role::Client)
}

/// A client that has connected and sent these bytes.
pub fn said(program: &Program, client: &Credentials, bytes: &[u8]) -> TlsPeer {
    said_at(program.addr("connector"), client, bytes)
}

/// As [`said`], at that address.
pub fn said_at(to: SocketAddr, client: &Credentials, bytes: &[u8]) -> TlsPeer {
    let mut peer = TlsPeer::connect(to, client).unwrap();
    peer.write_all(bytes).unwrap();
    peer
}

/// Reads up to the end of a line, which belongs to it.
pub fn line(peer: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\n") {
        match peer.read(&mut byte)? {
            0 => break,
            _ => line.push(byte[0]),
        }
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// What a client is told that asks for a host: the line, and whether the end behind it is a clean one if it
/// is refused.
pub fn answer(program: &Program, client: &Credentials, host: &str) -> String {
    let mut peer = said(program, client, format!("{host}\n").as_bytes());
    let line = line(&mut peer).unwrap();
    if line != "OK\n" {
        let mut rest = Vec::new();
        assert_eq!(peer.read_to_end(&mut rest).unwrap(), 0, "a clean end");
    }
    line
}

/// A connection to a host, once it was granted.
pub fn granted(program: &Program, client: &Credentials, host: &str) -> TlsPeer {
    let mut peer = said(program, client, format!("{host}\n").as_bytes());
    assert_eq!(line(&mut peer).unwrap(), "OK\n");
    peer
}

/// As [`granted`], of a database that may need longer for its first answer than the program waits for it.
pub fn granted_at_last(program: &Program, client: &Credentials, host: &str) -> TlsPeer {
    until("a grant", || {
        let mut peer = said(program, client, format!("{host}\n").as_bytes());
        (line(&mut peer).unwrap() == "OK\n").then_some(peer)
    })
}

/// A program, with metrics, that hears of changes before anything is asked.
pub fn hearing(config: &Value, tables: &Tables) -> Program {
    let program = Program::run(&with(config.clone(), "/admin/listen", "127.0.0.1:0"));
    until_heard(&program, tables);
    program
}

/// Waits until a program with metrics hears of changes, and has done what it does when it begins to: it doubts
/// all that it knows.
pub fn until_heard(program: &Program, tables: &Tables) {
    let changes = || {
        let scrape = Scrape::take(program.admin("everything"));
        scrape.count("mtls_persona_connector_changes_total", &[])
    };
    // It counts its beginning among them, and before it doubts; the next one is counted behind that.
    for _ in 0..2 {
        let before = changes();
        tables.run("notify mtls_persona_grants, 'host of-nobody'");
        until("a change to be heard", || {
            (changes() > before).then_some(())
        });
    }
}

/// Whether a connection to an echo service still carries bytes.
pub fn is_alive(peer: &mut TlsPeer) -> bool {
    let mut echoed = [0; 4];
    peer.write_all(b"ping").is_ok() && peer.read_exact(&mut echoed).is_ok() && &echoed == b"ping"
}

/// Sets a key of the directory of the only pair.
pub fn set(config: Value, key: &str, value: impl Into<Value>) -> Value {
    with(config, &format!("/address_pairs/0/directory/{key}"), value)
}
