//! nginx as a server that sends staples; before its version 1.27.2 only over HTTP.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::VERSIONS;
use super::support::certs::{IdentityFiles, TestPki};
use super::support::daemon::{Daemon, lasting_port, tool};
use super::support::ocsp::{GOOD, REVOKED, Responder};
use super::support::pairs;
use super::support::program::Program;

const CONFIG: &str = r#"daemon off;
worker_processes 1;
pid "pid";
error_log "error.log" info;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path "body";
    proxy_temp_path "proxy";
    fastcgi_temp_path "fastcgi";
    uwsgi_temp_path "uwsgi";
    scgi_temp_path "scgi";
    ssl_certificate "CERT";
    ssl_certificate_key "KEY";
    ssl_client_certificate "CA";
    ssl_verify_client on;
    ssl_verify_depth 3;
    ssl_stapling on;
    ssl_stapling_file "STAPLE";
    server { listen 127.0.0.1:PORT ssl; ssl_protocols VERSION; return 200 "served"; }
}
"#;

/// Runs it in a new folder below that of the authority; where it listens.
fn run(
    pki: &TestPki,
    server: &IdentityFiles,
    staple: &Path,
    version: &str,
) -> (Daemon, SocketAddr) {
    let port = lasting_port();
    let folder = pki.folder().join(port.to_string());
    fs::create_dir(&folder).unwrap();
    let path = |path: &Path| path.display().to_string();
    let config = CONFIG
        .replace("CERT", &path(&server.cert))
        .replace("KEY", &path(&server.key))
        .replace("CA", &path(&pki.ca))
        .replace("STAPLE", &path(staple))
        .replace("PORT", &port.to_string())
        .replace("VERSION", version);
    let file = folder.join("nginx.conf");
    fs::write(&file, config).unwrap();
    let mut command = Command::new(tool("nginx", &[PathBuf::from("/usr/sbin")]));
    let errors = folder.join("error.log");
    command.arg("-p").arg(&folder).arg("-c").arg(file);
    command.arg("-e").arg(&errors);
    let pid = folder.join("pid");
    let daemon = Daemon::start(command, &errors, Signal::TERM, || pid.exists());
    (daemon, (Ipv4Addr::LOCALHOST, port).into())
}

#[test]
fn a_staple_of_nginx_is_judged() {
    let pki = TestPki::new();
    let responder = Responder::of(&pki);
    let server = pki.server("localhost");
    for (_, version) in VERSIONS {
        for (says, reason) in [(GOOD, ""), (REVOKED, "cert_revoked")] {
            let staple = responder.response(&server, says, responder.authority());
            let (_nginx, address) = run(&pki, &server, &staple, version);
            let program = Program::run(&pairs::client(&pki, address));
            let mut stream = program.connect("persona");
            let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            drop(stream);
            let access = program.access("persona", 0);
            match reason {
                "" => assert!(answer.ends_with(b"\r\n\r\nserved"), "{version} {access:?}"),
                reason => assert_eq!(access.reason(), reason, "{version} {access:?}"),
            }
        }
    }
}
