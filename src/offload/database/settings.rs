//! A database, and how to log in to it.

use std::fs;
use std::time::Duration;

use tokio_postgres::config::SslMode;

use super::secured::Security;
use crate::config::{Database, DatabaseHost, DatabaseTls, Password};
use crate::tls::{
    Credentials, Material, MinVersion, PemFile, Profile, Resumption, Revocation, Role, TlsContext,
};

/// A password file that is larger is none.
const PASSWORD_BYTES_MAX: usize = 4096;

/// Silence after which the system asks whether the database is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The time of day, in seconds since 1970. Clocks are read by who owns the threads.
pub type Clock = fn() -> i64;

/// A database, and what is needed to get to it.
#[derive(Clone)]
pub struct Settings {
    /// Where it is and how to log in.
    pub database: Database,
    /// What TLS to it may negotiate.
    pub profile: Profile,
    /// What certificates are judged by.
    pub clock: Clock,
}

impl Settings {
    /// Looks at the files and the password that a connection would be made with.
    ///
    /// # Errors
    /// What keeps it from being made.
    pub fn check(&self) -> Result<(), String> {
        self.login()?;
        self.security().map(drop)
    }

    /// How to log in, with the password of this moment.
    pub(super) fn login(&self) -> Result<tokio_postgres::Config, String> {
        let database = &self.database;
        let mut config = tokio_postgres::Config::new();
        match &database.host {
            DatabaseHost::Tcp(_) => config.host(database.host.to_string()),
            DatabaseHost::Folder(folder) => config.host_path(folder),
        };
        config
            .port(database.port)
            .user(&database.user)
            .dbname(&database.name);
        config.application_name("mtls-persona");
        config.connect_timeout(database.timeout);
        config.tcp_user_timeout(database.timeout);
        config.keepalives_idle(KEEPALIVE);
        config.ssl_mode(match database.tls {
            DatabaseTls::Disable => SslMode::Disable,
            DatabaseTls::VerifyFull { .. } => SslMode::Require,
        });
        if let Some(password) = self.password()? {
            config.password(password);
        }
        Ok(config)
    }

    fn password(&self) -> Result<Option<String>, String> {
        match &self.database.password {
            Password::None => Ok(None),
            Password::Given(secret) => Ok(Some(secret.0.clone())),
            Password::Environment(name) => {
                let value = std::env::var(name);
                let value = value.map_err(|_| format!("{name} is not in the environment"))?;
                Ok(Some(value))
            }
            Password::File(path) => {
                let cannot = |what: String| format!("{}: {what}", path.display());
                let text = fs::read_to_string(path).map_err(|error| cannot(error.to_string()))?;
                let line = text.lines().next().unwrap_or_default();
                match line.len() {
                    1..=PASSWORD_BYTES_MAX => Ok(Some(line.to_owned())),
                    _ => Err(cannot("its first line is no password".to_owned())),
                }
            }
        }
    }

    /// What TLS is made with, of the files as they are at this moment.
    pub(super) fn security(&self) -> Result<Security, String> {
        let DatabaseTls::VerifyFull {
            server_name,
            ca,
            identity,
        } = &self.database.tls
        else {
            return Ok(Security::none());
        };
        let file = |path: &std::path::PathBuf| {
            let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let path = path.display().to_string();
            Ok::<PemFile, String>(PemFile { path, bytes })
        };
        let ca = ca.iter().map(file).collect::<Result<Vec<_>, _>>()?;
        let Some((cert, key)) = identity else {
            let context = TlsContext::anonymous(&ca, self.profile);
            let context = context.map_err(|error| error.to_string())?;
            return Ok(Security::anonymous(context, server_name.clone()));
        };
        let material = Material {
            cert: file(cert)?,
            key: file(key)?,
            ca,
            pins: None,
            min_version: MinVersion::Tls12,
            resumption: Resumption::Off,
            profile: self.profile,
            revocation: Revocation::default(),
        };
        let credentials = Credentials::prove(&material, &[Role::Client], (self.clock)());
        let credentials = credentials.map_err(|error| error.to_string())?;
        Ok(Security::known(credentials, server_name.clone()))
    }
}
