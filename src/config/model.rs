//! The validated model: what every form of configuration becomes. Each field is present and means
//! something, so nobody who reads it has a default to add or a combination to refuse.

mod directory;
mod told;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use self::directory::{
    Database, DatabaseHost, DatabaseTls, Directory, IdSource, OnRevoke, Password, Secret,
};
pub use self::told::{Admin, AdminListener, LogFormat, Serves};

use super::address::Address;
use super::host::ServerName;
pub use super::proxy::{ProxyProtocol, ProxyVersion, Sources};
use crate::base::id::Side;
use crate::identity::{Acl, Pins};
use crate::route::ConnectId;

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The address pairs; at least one, their names and their inbound addresses distinct.
    pub pairs: Vec<Pair>,
    /// What makes it read its files again, beside SIGHUP.
    pub reload: ReloadTriggers,
    /// Worker threads; 0 stands for one per core.
    pub workers: usize,
    /// Bounds over all pairs.
    pub limits: Limits,
    /// How long connections may go on after a graceful stop was asked for.
    pub drain: Duration,
    /// What the log tells.
    pub log_level: log::LevelFilter,
    /// How the lines of the log are written.
    pub log_format: LogFormat,
    /// What tells over HTTP how the program is.
    pub admin: Admin,
    /// Whether the TLS library must be a FIPS module, and stay within what FIPS allows.
    pub fips: Fips,
    /// Within that, whether hybrids with ML-KEM are spoken too; only where `fips` is not off.
    pub fips_pq: bool,
    /// Whether the kernel is to hold the program to the files and ports of its configuration.
    pub landlock: bool,
}

/// Whether FIPS is in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fips {
    /// It is not.
    #[default]
    Off,
    /// As the host has it.
    Auto,
    /// It is, or the program does not run.
    Require,
}

impl Fips {
    /// Every word with what it means.
    pub const WORDS: [(&'static str, Fips); 3] = [
        ("off", Fips::Off),
        ("auto", Fips::Auto),
        ("require", Fips::Require),
    ];
}

impl std::fmt::Display for Fips {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut words = Fips::WORDS.iter();
        let word = words.find(|(_, fips)| fips == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// What makes the program read its files again, beside SIGHUP; any of them, or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReloadTriggers {
    /// The hour of the day, 0 to 23 in local time.
    pub hour: Option<u8>,
    /// This long after the last time.
    pub interval: Option<Duration>,
    /// A change of any of the files, the configuration among them.
    pub watch: bool,
}

impl Config {
    /// These pairs, with the defaults of all else.
    pub(super) fn new(pairs: Vec<Pair>) -> Self {
        Self {
            pairs,
            reload: ReloadTriggers::default(),
            workers: 0,
            limits: Limits::default(),
            drain: DRAIN,
            log_level: log::LevelFilter::Info,
            log_format: LogFormat::default(),
            admin: Admin::default(),
            fips: Fips::default(),
            fips_pq: false,
            landlock: true,
        }
    }
}

/// The drain period of a configuration that gives none.
pub(super) const DRAIN: Duration = Duration::from_secs(30);

/// Bounds over all pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Open connections; `None` for as many as the descriptors allow.
    pub connections: Option<usize>,
    /// Handshakes under way; `None` for no limit.
    pub handshakes: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: None,
            handshakes: Some(4096),
        }
    }
}

/// One listener joined to one destination.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// What logs and reports call it.
    pub name: String,
    /// Which of its legs are TLS.
    pub mode: Mode,
    /// Where it listens.
    pub inbound: Address,
    /// Where it connects to; never port 0 and never an unspecified IP address. A connector's has no host, and
    /// the port of those that its database names without one.
    pub outbound: Address,
    /// The name that the outbound server must prove; `Some` exactly when the outbound leg is TLS and no keys are
    /// pinned.
    pub server_name: Option<ServerName>,
    /// Its identity and what it trusts.
    pub tls: TlsFiles,
    /// How long its waits may last.
    pub timeouts: Timeouts,
    /// Its own bound on open connections, beside the one over all pairs.
    pub connections: Option<usize>,
    /// What to make of a TLS peer that leaves without saying so.
    pub on_truncation: OnTruncation,
    /// What becomes of its live connections when a reload concerns them.
    pub on_reload: OnReload,
    /// What becomes of a connection when the certificate of its peer ends.
    pub on_peer_expiry: OnPeerExpiry,
    /// Whom it admits: the peer of the inbound leg where that is TLS, or else of the outbound one.
    pub allow: Acl,
    /// Whom a bridge admits on its outbound leg; empty in every other mode.
    pub allow_outbound: Acl,
    /// What becomes of a peer that its list does not name.
    pub allow_mode: AllowMode,
    /// What tells who its connections are made for.
    pub proxy_protocol: ProxyProtocol,
    /// Whether each HTTP/1 request gets the certificate of who sends it: of the inbound leg's peer where that leg
    /// is TLS, or else the pair's own. Never of a connector.
    pub client_cert_header: bool,
    /// Options of its TCP sockets.
    pub tcp: TcpOptions,
    /// The host that is asked for at the destination, which is a connector then; only where the outbound leg
    /// is TLS.
    pub connect_id: Option<ConnectId>,
    /// What a connector goes by; `Some` exactly in that mode.
    pub directory: Option<Arc<Directory>>,
}

