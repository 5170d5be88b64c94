//! The words of `mtls-persona pki`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::tls::authority::KeyKind;

/// Arguments of `mtls-persona pki`.
#[derive(Debug, Args)]
pub struct PkiArgs {
    #[command(subcommand)]
    pub(super) command: PkiCommand,
    /// Folder of the authority and of what it issues
    #[arg(long, global = true, value_name = "DIR", default_value = "pki")]
    pub(super) dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum PkiCommand {
    /// Make a certificate authority
    Init(InitArgs),
    /// Issue a server's certificate
    Server(ServerArgs),
    /// Issue a client's certificate
    Client(ClientArgs),
    /// Make or renew the revocation lists, with all that was revoked so far
    Crl(CrlArgs),
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Common name of the authority
    #[arg(long, default_value = "mtls-persona authority")]
    pub(super) name: String,
    /// Days until it ends
    #[arg(long, default_value_t = 3650, value_parser = days())]
    pub(super) days: u32,
    /// Kind of its private key
    #[arg(long, value_enum, default_value_t = KeyChoice::P256)]
    pub(super) key: KeyChoice,
    /// Make an intermediate as well, which signs from then on, so that ca.key can go off line
    #[arg(long)]
    pub(super) intermediate: bool,
    /// Replace an authority: what the old one issued will no longer verify
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Args)]
pub(super) struct ServerArgs {
    #[command(flatten)]
    pub(super) issue: IssueArgs,
    /// DNS name that clients verify; NAME if none is given and it is one
    #[arg(long, value_name = "NAME")]
    pub(super) dns: Vec<String>,
    /// IP address that clients verify; NAME if none is given and it is one
    #[arg(long, value_name = "ADDRESS")]
    pub(super) ip: Vec<IpAddr>,
    /// Allow the client's role too, for a bridge with one certificate
    #[arg(long)]
    pub(super) both: bool,
}

#[derive(Debug, Args)]
pub(super) struct ClientArgs {
    #[command(flatten)]
    pub(super) issue: IssueArgs,
    /// Organizational unit
    #[arg(long)]
    pub(super) ou: Vec<String>,
    /// Organization
    #[arg(long)]
    pub(super) org: Vec<String>,
    /// URI, such as spiffe://example.org/orgs/acme/users/alice
    #[arg(long)]
    pub(super) uri: Vec<String>,
    /// DNS name
    #[arg(long, value_name = "NAME")]
    pub(super) dns: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct CrlArgs {
    /// Revoke a certificate for good: NAME of one that was issued here, or the path of its file
    #[arg(long, value_name = "CERT")]
    pub(super) revoke: Vec<String>,
    /// Days until the next lists are due
    #[arg(long, default_value_t = 30, value_parser = days())]
    pub(super) days: u32,
}

#[derive(Debug, Args)]
pub(super) struct IssueArgs {
    /// Common name, and the name of the two files NAME.pem and NAME.key
    pub(super) name: String,
    /// Days until it ends, though never later than its authority
    #[arg(long, default_value_t = 365, value_parser = days())]
    pub(super) days: u32,
    /// Kind of its private key
    #[arg(long, value_enum, default_value_t = KeyChoice::P256)]
    pub(super) key: KeyChoice,
    /// Replace NAME.pem and NAME.key
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum KeyChoice {
    /// ECDSA on P-256
    P256,
    /// ECDSA on P-384
    P384,
    /// RSA of 2048 bits
    Rsa2048,
    /// RSA of 3072 bits
    Rsa3072,
}

impl KeyChoice {
    pub(super) fn kind(self) -> KeyKind {
        match self {
            KeyChoice::P256 => KeyKind::EcP256,
            KeyChoice::P384 => KeyKind::EcP384,
            KeyChoice::Rsa2048 => KeyKind::Rsa(2048),
            KeyChoice::Rsa3072 => KeyKind::Rsa(3072),
        }
    }
}

/// A hundred years is more than any test needs, and keeps the end within four-digit years.
fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=36_500)
}
