//! The ways from a client to the server.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::daemon::lasting_port;
use crate::support::nginx::Nginx;
use crate::support::postgres::{Postgres, socket_name};
use crate::support::program::Program;
use crate::support::psql::Route;

/// client → our pair `tls12` or `tls13` → nginx → server
pub(crate) struct ThroughNginx {
    pub(crate) program: Program,
    pub(crate) nginx: Nginx,
    pub(crate) postgres: Arc<Postgres>,
    database: String,
}

impl ThroughNginx {
    /// With an identity that nginx accepts.
    pub(crate) fn new() -> ThroughNginx {
        let pki = TestPki::new();
        ThroughNginx::with_identity(&pki, &pki.client("alice"))
    }

    /// With that identity of ours.
    pub(crate) fn with_identity(pki: &TestPki, client: &IdentityFiles) -> ThroughNginx {
        let postgres = Postgres::shared();
        let nginx = Nginx::before(postgres.address(), &pki.server("localhost"), &pki.ca);
        let program = Program::run(&json!({
            "ca": pki.ca, "cert": client.cert, "key": client.key,
            "address_pairs": nginx_pairs(&nginx),
        }));
        let database = postgres.database();
        ThroughNginx {
            program,
            nginx,
            postgres,
            database,
        }
    }

    /// The way through the pair of that name.
    pub(crate) fn route(&self, pair: &str) -> Route {
        Route::tcp(self.program.addr(pair), &self.database)
    }

    /// The way around it.
    pub(crate) fn direct(&self) -> Route {
        self.postgres.direct(&self.database)
    }
}

/// A pair for each TLS version of nginx, and one that takes it for a peer that sends no close_notify.
pub(crate) fn nginx_pairs(nginx: &Nginx) -> Value {
    json!([
        { "name": "tls12", "inbound": "127.0.0.1:0", "outbound": nginx.tls12().to_string(),
          "server_name": "localhost" },
        { "name": "tls13", "inbound": "127.0.0.1:0", "outbound": nginx.tls13().to_string(),
          "server_name": "localhost" },
        { "name": "lenient", "inbound": "127.0.0.1:0", "outbound": nginx.tls13().to_string(),
          "server_name": "localhost", "on_truncation": "end" },
    ])
}

/// client → our client pair → our server pair → server, all over TCP, or with UNIX sockets for what
/// is plain
pub(crate) struct OwnGateway {
    program: Program,
    /// Holds the socket that stands for the server's.
    folder: TempDir,
    postgres: Arc<Postgres>,
    database: String,
}

/// The port in the name of that socket.
const SOCKET_PORT: u16 = 5432;

impl OwnGateway {
    pub(crate) fn new() -> OwnGateway {
        let pki = TestPki::new();
        let (postgres, folder) = (Postgres::shared(), TempDir::new().unwrap());
        let door = folder.path().join(socket_name(SOCKET_PORT));
        let mut pairs = own_pairs(&pki, "127.0.0.1:0", &postgres.address().to_string());
        pairs.extend(own_pairs(&pki, &unix(&door), &unix(&postgres.socket())));
        let database = postgres.database();
        OwnGateway {
            program: Program::run(&json!({ "ca": pki.ca, "address_pairs": pairs })),
            folder,
            postgres,
            database,
        }
    }

    /// The way over TCP.
    pub(crate) fn over_tcp(&self) -> Route {
        Route::tcp(self.program.addr("127.0.0.1:0"), &self.database)
    }

    /// The way with UNIX sockets at both ends.
    pub(crate) fn over_unix_sockets(&self) -> Route {
        Route::unix(self.folder.path(), SOCKET_PORT, &self.database)
    }

    /// The way around it.
    pub(crate) fn direct(&self) -> Route {
        self.postgres.direct(&self.database)
    }
}

/// A client pair, named as its inbound address, and the server pair that it dials.
pub(crate) fn own_pairs(pki: &TestPki, inbound: &str, outbound: &str) -> Vec<Value> {
    let (client, server) = (pki.client("alice"), pki.server("localhost"));
    let between = format!("localhost:{}", lasting_port());
    vec![
        json!({ "inbound": inbound, "outbound": between,
                "cert": client.cert, "key": client.key }),
        json!({ "mode": "server", "inbound": between, "outbound": outbound,
                "cert": server.cert, "key": server.key }),
    ]
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}
