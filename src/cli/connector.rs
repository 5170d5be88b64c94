//! `mtls-persona connector`: a connector by the flags of the program that it replaces.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::{WRONG_WORDS, fail, finish, run, tell};
use crate::config::{self, Directory, Loaded, Password, Problems, Secret};

/// The variable that PostgreSQL's own clients take a password from.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// What the older program is told. Its defaults are these too, but for the password, which has none here.
#[derive(Debug, Args)]
pub(super) struct ConnectorArgs {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = ":8443")]
    listen: String,

    /// Authorities of the clients, PEM; several with commas between them.
    #[arg(long, value_name = "FILES", value_delimiter = ',', required = true)]
    ca_certs: Vec<String>,

    /// The connector's certificate, PEM.
    #[arg(long, value_name = "FILE")]
    server_cert: String,

    /// The key of that certificate, PEM.
    #[arg(long, value_name = "FILE")]
    server_key: String,

    /// Trust domain of the users' identities, spiffe://ISSUER/orgs/ORG/users/USER.
    #[arg(long, value_name = "DOMAIN", default_value = "tinyscale.com")]
    issuer: String,

    /// The database server, or the folder of its UNIX socket.
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    db_host: String,

    /// Its port.
    #[arg(long, value_name = "PORT", default_value_t = 5432)]
    db_port: u16,

    /// Role to log in as.
    #[arg(long, value_name = "ROLE", default_value = "tinyscale")]
    db_user: String,

    /// Password of that role. Others see it in the list of processes: --db-password-file and the variable
    /// PGPASSWORD are better.
    #[arg(long, value_name = "PASSWORD", conflicts_with = "db_password_file")]
    db_password: Option<String>,

    /// File whose first line is the password.
    #[arg(long, value_name = "FILE")]
    db_password_file: Option<String>,

    /// Name of the database.
    #[arg(long, value_name = "NAME", default_value = "tinyscale-ssh")]
    db_name: String,

    /// Whether the database proves itself by TLS: verify-full, which is the default but on this machine, or
    /// disable.
    #[arg(long, value_name = "HOW")]
    db_tls: Option<String>,

    /// Authorities of the database, if others than those of the clients.
    #[arg(long, value_name = "FILE")]
    db_ca: Option<String>,

    /// How much is logged: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,

    /// Write the same as a configuration in the native form, and serve nothing.
    #[arg(long)]
    print: bool,
}

/// Serves until it is told to stop.
pub(super) fn run(args: ConnectorArgs) -> ExitCode {
    let loaded = match load(&args) {
        Ok(loaded) => loaded,
        Err(problems) => return fail(WRONG_WORDS, &problems),
    };
    match args.print {
        true => finish(ExitCode::SUCCESS, tell(&config::print(&loaded.config))),
        false => run::serve(loaded, None),
    }
}

/// The flags as a configuration: what is wrong with one is wrong with the other.
fn load(args: &ConnectorArgs) -> Result<Loaded, Problems> {
    let mut loaded = config::parse(&native(args).to_string())?;
    if let Some(password) = &args.db_password {
        let secret = Password::Given(Secret(password.clone()));
        for pair in &mut loaded.config.pairs {
            let with_password = |directory: &Arc<Directory>| {
                let mut directory = Directory::clone(directory);
                directory.database.password = secret.clone();
                Arc::new(directory)
            };
            pair.directory = pair.directory.as_ref().map(with_password);
        }
    }
    Ok(loaded)
}

fn native(args: &ConnectorArgs) -> Value {
    let mut database = json!({
        "host": args.db_host, "port": args.db_port, "user": args.db_user, "name": args.db_name,
    });
    let is_in_environment = std::env::var_os(PASSWORD_VARIABLE).is_some();
    let variable =
        (is_in_environment && args.db_password_file.is_none()).then_some(PASSWORD_VARIABLE);
    for (key, value) in [
        ("tls", args.db_tls.as_deref()),
        ("ca", args.db_ca.as_deref()),
        ("password_file", args.db_password_file.as_deref()),
        ("password_env", variable),
    ] {
        if let Some(value) = value {
            database[key] = json!(value);
        }
    }
    let path = |text: &String| json!(PathBuf::from(text));
    json!({
        "cert": path(&args.server_cert), "key": path(&args.server_key), "ca": args.ca_certs,
        "log": { "level": level(&args.log_level) },
        "address_pairs": [{
            "name": "connector", "mode": "connector", "inbound": args.listen,
            "directory": { "issuer": args.issuer, "database": database },
        }],
    })
}

/// The older program's words for levels that this one tells by others.
fn level(word: &str) -> &str {
    match word {
        "warning" => "warn",
        "fatal" | "panic" => "error",
        word => word,
    }
}
