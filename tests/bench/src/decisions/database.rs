//! A PostgreSQL of the run's own, with the tables of `config/connector.sql`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};
use tempfile::TempDir;

use super::{HOSTS, ORG, USER};
use crate::peers::on_path;
use crate::run::free_address;
use crate::subject::Subject;

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/connector.sql");

/// The superuser, who needs no password, and its database.
pub(super) const ROLE: &str = "postgres";

/// Teams, each of which opens some of the hosts.
const TEAMS: u64 = 10_000;

/// How long it may take to let somebody in.
const PATIENCE: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(50);

/// A running server; it and its data go when dropped.
pub(super) struct Database {
    server: Subject,
    folder: TempDir,
}

impl Database {
    /// A new server without tables.
    pub(super) fn start() -> io::Result<Database> {
        let account = account()?;
        // Not under target/: its user may not get there.
        let folder = tempfile::Builder::new().prefix("bench-").tempdir()?;
        if let Some(account) = &account {
            let (uid, gid) = (account.uid.as_raw(), account.gid.as_raw());
            chown(folder.path(), Some(uid), Some(gid))?;
        }
        let data = folder.path().join("data");
        let mut initdb = unprivileged("initdb", account.as_ref())?;
        initdb.args(["--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8"]);
        said(initdb.args(["--username", ROLE, "-D"]).arg(&data))?;
        let address = free_address()?;
        let mut postgres = unprivileged("postgres", account.as_ref())?;
        postgres.arg("-D").arg(&data).arg("-k").arg(folder.path());
        postgres.args(["-p", &address.port().to_string()]);
        postgres.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
        // It would work beside one measurement and not beside another.
        postgres.args(["-c", "autovacuum=off"]);
        let server = Subject::start(postgres, folder.path(), address)?;
        let database = Database { server, folder };
        database.wait_until_it_lets_in()?;
        Ok(database)
    }

    /// It listens before it does.
    fn wait_until_it_lets_in(&self) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            match self.psql(&["-c", "select 1"]) {
                Err(_) if begun.elapsed() < PATIENCE => std::thread::sleep(TICK),
                outcome => return outcome.map(drop),
            }
        }
    }

    /// Hosts whose ids are the numbers from 1, all of them at `outbound`. [`USER`] may reach each: every
    /// second by name, the others as a member of a team.
    pub(super) fn fill(&self, outbound: SocketAddr) -> io::Result<()> {
        let rows = format!(
            "insert into users (user_id, org_id)
                 select 'user' || n, '{ORG}' from generate_series(2, {HOSTS}) n;
             insert into users (user_id, org_id) values ('{USER}', '{ORG}');
             insert into teams (team_id, org_id, user_ids)
                 select 'team' || n, '{ORG}', array['user' || n, '{USER}']
                 from generate_series(1, {TEAMS}) n;
             insert into backend_hosts (connect_id, internal_ip_addr, org_id, user_ids, team_ids)
                 select n, '{outbound}', '{ORG}',
                     array[case n % 2 when 0 then '{USER}' else 'user' || n end],
                     array['team' || 1 + n % {TEAMS}]
                 from generate_series(1, {HOSTS}) n"
        );
        self.psql(&["-f", SCHEMA])?;
        self.psql(&["-c", &rows])?;
        self.psql(&["-c", "vacuum analyze", "-c", "checkpoint"])
            .map(drop)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.server.inbound
    }

    /// A place for files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What all of its processes have spent.
    pub(super) fn cpu(&self) -> io::Result<Duration> {
        self.server.cpu_with_ended()
    }

    /// Its version, such as `15.14`.
    pub(super) fn version(&self) -> io::Result<String> {
        let shown = self.psql(&["-Atc", "show server_version"])?;
        Ok(shown
            .split(' ')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned())
    }

    fn psql(&self, words: &[&str]) -> io::Result<String> {
        let mut command = self.client("psql")?;
        command.args(["-Xq", "-v", "ON_ERROR_STOP=1", "-d", ROLE]);
        said(command.args(words))
    }

    /// A program that is told where to connect to.
    pub(super) fn client(&self, name: &str) -> io::Result<Command> {
        let mut command = program(name)?;
        let address = self.address();
        command.args(["-h", &address.ip().to_string()]);
        command.args(["-p", &address.port().to_string(), "-U", ROLE]);
        Ok(command)
    }
}

/// What it says on standard output, if it succeeds.
pub(super) fn said(command: &mut Command) -> io::Result<String> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let program = command.get_program().display();
            let why = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("{program}: {}", why.trim())))
        }
    }
}

/// A program of PostgreSQL, without what the environment says to such. Debian and RHEL keep the server's
/// outside `PATH`, by version.
fn program(name: &str) -> io::Result<Command> {
    let found = on_path(name).or_else(|| newest(name));
    let missing = || io::Error::other(format!("{name} is missing: .ci/prepare bench"));
    let mut command = Command::new(found.ok_or_else(missing)?);
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(|name| name.starts_with("PG")) {
            command.env_remove(variable);
        }
    }
    Ok(command)
}

fn newest(name: &str) -> Option<PathBuf> {
    let mut found = Vec::new();
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let folder = entry.file_name();
            let version = folder.to_str().and_then(|name| name.strip_prefix(prefix));
            let version = version.and_then(|version| version.parse::<u32>().ok());
            let file = entry.path().join("bin").join(name);
            if let Some(version) = version.filter(|_| file.is_file()) {
                found.push((version, file));
            }
        }
    }
    found.into_iter().max().map(|(_, file)| file)
}

/// A program of the server, which refuses to run as root.
fn unprivileged(name: &str, account: Option<&User>) -> io::Result<Command> {
    let mut command = program(name)?;
    // Its children look at where they stand.
    command.current_dir("/");
    if let Some(account) = account {
        command.uid(account.uid.as_raw()).gid(account.gid.as_raw());
    }
    Ok(command)
}

/// Whom to run the server as; none if that is who runs this.
fn account() -> io::Result<Option<User>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some(user));
        }
    }
    Err(io::Error::other(
        "no user postgres or nobody: .ci/prepare bench",
    ))
}
