//! The programs that are measured: how each is found, told apart and configured.
//!
//! A comparison is worth as much as the care that each side was given. So every program gets what
//! its own documentation says about speed, the same two workers, TLS 1.3 with the same cipher
//! suite, and mutual authentication with names verified. What a program cannot be told is said
//! beside it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

mod envoy;
mod haproxy;
mod hitch;
mod nginx;
mod ours;
mod stunnel;
mod tools;

pub(crate) use nginx::module_line as nginx_module_line;
pub(crate) use tools::{FIPS_GROUP, GROUP, on_path};

/// Which legs are TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// Plain inbound, TLS outbound.
    Client,
    /// TLS inbound, plain outbound.
    Server,
}

impl Mode {
    /// Both of them.
    pub(crate) const ALL: [Mode; 2] = [Mode::Client, Mode::Server];

    /// The word for it in a report.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Mode::Client => "client",
            Mode::Server => "server",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// PEM files of the run, all of P-256. The server's certificate is for the DNS name `localhost`.
#[derive(Clone, Debug)]
pub(crate) struct Pki {
    /// The authority that both sides trust.
    pub ca: PathBuf,
    /// The server's certificate.
    pub server_cert: PathBuf,
    /// Its private key.
    pub server_key: PathBuf,
    /// The client's certificate.
    pub client_cert: PathBuf,
    /// Its private key.
    pub client_key: PathBuf,
}

impl Pki {
    /// Certificate and key of the side that a program is on in that mode.
    fn own(&self, mode: Mode) -> (&Path, &Path) {
        match mode {
            Mode::Client => (&self.client_cert, &self.client_key),
            Mode::Server => (&self.server_cert, &self.server_key),
        }
    }
}

/// One process to be started.
pub(crate) struct Setup<'a> {
    /// Which of its legs are TLS.
    pub mode: Mode,
    /// Where its files go: private, there, and empty.
    pub folder: &'a Path,
    /// Where it listens.
    pub inbound: SocketAddr,
    /// Where it connects to.
    pub outbound: SocketAddr,
    /// What it proves itself with, and whom it trusts.
    pub pki: &'a Pki,
}

/// The name that the outbound server must prove in [`Mode::Client`].
const SERVER_NAME: &str = "localhost";

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// mtls-persona.
    Ours,
    /// The same with BoringSSL's FIPS module.
    OursFips,
    /// Envoy.
    Envoy,
    /// nginx with its stream module.
    Nginx,
    /// HAProxy.
    Haproxy,
    /// Hitch.
    Hitch,
    /// stunnel.
    Stunnel,
}

impl Kind {
    /// All of them, in the order of a report.
    pub(crate) const ALL: [Kind; 7] = [
        Kind::Ours,
        Kind::OursFips,
        Kind::Envoy,
        Kind::Nginx,
        Kind::Haproxy,
        Kind::Hitch,
        Kind::Stunnel,
    ];

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Ours => "mtls-persona",
            Kind::OursFips => "with FIPS",
            Kind::Envoy => "envoy",
            Kind::Nginx => "nginx",
            Kind::Haproxy => "haproxy",
            Kind::Hitch => "hitch",
            Kind::Stunnel => "stunnel",
        }
    }

    /// Whether it is compared with, and not what the comparison is about.
    pub(crate) fn is_other(self) -> bool {
        !matches!(self, Kind::Ours | Kind::OursFips)
    }

    /// The group of its key exchanges.
    pub(crate) fn group(self) -> &'static str {
        match self {
            Kind::OursFips => FIPS_GROUP,
            _ => GROUP,
        }
    }

    /// Whether it can play that part. Hitch's client mode has no words for a certificate of its own
    /// nor for the name of the server.
    pub(crate) fn supports(self, mode: Mode) -> bool {
        self != Kind::Hitch || mode == Mode::Server
    }

    /// The environment variable that names another program.
    fn variable(self) -> &'static str {
        match self {
            Kind::Ours => "BENCH_MTLS_PERSONA",
            Kind::OursFips => "BENCH_MTLS_PERSONA_FIPS",
            Kind::Envoy => "BENCH_ENVOY",
            Kind::Nginx => "BENCH_NGINX",
            Kind::Haproxy => "BENCH_HAPROXY",
            Kind::Hitch => "BENCH_HITCH",
            Kind::Stunnel => "BENCH_STUNNEL",
        }
    }

    /// Where it is, unless the environment says otherwise.
    fn usual_place(self) -> Option<PathBuf> {
        match self {
            Kind::Ours => tools::in_tree("target/release/mtls-persona"),
            Kind::OursFips => tools::in_tree("target/fips/release/mtls-persona"),
            Kind::Envoy => {
                tools::on_path("envoy").or_else(|| tools::in_tree("target/tools/envoy/bin/envoy"))
            }
            // Debian has had either name.
            Kind::Stunnel => tools::on_path("stunnel").or_else(|| tools::on_path("stunnel4")),
            Kind::Nginx | Kind::Haproxy | Kind::Hitch => tools::on_path(self.name()),
        }
    }

    /// What brings it here.
    fn remedy(self) -> &'static str {
        match self {
            Kind::Ours => "make build",
            Kind::OursFips => "make fips",
            _ => ".ci/prepare bench",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A program that was found.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Which one.
    pub kind: Kind,
    /// Its file.
    pub program: PathBuf,
    /// Its name and version, such as `haproxy 2.6.12`.
    pub version: String,
    /// The TLS library that it runs with, such as `OpenSSL 3.0.17`.
    pub library: String,
}

