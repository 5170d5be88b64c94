//! The program, who stands behind it, and its files.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::client::Client;
use super::gateways::{Gateway, Ports};
use super::gauges::{Metrics, ask};
use super::kind::Kind;
use super::ledger::Ledger;
use super::log;
use super::moody::Moody;
use super::pairs::{self, Addresses, Pair};
use super::service::{self, PATIENCE};
use crate::load::{ClientTls, Identity};
use crate::peers::{self, GROUP, Pki};
use crate::pki;
use crate::subject::Subject;

const TICK: Duration = Duration::from_millis(20);

/// All that takes part.
pub(super) struct Ground {
    pub(super) program: Subject,
    pub(super) ledger: Arc<Ledger>,
    pub(super) addresses: Addresses,
    pub(super) moody: Arc<Moody>,
    pub(super) shaky: Mutex<Gateway>,
    pub(super) openssl: Mutex<Gateway>,
    pub(super) log: log::Reader,
    _nginx: Gateway,
    /// By pair, so that tickets stay where they are from.
    known: Vec<ClientTls>,
    nobody: ClientTls,
    foreign: ClientTls,
    own: Own,
    _folder: TempDir,
}

impl Ground {
    pub(super) fn new(seed: u64) -> io::Result<Ground> {
        let ours = peers::find(peers::Kind::Ours).map_err(io::Error::other)?;
        let base = Path::new("target");
        fs::create_dir_all(base)?;
        let folder = tempfile::Builder::new().prefix("soak-").tempdir_in(base)?;
        let root = fs::canonicalize(folder.path())?;
        let pki = pki::make(&ours.program, &root.join("pki"))?;
        let stranger = pki::make(&ours.program, &root.join("stranger"))?;
        let ledger = Arc::new(Ledger::new(seed));
        let addresses = addresses(service::start(Arc::clone(&ledger))?);
        let gateway = |name: &str, address, half_close| {
            let service = (addresses.service, half_close);
            Gateway::nginx(&root.join(name), address, service, &pki)
        };
        let nginx = gateway("nginx", addresses.nginx, true)?;
        let shaky = gateway("shaky", addresses.shaky, false)?;
        let openssl = Gateway::openssl(&root.join("openssl"), addresses.openssl, &pki)?;
        let moody = Moody::start(Arc::clone(&ledger), addresses.moody);
        let own = Own::new(&ours.program, &root, &pki)?;
        own.configure(&addresses, true)?;
        let mut command = Command::new(&ours.program);
        // It would win over the level of the configuration.
        command.env_remove("RUST_LOG");
        command.args(["run", "--config"]).arg(&own.config);
        let (reader, writer) = io::pipe()?;
        command.stdout(writer.try_clone()?).stderr(writer);
        let log = log::read(reader, Arc::clone(&ledger));
        let program = Subject::start_piped(command, addresses.admin)?;
        let client = |identity| ClientTls::new(&pki, &stranger, identity, GROUP);
        let known = Pair::ALL.map(|_| client(Identity::Known));
        Ok(Ground {
            program,
            ledger,
            addresses,
            moody,
            shaky: Mutex::new(shaky),
            openssl: Mutex::new(openssl),
            log,
            _nginx: nginx,
            known: known.into_iter().collect::<Result<_, _>>()?,
            nobody: client(Identity::Nobody)?,
            foreign: client(Identity::Stranger)?,
            own,
            _folder: folder,
        })
    }

