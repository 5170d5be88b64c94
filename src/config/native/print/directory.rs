//! What a connector goes by. No password is among it: one of the command line becomes the name of a variable.

use std::path::PathBuf;

use super::pair::write_paths;
use super::{Entries, bound, duration, limit, text, whole};
use crate::config::address::Host;
use crate::config::model::{Database, DatabaseHost, DatabaseTls, Directory, OnRevoke, Password};
use crate::config::native::directory::{
    CACHE_ENTRIES, CACHE_LIFETIME, CONNECTIONS, DATABASE_PORT, HOST_PORT, TIMEOUT,
};
use crate::config::tree::Value;

/// What stands for a password that was given on the command line.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// The object; `ca` is what the pair trusts.
pub(super) fn write(directory: &Directory, ca: &[PathBuf]) -> Entries {
    let mut entries = Entries::default();
    entries.put("issuer", text(directory.issuer.as_str()));
    let port = usize::from(directory.default_port);
    entries.if_other("default_port", &port, &usize::from(HOST_PORT), |port| {
        whole(*port)
    });
    entries.if_other("outbound_mtls", &directory.outbound_mtls, &false, |m| {
        Value::Bool(*m)
    });
    entries.put("database", database(&directory.database, ca).done());
    let mut cache = Entries::default();
    cache.if_other(
        "lifetime",
        &directory.cache_lifetime,
        &CACHE_LIFETIME,
        |l| limit(*l),
    );
    let kept = Some(directory.cache_entries);
    cache.if_other("entries", &kept, &Some(CACHE_ENTRIES), |e| bound(*e));
    entries.object("cache", cache);
    let [user, org] = directory.quotas;
    let mut limits = Entries::default();
    for (key, most) in [
        ("user_connections", user.connections),
        ("user_rate", user.rate),
        ("org_connections", org.connections),
        ("org_rate", org.rate),
    ] {
        limits.if_other(key, &most, &None, |most| bound(*most));
    }
    entries.object("limits", limits);
    entries.if_other("connection_log", &directory.logs_connections, &false, |l| {
        Value::Bool(*l)
    });
    entries.if_other("on_revoke", &directory.on_revoke, &OnRevoke::Keep, |_| {
        text("close")
    });
    entries
}

fn database(database: &Database, ca: &[PathBuf]) -> Entries {
    let mut entries = Entries::default();
    entries.put("host", text(database.host.to_string()));
    let port = usize::from(database.port);
    entries.if_other("port", &port, &usize::from(DATABASE_PORT), |port| {
        whole(*port)
    });
    entries.put("user", text(&database.user));
    entries.put("name", text(&database.name));
    match &database.password {
        Password::None => {}
        Password::File(file) => {
            write_paths(&mut entries, "password_file", std::slice::from_ref(file))
        }
        Password::Environment(variable) => entries.put("password_env", text(variable)),
        Password::Given(_) => entries.put("password_env", text(PASSWORD_VARIABLE)),
    }
    write_tls(&mut entries, database, ca);
    entries.if_other("connections", &database.connections, &CONNECTIONS, |c| {
        whole(*c)
    });
    entries.if_other("timeout", &database.timeout, &TIMEOUT, |t| duration(*t));
    entries
}

fn write_tls(to: &mut Entries, database: &Database, pair_ca: &[PathBuf]) {
    let is_usual = database.host.is_here();
    let DatabaseTls::VerifyFull {
        server_name,
        ca,
        identity,
    } = &database.tls
    else {
        return to.if_other("tls", &is_usual, &true, |_| text("disable"));
    };
    to.if_other("tls", &is_usual, &false, |_| text("verify-full"));
    let of_host = match &database.host {
        DatabaseHost::Tcp(host) => host.server_name(),
        DatabaseHost::Folder(_) => Host::Any.server_name(),
    };
    to.if_other("server_name", server_name, &of_host, |name| {
        text(name.to_string())
    });
    if ca != pair_ca {
        write_paths(to, "ca", ca);
    }
    if let Some((cert, key)) = identity {
        write_paths(to, "cert", std::slice::from_ref(cert));
        write_paths(to, "key", std::slice::from_ref(key));
    }
}
