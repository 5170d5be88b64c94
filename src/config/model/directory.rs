//! What a connector knows: who its users are, and the database that says what they may reach.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::super::address::Host;
use super::super::host::ServerName;
use crate::identity::TrustDomain;
use crate::route::Quota;

/// What a connector goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct Directory {
    /// The trust domain that its users' identities are of.
    pub issuer: TrustDomain,
    /// How a client says which host it wants.
    pub connect_id: IdSource,
    /// The port of hosts that the database names without one.
    pub default_port: u16,
    /// Whether the database may say that a host is reached by mutual TLS, with the pair's own certificate.
    pub outbound_mtls: bool,
    /// The database.
    pub database: Database,
    /// How long a grant is believed without a look at the database; `None` for not at all.
    pub cache_lifetime: Option<Duration>,
    /// The most grants that are kept.
    pub cache_entries: usize,
    /// What becomes of live connections whose grant is taken back.
    pub on_revoke: OnRevoke,
    /// What each user, and each organisation, may have.
    pub quotas: [Quota; 2],
    /// Whether connections that have ended are written to a table.
    pub logs_connections: bool,
}

/// How a client says which host it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdSource {
    /// By its first line, which is answered.
    #[default]
    Line,
    /// By the first label of the server name that it asks for; nothing is said and nothing answered.
    Sni,
}

/// What becomes of a live connection whose grant is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnRevoke {
    /// It goes on.
    #[default]
    Keep,
    /// It ends.
    Close,
}

/// A PostgreSQL database, and how to log in to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Database {
    /// The server, or the folder of its UNIX socket.
    pub host: DatabaseHost,
    /// Its port, which is a part of the socket's name as well.
    pub port: u16,
    /// The role to log in as.
    pub user: String,
    /// Where its password is from.
    pub password: Password,
    /// The database's name.
    pub name: String,
    /// Whether the connection is TLS.
    pub tls: DatabaseTls,
    /// Connections for questions; one more hears of changes.
    pub connections: usize,
    /// Until when a question has to be answered.
    pub timeout: Duration,
}

impl Database {
    /// Whether both are the same database, however it is logged in to and asked.
    pub fn is_same_as(&self, other: &Database) -> bool {
        self.host == other.host && self.port == other.port && self.name == other.name
    }
}

/// Where a database server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseHost {
    /// On the network; never every interface.
    Tcp(Host),
    /// On this machine, by the folder of its socket.
    Folder(PathBuf),
}

impl DatabaseHost {
    /// Whether it is this machine itself, so that nobody is between.
    pub fn is_here(&self) -> bool {
        match self {
            Self::Folder(_) | Self::Tcp(Host::Any) => true,
            Self::Tcp(Host::Ip(ip)) => ip.to_canonical().is_loopback(),
            Self::Tcp(Host::Name(name)) => name.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl fmt::Display for DatabaseHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Tcp(Host::Any) => f.write_str("localhost"),
            Self::Tcp(Host::Ip(ip)) => write!(f, "{ip}"),
            Self::Tcp(Host::Name(name)) => f.write_str(name),
        }
    }
}

/// Where a password is from. It is read each time that a connection is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// There is none.
    None,
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
    /// The command line, where other users of the machine may see it.
    Given(Secret),
}

/// A text that is shown to nobody.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How the connection to a database is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseTls {
    /// Not at all.
    Disable,
    /// The server is verified, by its chain and its name.
    VerifyFull {
        /// The name that it must prove.
        server_name: ServerName,
        /// Its authorities, PEM.
        ca: Vec<PathBuf>,
        /// Certificate and key to log in with, PEM.
        identity: Option<(PathBuf, PathBuf)>,
    },
}
