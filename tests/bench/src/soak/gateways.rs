//! Gateways with mutual TLS that can be killed and started again.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::service::PATIENCE;
use crate::peers::{self, Kind, Pki};

const TICK: Duration = Duration::from_millis(20);

/// Ports below those that the kernel gives to connections: none of them may be taken while nobody
/// listens.
pub(super) struct Ports {
    next: u16,
}

impl Ports {
    pub(super) fn new() -> Ports {
        Ports {
            next: 10_000 + 16 * (std::process::id() % 1_250) as u16,
        }
    }

    pub(super) fn free(&mut self) -> SocketAddr {
        loop {
            let address = SocketAddr::from(([127, 0, 0, 1], self.next));
            self.next += 1;
            if TcpListener::bind(address).is_ok() {
                return address;
            }
        }
    }
}

/// A gateway process.
pub(super) struct Gateway {
    command: Command,
    child: Child,
    address: SocketAddr,
}

impl Gateway {
    /// nginx that demands clients of the authority, before `service`. With half-close it passes on the end
    /// of one direction alone.
    pub(super) fn nginx(
        folder: &Path,
        address: SocketAddr,
        (service, half_close): (SocketAddr, bool),
        pki: &Pki,
    ) -> io::Result<Gateway> {
        let program = peers::find(Kind::Nginx).map_err(io::Error::other)?.program;
        fs::create_dir_all(folder)?;
        let file = folder.join("nginx.conf");
        fs::write(
            &file,
            nginx_config(folder, address, (service, half_close), pki),
        )?;
        let mut command = Command::new(program);
        command.arg("-p").arg(folder).arg("-c").arg(file);
        command.args(["-e", "stderr"]);
        Gateway::start(command, folder, address)
    }

    /// `openssl s_server`, which sends each line back reversed, and serves one client after the other.
    pub(super) fn openssl(folder: &Path, address: SocketAddr, pki: &Pki) -> io::Result<Gateway> {
        fs::create_dir_all(folder)?;
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", "-rev", "-accept"]);
        command.arg(address.to_string());
        command.arg("-cert").arg(&pki.server_cert);
        command.arg("-key").arg(&pki.server_key);
        command.args(["-Verify", "2", "-verify_return_error", "-CAfile"]);
        command.arg(&pki.ca);
        Gateway::start(command, folder, address)
    }

    fn start(mut command: Command, folder: &Path, address: SocketAddr) -> io::Result<Gateway> {
        let log = File::create(folder.join("log"))?;
        command.stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        let child = command.spawn()?;
        let mut gateway = Gateway {
            command,
            child,
            address,
        };
        gateway.wait_until_it_listens()?;
        Ok(gateway)
    }

    fn wait_until_it_listens(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if self.child.try_wait()?.is_some() || begun.elapsed() > PATIENCE {
                return Err(io::Error::other(format!(
                    "{:?} does not listen",
                    self.command
                )));
            }
            thread::sleep(TICK);
        }
        Ok(())
    }

    /// As if the machine had lost it: nothing is said to anybody.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }

    pub(super) fn start_again(&mut self) -> io::Result<()> {
        self.child = self.command.spawn()?;
        self.wait_until_it_listens()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// One process, so that it can be killed by one signal.
fn nginx_config(
    folder: &Path,
    address: SocketAddr,
    (service, half_close): (SocketAddr, bool),
    pki: &Pki,
) -> String {
    format!(
        "{module}daemon off;
master_process off;
pid \"{folder}/nginx.pid\";
error_log stderr crit;
worker_rlimit_nofile 8192;
events {{ worker_connections 8000; }}
stream {{
    access_log off;
    proxy_half_close {half_close};
    proxy_timeout 3h;
    ssl_certificate \"{cert}\";
    ssl_certificate_key \"{key}\";
    ssl_client_certificate \"{ca}\";
    ssl_verify_client on;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:soak:4m;
    server {{ listen {address} ssl backlog=4096; proxy_pass {service}; }}
}}
",
        module = peers::nginx_module_line(),
        half_close = if half_close { "on" } else { "off" },
        folder = folder.display(),
        cert = pki.server_cert.display(),
        key = pki.server_key.display(),
        ca = pki.ca.display(),
    )
}