impl Pair {
    /// A pair with the defaults of all else, under the name of its inbound address.
    pub(super) fn new(
        mode: Mode,
        [inbound, outbound]: [Address; 2],
        server_name: Option<ServerName>,
        tls: TlsFiles,
    ) -> Self {
        Self {
            name: inbound.to_string(),
            mode,
            inbound,
            outbound,
            server_name,
            tls,
            timeouts: Timeouts::default(),
            connections: None,
            on_truncation: OnTruncation::default(),
            on_reload: OnReload::default(),
            on_peer_expiry: OnPeerExpiry::default(),
            allow: Acl::default(),
            allow_outbound: Acl::default(),
            allow_mode: AllowMode::default(),
            proxy_protocol: ProxyProtocol::default(),
            client_cert_header: false,
            tcp: TcpOptions::default(),
            connect_id: None,
            directory: None,
        }
    }

    /// Whether another state of the pair differs at most in which peers it admits.
    pub fn is_same_but_for_peers(&self, other: &Pair) -> bool {
        let alike = Pair {
            allow: self.allow.clone(),
            allow_outbound: self.allow_outbound.clone(),
            allow_mode: self.allow_mode,
            tls: TlsFiles {
                revocation: self.tls.revocation.clone(),
                pins: self.tls.pins.clone(),
                ..other.tls.clone()
            },
            ..other.clone()
        };
        *self == alike
    }

    /// How the clients of a connector say which host they want.
    pub fn id_source(&self) -> Option<IdSource> {
        self.directory
            .as_ref()
            .map(|directory| directory.connect_id)
    }

    /// Whether the outbound leg is TLS; of a connector, whether it may be.
    pub fn outbound_tls(&self) -> bool {
        let directory = self.directory.as_ref();
        self.mode.outbound_tls() || directory.is_some_and(|directory| directory.outbound_mtls)
    }

    /// The access list that judges the peer of a leg; none where the leg is plain.
    pub fn acl(&self, side: Side) -> Option<&Acl> {
        match (self.mode, side) {
            (Mode::Client, Side::Inbound) | (Mode::Server, Side::Outbound) => None,
            (Mode::Bridge, Side::Outbound) => Some(&self.allow_outbound),
            (Mode::Connector, Side::Outbound) => {
                self.outbound_tls().then_some(&self.allow_outbound)
            }
            _ => Some(&self.allow),
        }
    }
}

/// What becomes of a verified peer that no rule of its access list names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AllowMode {
    /// It is refused.
    #[default]
    Enforce,
    /// It is admitted, and told of.
    Observe,
}

/// Which legs of a pair are mutual TLS; there is no mode in which none is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Plain inbound, TLS outbound.
    #[default]
    Client,
    /// TLS inbound, plain outbound.
    Server,
    /// TLS on both legs.
    Bridge,
    /// TLS inbound; a database says who may reach what, and whether the outbound leg is plain or TLS.
    Connector,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Mode::Client => "client",
            Mode::Server => "server",
            Mode::Bridge => "bridge",
            Mode::Connector => "connector",
        })
    }
}

impl Mode {
    /// Whether the inbound leg is TLS.
    pub fn inbound_tls(self) -> bool {
        matches!(self, Self::Server | Self::Bridge | Self::Connector)
    }

    /// Whether the outbound leg is always TLS.
    pub fn outbound_tls(self) -> bool {
        matches!(self, Self::Client | Self::Bridge)
    }
}

