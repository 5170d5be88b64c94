//! What a connector goes by: the object `directory` of its pair.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::model::{
    Database, DatabaseHost, DatabaseTls, Directory, IdSource, OnRevoke, Password,
};
use crate::config::reader::{ObjectReader, Reported, Taken};
use crate::config::tree::Value;
use crate::config::value;
use crate::route::Quota;

const HINT: &str = "write {\"issuer\": \"example.com\", \"database\": {\"host\": \"db.example.com\", \
                    \"user\": \"connector\", \"name\": \"hosts\"}}";
const DATABASE_HINT: &str =
    "write {\"host\": \"db.example.com\", \"user\": \"connector\", \"name\": \"hosts\"}";

/// PostgreSQL's port, and SSH's: what most hosts behind a connector are for.
pub(super) const DATABASE_PORT: u16 = 5432;
pub(super) const HOST_PORT: u16 = 22;

pub(super) const CACHE_LIFETIME: Option<Duration> = Some(Duration::from_secs(30));
pub(super) const CACHE_ENTRIES: usize = 100_000;
pub(super) const CONNECTIONS: usize = 4;
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// What the object of a pair says. `ca` is what the pair trusts.
pub(super) fn directory(
    reader: &mut ObjectReader<'_>,
    id_source: IdSource,
    ca: &Result<Vec<PathBuf>, Reported>,
) -> Result<Arc<Directory>, Reported> {
    let read = |r: &mut ObjectReader<'_>| read(r, id_source, ca);
    reader
        .required_object("directory", HINT, read)
        .map(Arc::new)
}

fn read(
    reader: &mut ObjectReader<'_>,
    connect_id: IdSource,
    ca: &Result<Vec<PathBuf>, Reported>,
) -> Result<Directory, Reported> {
    let issuer = reader.required(
        "issuer",
        "write the trust domain of the users' SPIFFE identities",
        value::trust_domain,
    );
    let default_port = reader.take_or("default_port", HOST_PORT, value::port);
    let outbound_mtls = reader.take_or("outbound_mtls", false, value::switch);
    let database = reader.required_object("database", DATABASE_HINT, |r| database(r, ca));
    let cache = reader.take_object("cache", |r| {
        let lifetime = r.take_or("lifetime", CACHE_LIFETIME, value::idle);
        let entries = r.take("entries", value::bound).ok().flatten();
        (
            lifetime,
            entries.map_or(CACHE_ENTRIES, |entries| entries.unwrap_or(0)),
        )
    });
    let (cache_lifetime, cache_entries) = cache.unwrap_or((CACHE_LIFETIME, CACHE_ENTRIES));
    let quotas = reader.take_object("limits", |r| {
        let mut bound = |key| r.take_or(key, None, value::bound);
        [
            Quota {
                connections: bound("user_connections"),
                rate: bound("user_rate"),
            },
            Quota {
                connections: bound("org_connections"),
                rate: bound("org_rate"),
            },
        ]
    });
    let logs_connections = reader.take_or("connection_log", false, value::switch);
    let on_revoke = reader.take_or("on_revoke", OnRevoke::default(), on_revoke);
    Ok(Directory {
        issuer: issuer?,
        connect_id,
        default_port,
        outbound_mtls,
        database: database?,
        cache_lifetime,
        cache_entries,
        on_revoke,
        quotas: quotas.unwrap_or_default(),
        logs_connections,
    })
}

fn database(
    reader: &mut ObjectReader<'_>,
    ca: &Result<Vec<PathBuf>, Reported>,
) -> Result<Database, Reported> {
    let host = reader.required(
        "host",
        "write the database server, or the folder of its UNIX socket",
        value::database_host,
    );
    let port = reader.take_or("port", DATABASE_PORT, value::port);
    let user = reader.required("user", "write the role to log in as", value::word);
    let name = reader.required("name", "write the database's name", value::word);
    let password = password(reader);
    let tls = tls(reader, &host, ca);
    let connections = reader.take_or("connections", CONNECTIONS, value::few);
    let timeout = reader.take_or("timeout", TIMEOUT, value::deadline);
    Ok(Database {
        host: host?,
        port,
        user: user?,
        password: password?,
        name: name?,
        tls: tls?,
        connections,
        timeout,
    })
}

fn password(reader: &mut ObjectReader<'_>) -> Result<Password, Reported> {
    if reader.has("password") {
        // Asked for, so that it is no unknown key; what it holds is not looked at.
        let _ = reader.take("password", |_| Ok(()));
        return Err(reader.report(
            "password",
            "a password has no place in this file, which is shown and copied: write password_file or \
             password_env",
        ));
    }
    let file = reader.take("password_file", value::path)?;
    let variable = reader.take("password_env", value::word)?;
    match (file, variable) {
        (None, None) => Ok(Password::None),
        (Some(file), None) => Ok(Password::File(file)),
        (None, Some(variable)) => Ok(Password::Environment(variable)),
        (Some(_), Some(_)) => Err(reader.report(
            "password_env",
            "given beside password_file: keep one of them",
        )),
    }
}

/// Without a word on it, a database on another machine is one that has to prove itself.
fn tls(
    reader: &mut ObjectReader<'_>,
    host: &Result<DatabaseHost, Reported>,
    pair_ca: &Result<Vec<PathBuf>, Reported>,
) -> Result<DatabaseTls, Reported> {
    let wanted = reader.take("tls", wants_tls)?;
    let server_name = reader.take("server_name", value::server_name)?;
    let ca = reader.take_any_number("ca", value::path)?;
    let identity = identity(reader)?;
    let host = host.as_ref().map_err(|reported| *reported)?;
    if !wanted.unwrap_or(!host.is_here()) {
        return Ok(DatabaseTls::Disable);
    }
    let of_host = match host {
        DatabaseHost::Tcp(host) => Some(host.server_name()),
        DatabaseHost::Folder(_) => {
            return Err(reader.report("tls", "a UNIX socket has no TLS: leave it out"));
        }
    };
    let server_name = server_name.or(of_host);
    let server_name = server_name.ok_or_else(|| reader.report("server_name", "missing"))?;
    Ok(DatabaseTls::VerifyFull {
        server_name,
        ca: match ca {
            Some(ca) => ca,
            None => pair_ca.clone()?,
        },
        identity,
    })
}

fn identity(reader: &mut ObjectReader<'_>) -> Taken<(PathBuf, PathBuf)> {
    let (cert, key) = (
        reader.take("cert", value::path)?,
        reader.take("key", value::path)?,
    );
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some((cert, key))),
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(reader.report("key", "missing: a certificate has its key beside it"))
        }
        (None, Some(_)) => {
            Err(reader.report("cert", "missing: a key has its certificate beside it"))
        }
    }
}

fn wants_tls(value: &Value) -> Result<bool, String> {
    value::one_of(value, &[("verify-full", true), ("disable", false)])
}

fn on_revoke(value: &Value) -> Result<OnRevoke, String> {
    value::one_of(
        value,
        &[("keep", OnRevoke::Keep), ("close", OnRevoke::Close)],
    )
}

/// The words of a connector's `connect_id`.
pub(super) fn id_source(value: &Value) -> Result<IdSource, String> {
    value::one_of(value, &[("line", IdSource::Line), ("sni", IdSource::Sni)])
}

#[cfg(test)]
mod tests;
