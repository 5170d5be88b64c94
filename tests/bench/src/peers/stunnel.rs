//! stunnel: one thread for each connection. Its buffers (18 KiB) are fixed when it is built.

use std::io;
use std::path::Path;
use std::process::Command;

use super::tools::{self, Files};
use super::{About, Mode, SERVER_NAME, Setup};

pub(super) fn about(program: &Path) -> Result<About, String> {
    let said = tools::said(program, "-version")?;
    let version = tools::words_after(&said, "stunnel ", 1);
    // One line if it runs with what it was built with, else two.
    let library = ["Running  with ", "running with ", "Compiled/running with "];
    let mut library = library
        .iter()
        .map(|with| tools::words_after(&said, with, 2));
    Ok(About {
        version: version.ok_or_else(|| tools::not_understood("version", &said))?,
        library: library
            .find_map(|found| found)
            .unwrap_or_else(|| "unknown".to_owned()),
    })
}

pub(super) fn command(program: &Path, setup: &Setup<'_>, files: &Files) -> io::Result<Command> {
    let config = files.config("stunnel.conf", &config(setup, files))?;
    let mut command = Command::new(program);
    command.arg(config);
    Ok(command)
}

/// stunnel(8) has little on speed. Threads, no libwrap, and TCP_NODELAY on both sides are defaults;
/// the last is written out, as the comparison depends on it.
fn config(setup: &Setup<'_>, files: &Files) -> String {
    format!(
        "; No file for the process id, which would be in /var/run.
pid =
foreground = yes
syslog = no
; Its lines about each connection are of levels 5 to 7.
debug = warning
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1

[bench]
accept = {inbound}
connect = {outbound}
{role}
cert = {cert}
key = {key}
CAfile = {ca}
verifyChain = yes
sslVersion = TLSv1.3
ciphersuites = {suite}
curves = {group}
; The default is 1000 sessions.
sessionCacheSize = {sessions}
sessionResume = yes
TIMEOUTconnect = {connect}
TIMEOUTidle = {idle}
; The default ends a connection after 300 seconds in which a write was awaited.
TIMEOUTbusy = {idle}
",
        inbound = setup.inbound,
        outbound = setup.outbound,
        role = role(setup.mode),
        cert = files.cert,
        key = files.key,
        ca = files.ca,
        suite = tools::SUITE,
        group = tools::GROUP,
        sessions = tools::SESSIONS,
        connect = tools::CONNECT_SECONDS,
        idle = tools::IDLE_SECONDS,
    )
}

fn role(mode: Mode) -> String {
    match mode {
        // A chain alone would let any server of the authority pass.
        Mode::Client => format!("client = yes\nsni = {SERVER_NAME}\ncheckHost = {SERVER_NAME}"),
        // Implied by verifyChain in newer versions.
        Mode::Server => "client = no\nrequireCert = yes".to_owned(),
    }
}
