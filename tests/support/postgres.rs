//! A PostgreSQL server of the tests' own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::process::Signal;
use tempfile::TempDir;

use super::daemon::{Daemon, lasting_port, tool};
use super::peers::foreign;
use super::psql::Route;

/// The superuser, who needs no password.
pub const USER: &str = "postgres";

/// A server on a port and a UNIX socket of its own; it and its data go when dropped.
pub struct Postgres {
    daemon: Option<Daemon>,
    port: u16,
    databases: AtomicUsize,
    folder: TempDir,
}

impl Postgres {
    /// A new server that nobody else uses.
    pub fn start() -> Postgres {
        let folder = TempDir::new().unwrap();
        if let Some((uid, gid)) = account() {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
        }
        let mut initdb = unprivileged("initdb");
        initdb.args(["--auth=trust", "--no-sync", "--locale=C"]);
        initdb.args(["--encoding=UTF8", "--username", USER, "-D"]);
        let output = initdb.arg(folder.path().join("data")).output().unwrap();
        assert!(output.status.success(), "initdb: {output:?}");
        let mut postgres = Postgres {
            daemon: None,
            port: lasting_port(),
            databases: AtomicUsize::new(0),
            folder,
        };
        postgres.start_again();
        postgres
    }

    /// A server for several tests at a time; it goes with the last of them.
    pub fn shared() -> Arc<Postgres> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let postgres = Arc::new(Postgres::start());
            *shared = Arc::downgrade(&postgres);
            postgres
        })
    }

    /// Ends it as a restart does: sessions are told, and not waited for.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// Starts it again, on the same port and data.
    pub fn start_again(&mut self) {
        let mut command = unprivileged("postgres");
        command.arg("-D").arg(self.folder.path().join("data"));
        command.arg("-k").arg(self.folder.path());
        command.args(["-p", &self.port.to_string(), "-c", "fsync=off"]);
        command.args(["-c", "listen_addresses=127.0.0.1"]);
        let log = self.folder.path().join("log");
        let direct = self.direct("postgres");
        // SIGINT is what it calls a fast shutdown.
        self.daemon = Some(Daemon::start(command, &log, Signal::INT, || {
            direct.psql("select 1").code == 0
        }));
    }

    /// Its TCP address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its UNIX socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(socket_name(self.port))
    }

    /// The way to it without anything between.
    pub fn direct(&self, database: &str) -> Route {
        Route::unix(self.folder.path(), self.port, database)
    }

    /// A new, empty database.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test{number}");
        self.direct(USER).query(&format!("create database {name}"));
        name
    }
}

/// What PostgreSQL and its clients call the UNIX socket of a port.
pub fn socket_name(port: u16) -> String {
    format!(".s.PGSQL.{port}")
}

/// A program of PostgreSQL. Debian and RHEL keep the server's outside PATH, by version.
pub fn program(name: &str) -> PathBuf {
    let mut folders = Vec::new();
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let entry = entry.file_name();
            let version = entry.to_str().and_then(|name| name.strip_prefix(prefix));
            if let Some(version) = version.and_then(|text| text.parse::<u32>().ok()) {
                folders.push((version, Path::new(parent).join(entry).join("bin")));
            }
        }
    }
    folders.sort();
    let newest_first: Vec<_> = folders.into_iter().rev().map(|(_, path)| path).collect();
    tool(name, &newest_first)
}

/// A program of the server, which refuses to run as root.
fn unprivileged(name: &str) -> Command {
    let mut command = foreign(program(name));
    // Its children look at where they stand.
    command.current_dir("/");
    if let Some((uid, gid)) = account() {
        command.uid(uid).gid(gid);
    }
    command
}

/// User and group to run the server as; none if that is who runs the test.
fn account() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &&str| {
        let mut fields = users
            .lines()
            .map(|line| line.split(':'))
            .find(|fields| fields.clone().next() == Some(*name))?
            .skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = ["postgres", "nobody"].iter().find_map(ids);
    Some(found.expect("a user postgres or nobody to run PostgreSQL as: run .ci/prepare test"))
}
