//! HAProxy and stunnel with a TLS side and a plain side, client certificates required.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::certs::{IdentityFiles, TestPki};
use super::peers::{self, Peer};

/// A proxy before an address, with the trust of an authority and an identity of it. It speaks TLS of
/// that version, `TLSv1.2` or `TLSv1.3`.
pub type MakeProxy = fn(&TestPki, SocketAddr, &str) -> Peer;

/// Takes TLS on its port and passes it on to a plain service.
pub fn haproxy_gateway(pki: &TestPki, service: SocketAddr, version: &str) -> Peer {
    let tls = haproxy_tls(pki, &pki.server("localhost"), version);
    haproxy(pki.folder(), |port| {
        (format!("127.0.0.1:{port} {tls}"), service.to_string())
    })
}

/// Takes plain connections on its port and passes them on over TLS.
pub fn haproxy_persona(pki: &TestPki, gateway: SocketAddr, version: &str) -> Peer {
    let tls = haproxy_tls(pki, &pki.client("alice"), version);
    haproxy(pki.folder(), |port| {
        let name = "verifyhost localhost sni str(localhost)";
        (
            format!("127.0.0.1:{port}"),
            format!("{gateway} {tls} {name}"),
        )
    })
}

fn haproxy_tls(pki: &TestPki, own: &IdentityFiles, version: &str) -> String {
    let (ca, own) = (pki.ca.display(), combined(own));
    let own = own.display();
    format!(
        "ssl crt {own} ca-file {ca} verify required ssl-min-ver {version} ssl-max-ver {version}"
    )
}

/// Runs it with what `bind` and `server` say for a port.
fn haproxy(folder: &Path, lines: impl Fn(u16) -> (String, String)) -> Peer {
    Peer::serve(|port| {
        let (bind, server) = lines(port);
        let text = format!(
            "defaults\n mode tcp\n timeout connect 60s\n timeout client 60s\n timeout server 60s\n\
             listen one\n bind {bind}\n server far {server}\n"
        );
        let config = folder.join(format!("haproxy-{port}.cfg"));
        fs::write(&config, text).unwrap();
        let mut command = peers::command("haproxy");
        command.arg("-db").arg("-f").arg(config);
        command
    })
}

/// Takes TLS on its port and passes it on to a plain service.
pub fn stunnel_gateway(pki: &TestPki, service: SocketAddr, version: &str) -> Peer {
    let role = format!("client = no\nsslVersion = {version}");
    stunnel(pki, &pki.server("localhost"), service, &role)
}

/// Takes plain connections on its port and passes them on over TLS.
pub fn stunnel_persona(pki: &TestPki, gateway: SocketAddr, version: &str) -> Peer {
    let name = "sni = localhost\ncheckHost = localhost";
    let role = format!("client = yes\n{name}\nsslVersion = {version}");
    stunnel(pki, &pki.client("alice"), gateway, &role)
}

fn stunnel(pki: &TestPki, own: &IdentityFiles, connect: SocketAddr, role: &str) -> Peer {
    let (ca, cert, key) = (pki.ca.display(), own.cert.display(), own.key.display());
    Peer::serve(|port| {
        let text = format!(
            "foreground = yes\npid =\nsyslog = no\n[one]\n{role}\naccept = 127.0.0.1:{port}\n\
             connect = {connect}\nCAfile = {ca}\ncert = {cert}\nkey = {key}\nverifyChain = yes\n"
        );
        let config = pki.folder().join(format!("stunnel-{port}.conf"));
        fs::write(&config, text).unwrap();
        let mut command = peers::command("stunnel");
        command.arg(config);
        command
    })
}

/// Certificate, chain and key in one file.
pub fn combined(identity: &IdentityFiles) -> PathBuf {
    let path = identity.cert.with_extension("combined");
    let parts = [&identity.cert, &identity.key].map(|file| fs::read_to_string(file).unwrap());
    fs::write(&path, parts.concat()).unwrap();
    path
}