    /// Opens a connection, and leaves its handshake to be done.
    pub(super) fn open(&self, pair: Pair, kind: Kind) -> io::Result<Client<'_>> {
        let connected = TcpStream::connect(self.addresses.inbound(pair));
        let socket = match connected {
            Ok(socket) => socket,
            Err(error) => {
                if pair != Pair::Extra {
                    self.ledger
                        .violation(format!("{pair:?} cannot be connected to: {error}"));
                }
                // Whoever comes again at once would do nothing else.
                thread::sleep(TICK);
                return Err(error);
            }
        };
        let ticket = self.ledger.opened(pair, socket.local_addr()?.port(), kind);
        let tls = match kind {
            _ if !pair.has_tls_inbound() => None,
            Kind::Rubbish | Kind::Silent => None,
            Kind::WithoutCertificate => Some(&self.nobody),
            Kind::OfForeignAuthority => Some(&self.foreign),
            _ => Some(&self.known[pair as usize]),
        };
        let resumes = kind == Kind::ShortResumed;
        let ssl = tls.map(|tls| tls.connect(resumes)).transpose()?;
        Client::new(socket, ssl, &self.ledger, ticket)
    }

    pub(super) fn metrics(&self) -> io::Result<Metrics> {
        Metrics::ask(self.addresses.admin)
    }

    /// Waits until the program serves a later generation than that, without a fault.
    fn wait_for_generation(&self, before: f64) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            let metrics = self.metrics()?;
            if metrics.get("generation")? > before && metrics.get("reload_failing")? == 0.0 {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other(format!(
                    "nothing was read again behind generation {before}"
                )));
            }
            thread::sleep(5 * TICK);
        }
    }

    /// Gives the program a new certificate and key, and waits until it serves them.
    pub(super) fn rotate(&self, is_server: bool, key_first: bool) -> io::Result<()> {
        let before = self.metrics()?.get("generation")?;
        self.own.rotate(is_server, key_first)?;
        self.wait_for_generation(before)
    }

    /// Gives the program another configuration and a SIGHUP, and waits until it serves that.
    pub(super) fn reload(&self, has_extra: bool) -> io::Result<()> {
        let before = self.metrics()?.get("generation")?;
        self.own.configure(&self.addresses, has_extra)?;
        self.program.signal(Signal::SIGHUP)?;
        self.wait_for_generation(before)
    }

    /// Waits until the program is ready.
    pub(super) fn wait_until_ready(&self) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            let (head, _) = ask(self.addresses.admin, "/readyz")?;
            if head.contains(" 200 ") {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other("the program does not become ready"));
            }
            thread::sleep(TICK);
        }
    }
}

fn addresses(service: std::net::SocketAddr) -> Addresses {
    let mut ports = Ports::new();
    Addresses {
        admin: ports.free(),
        service,
        nginx: ports.free(),
        shaky: ports.free(),
        openssl: ports.free(),
        moody: ports.free(),
        inbound: Pair::ALL.map(|_| ports.free()).to_vec(),
    }
}

/// The program's own files, and where newer ones are made.
struct Own {
    program: PathBuf,
    folder: PathBuf,
    ca: PathBuf,
    config: PathBuf,
    /// A copy of the authority: what it issues here appears in the other folder by a rename.
    maker: PathBuf,
}

impl Own {
    fn new(program: &Path, root: &Path, pki: &Pki) -> io::Result<Own> {
        let own = Own {
            program: program.to_owned(),
            folder: root.join("own"),
            ca: pki.ca.clone(),
            config: root.join("own/mtls-persona.json"),
            maker: root.join("maker"),
        };
        fs::create_dir_all(&own.folder)?;
        fs::create_dir_all(&own.maker)?;
        for name in ["ca.pem", "ca.key"] {
            fs::copy(root.join("pki").join(name), own.maker.join(name))?;
        }
        own.rotate(true, true)?;
        own.rotate(false, true)?;
        Ok(own)
    }

    fn rotate(&self, is_server: bool, key_first: bool) -> io::Result<()> {
        // The bridge is a server and a client with it.
        let words: &[&str] = match is_server {
            true => &["server", "localhost", "--both"],
            false => &["client", "soak"],
        };
        let mut command = Command::new(&self.program);
        command.args(["pki", "--dir"]).arg(&self.maker);
        let status = command.args(words).stdout(Stdio::null()).status()?;
        if !status.success() {
            return Err(io::Error::other(format!("pki {words:?} failed: {status}")));
        }
        let kinds = if key_first {
            ["key", "pem"]
        } else {
            ["pem", "key"]
        };
        kinds.into_iter().try_for_each(|kind| {
            let name = format!("{}.{kind}", words[1]);
            fs::rename(self.maker.join(&name), self.folder.join(&name))
        })
    }

    fn configure(&self, addresses: &Addresses, has_extra: bool) -> io::Result<()> {
        let config = pairs::config(addresses, &self.folder, &self.ca, has_extra);
        let next = self.maker.join("next.json");
        fs::write(&next, format!("{config:#}\n"))?;
        fs::rename(&next, &self.config)
    }
}
