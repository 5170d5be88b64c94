//! Hitch, which only ends TLS: [`super::Mode::Server`].

use std::io;
use std::path::Path;
use std::process::Command;

use super::tools::{self, Files};
use super::{About, Setup};

pub(super) fn about(program: &Path) -> Result<About, String> {
    let said = tools::said(program, "--version")?;
    let version = tools::words_after(&said, "hitch ", 1);
    let library = tools::linked_openssl(program);
    Ok(About {
        version: version.ok_or_else(|| tools::not_understood("version", &said))?,
        library: library.unwrap_or_else(|| "unknown".to_owned()),
    })
}

pub(super) fn command(program: &Path, setup: &Setup<'_>, files: &Files) -> io::Result<Command> {
    let config = files.config("hitch.conf", &config(setup, files)?)?;
    let mut command = Command::new(program);
    command.arg(format!("--config={config}"));
    Ok(command)
}

/// It has TCP_NODELAY on and ends no idle connection. A connect is given up after 30 seconds, and
/// buffers are taken in advance, 200 KB for each connection: the file has no words for either.
fn config(setup: &Setup<'_>, files: &Files) -> io::Result<String> {
    // As root it insists on a user, and another one could not read the folder.
    let user = if tools::is_root() {
        "user = \"root\"\ngroup = \"root\"\n"
    } else {
        ""
    };
    Ok(format!(
        "frontend = {{
    host = \"{host}\"
    port = \"{port}\"
}}
backend = \"[{backend_host}]:{backend_port}\"
{user}daemon = off
syslog = off
# Errors, among which is a peer that leaves without close_notify.
log-level = 1
workers = {workers}
# The default is 100.
backlog = {backlog}
pem-file = \"{identity}\"
client-verify = required
client-verify-ca = \"{ca}\"
tls-protos = TLSv1.3
ciphersuites = \"{suite}\"
ecdh-curve = \"{group}\"
# Answers of an authority's responder, of which there is none, would be kept below /var.
ocsp-dir = \"\"
",
        host = setup.inbound.ip(),
        port = setup.inbound.port(),
        backend_host = setup.outbound.ip(),
        backend_port = setup.outbound.port(),
        workers = tools::WORKERS,
        backlog = tools::BACKLOG,
        identity = files.identity()?,
        ca = files.ca,
        suite = tools::SUITE,
        group = tools::GROUP,
    ))
}
