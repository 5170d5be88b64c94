//! nginx as a gateway that requires client certificates.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tempfile::TempDir;

use super::certs::IdentityFiles;
use super::daemon::{Daemon, lasting_port, tool};
use super::peers::foreign;
use super::wait::until;

/// Where distributions put the stream module; if nowhere, it is built in.
const MODULES: [&str; 3] = [
    "/usr/lib/nginx/modules/ngx_stream_module.so",
    "/usr/lib64/nginx/modules/ngx_stream_module.so",
    "/usr/share/nginx/modules/ngx_stream_module.so",
];

/// A running nginx; it and its files go when dropped.
pub struct Nginx {
    _daemon: Daemon,
    tls12: u16,
    tls13: u16,
    folder: TempDir,
}

/// What nginx logged about one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The TLS version.
    pub version: String,
    /// What it thinks of the client's certificate.
    pub verdict: String,
    /// The serial number of the client's certificate.
    pub serial: String,
    /// The client's subject.
    pub subject: String,
}

impl Nginx {
    /// A gateway before `destination` that accepts the clients of `ca`.
    pub fn before(destination: SocketAddr, server: &IdentityFiles, ca: &Path) -> Nginx {
        let folder = TempDir::new().unwrap();
        let (tls12, tls13) = (lasting_port(), lasting_port());
        let config = [
            main_part(folder.path(), server, ca),
            server_part("TLSv1.2", tls12, destination),
            server_part("TLSv1.3", tls13, destination),
            "}\n".to_owned(),
        ];
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config.concat()).unwrap();
        let mut command = foreign(tool("nginx", &[PathBuf::from("/usr/sbin")]));
        let errors = folder.path().join("error.log");
        command.arg("-p").arg(folder.path()).arg("-c").arg(file);
        command.arg("-e").arg(&errors);
        // Written once it listens.
        let pid = folder.path().join("pid");
        let daemon = Daemon::start(command, &errors, Signal::TERM, || pid.exists());
        Nginx {
            _daemon: daemon,
            tls12,
            tls13,
            folder,
        }
    }

    /// Where it speaks TLS 1.2 alone.
    pub fn tls12(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.tls12).into()
    }

    /// Where it speaks TLS 1.3 alone.
    pub fn tls13(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.tls13).into()
    }

    /// Waits until that many connections have ended, and gives back what was seen of them.
    pub fn seen(&self, count: usize) -> Vec<Seen> {
        until("nginx to log a connection", || {
            let log = fs::read_to_string(self.folder.path().join("access.log")).ok()?;
            let seen: Vec<_> = log.lines().map(Seen::parse).collect();
            (seen.len() >= count).then_some(seen)
        })
    }

    /// What it complained of so far.
    pub fn errors(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap()
    }
}

impl Seen {
    fn parse(line: &str) -> Seen {
        let fields: Vec<_> = line.split('|').map(str::to_owned).collect();
        let [version, verdict, serial, subject] = fields.try_into().unwrap();
        Seen {
            version,
            verdict,
            serial,
            subject,
        }
    }
}

/// The line that loads the stream module, where it is not built in.
pub fn load_module() -> String {
    let module = MODULES.iter().find(|module| Path::new(module).exists());
    let module = module.map(|module| format!("load_module {module};\n"));
    module.unwrap_or_default()
}

fn main_part(folder: &Path, server: &IdentityFiles, ca: &Path) -> String {
    format!(
        r#"{module}daemon off;
worker_processes 1;
pid "{folder}/pid";
error_log "{folder}/error.log" info;
events {{ worker_connections 256; }}
stream {{
    log_format seen '$ssl_protocol|$ssl_client_verify|$ssl_client_serial|$ssl_client_s_dn';
    access_log "{folder}/access.log" seen;
    ssl_certificate "{cert}";
    ssl_certificate_key "{key}";
    ssl_client_certificate "{ca}";
    ssl_verify_client on;
    ssl_verify_depth 3;
"#,
        module = load_module(),
        folder = folder.display(),
        cert = server.cert.display(),
        key = server.key.display(),
        ca = ca.display(),
    )
}

fn server_part(version: &str, port: u16, destination: SocketAddr) -> String {
    format!(
        "    server {{ listen 127.0.0.1:{port} ssl; ssl_protocols {version}; \
         proxy_pass {destination}; }}\n"
    )
}