/// The files of an identity and of what it trusts, all PEM. A relative path counts from the
/// process's working directory. Equal ones can share their contexts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsFiles {
    /// The certificate, followed by what leads to its authority.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The trusted authorities; every one counts. At least one file, or none where keys are pinned.
    pub ca: Vec<PathBuf>,
    /// The keys that are trusted in place of authorities, at least one for each TLS leg.
    pub pins: Option<Pins>,
    /// What certificate and key are, if they are in no file: then `cert` and `key` only name them.
    pub given: Option<Given>,
    /// The oldest version to speak.
    pub min_version: TlsVersion,
    /// Whether sessions are resumed, on both legs.
    pub resumption: Resumption,
    /// What revokes peers' certificates.
    pub revocation: Revocation,
}

impl TlsFiles {
    /// These files, with the defaults of all else.
    pub(super) fn new(cert: PathBuf, key: PathBuf, ca: Vec<PathBuf>) -> Self {
        Self {
            cert,
            key,
            ca,
            pins: None,
            given: None,
            min_version: TlsVersion::default(),
            resumption: Resumption::default(),
            revocation: Revocation::default(),
        }
    }
}

impl TlsFiles {
    /// The files of certificate and key, if they are in files.
    pub fn own_files(&self) -> Vec<&PathBuf> {
        match self.given {
            Some(_) => Vec::new(),
            None => vec![&self.cert, &self.key],
        }
    }
}

/// A certificate and its key in memory alone, PEM; nobody is shown either.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Given {
    /// The certificate.
    pub cert: Secret,
    /// Its private key.
    pub key: Secret,
}

/// Whether sessions are resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Resumption {
    /// They are, but not where FIPS is in effect.
    #[default]
    Usual,
    /// They are.
    On,
    /// They are not.
    Off,
}

/// Certificate revocation lists (RFC 5280, 5), and how strictly they are taken.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Revocation {
    /// Their files, each with any number of lists; none for no check.
    pub crl: Vec<PathBuf>,
    /// Whose certificates must be on no list.
    pub scope: CrlScope,
    /// What to make of a list that is missing or whose next update is overdue.
    pub on_stale: OnStaleCrl,
}

/// Which certificates of a peer's chain are looked up in the revocation lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CrlScope {
    /// All but the anchor.
    #[default]
    Chain,
    /// The peer's own.
    Leaf,
}

/// What to make of a revocation list that is missing or overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnStaleCrl {
    /// Refuse whom it would be about.
    #[default]
    Fail,
    /// Tell, and go by what there is.
    Warn,
    /// Go by an overdue list for so long behind its next update, then refuse. A missing list refuses.
    Grace(Duration),
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// How long the waits of a connection may last; none is 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeouts {
    /// Until the outbound leg is connected.
    pub connect: Duration,
    /// Until a TLS handshake is done.
    pub handshake: Duration,
    /// Without a byte in either direction; `None` for no limit.
    pub idle: Option<Duration>,
    /// Without a byte in the one direction that is still open.
    pub half_close: Duration,
    /// From accept to the end, whatever moves; `None` for no limit.
    pub lifetime: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            idle: None,
            half_close: Duration::from_secs(60),
            lifetime: None,
        }
    }
}

/// What the end of a TLS peer's bytes without close_notify counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnTruncation {
    /// Half a stream: the other leg is reset, so nobody takes it for a whole one.
    #[default]
    Abort,
    /// A clean end, for peers that never send close_notify.
    End,
}

/// What becomes of live connections when a reload has changed their pair's settings, certificate, key or
/// trust, or refuses their peer by a new revocation list or access list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnReload {
    /// They go on with what they began with.
    #[default]
    Keep,
    /// They have the drain time to end.
    Drain,
    /// They end at once.
    Close,
}

/// What becomes of a connection when the certificate of its peer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnPeerExpiry {
    /// It goes on.
    #[default]
    Keep,
    /// It ends with the certificate.
    Close,
}

/// Options of TCP sockets.
#[derive(Debug, Clone, PartialEq)]
pub struct TcpOptions {
    /// The silence after which the peer is probed, between 1 and 32767 s; `None` for never.
    pub keepalive: Option<Duration>,
    /// Whether small writes go out at once.
    pub nodelay: bool,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            keepalive: Some(Duration::from_secs(300)),
            nodelay: true,
        }
    }
}