/// Finds the program: by its environment variable or else in the usual places. The error says what
/// is missing.
pub(crate) fn find(kind: Kind) -> Result<Peer, String> {
    let program = locate(kind)?;
    let about = match kind {
        Kind::Ours | Kind::OursFips => ours::about(&program),
        Kind::Envoy => envoy::about(&program),
        Kind::Nginx => nginx::about(&program),
        Kind::Haproxy => haproxy::about(&program),
        Kind::Hitch => hitch::about(&program),
        Kind::Stunnel => stunnel::about(&program),
    };
    let About { version, library } = about.map_err(|error| format!("{kind}: {error}"))?;
    let version = format!("{kind} {version}");
    Ok(Peer {
        kind,
        program,
        version,
        library,
    })
}

fn locate(kind: Kind) -> Result<PathBuf, String> {
    let variable = kind.variable();
    if let Some(named) = std::env::var_os(variable).filter(|value| !value.is_empty()) {
        let named = PathBuf::from(named);
        let found = tools::program(&named);
        return found.ok_or_else(|| format!("{kind}: {variable} is no file: {}", named.display()));
    }
    let found = kind.usual_place();
    found.ok_or_else(|| format!("{kind} is missing: {} or {variable}", kind.remedy()))
}

/// What a program tells of itself.
struct About {
    version: String,
    library: String,
}

impl Peer {
    /// Writes the configuration into the setup's folder and gives the command that runs the program
    /// in the foreground. It logs at most warnings, to standard error, and nothing per connection
    /// that ends in order, which in TLS includes a close_notify.
    ///
    /// Some programs do not raise their own limit of descriptors: who starts it must, for many
    /// connections.
    pub(crate) fn command(&self, setup: &Setup<'_>) -> io::Result<Command> {
        if !self.kind.supports(setup.mode) {
            let text = format!("{} cannot be used in mode {}", self.kind, setup.mode);
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        let files = tools::Files::of(setup)?;
        match self.kind {
            Kind::Ours => ours::command(&self.program, setup, &files, false),
            Kind::OursFips => ours::command(&self.program, setup, &files, true),
            Kind::Envoy => envoy::command(&self.program, setup, &files),
            Kind::Nginx => nginx::command(&self.program, setup, &files),
            Kind::Haproxy => haproxy::command(&self.program, setup, &files),
            Kind::Hitch => hitch::command(&self.program, setup, &files),
            Kind::Stunnel => stunnel::command(&self.program, setup, &files),
        }
    }

    /// As [`Peer::command`], for mtls-persona alone: its metrics are at `admin`, and with a `directory` it is
    /// a connector by that, which knows of no `outbound`.
    pub(crate) fn command_with_metrics(
        &self,
        setup: &Setup<'_>,
        admin: SocketAddr,
        directory: Option<Value>,
    ) -> io::Result<Command> {
        let files = tools::Files::of(setup)?;
        ours::command_with_metrics(&self.program, &files, admin, ours::pair(setup, directory))
    }
}
