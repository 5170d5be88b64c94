//! HAProxy in TCP mode.

use std::io;
use std::path::Path;
use std::process::Command;

use super::tools::{self, Files};
use super::{About, Mode, SERVER_NAME, Setup};

pub(super) fn about(program: &Path) -> Result<About, String> {
    let said = tools::said(program, "-vv")?;
    let version = tools::words_after(&said, "HAProxy version ", 1);
    let version = version.ok_or_else(|| tools::not_understood("version", &said))?;
    // Without the distribution's part, as in "2.6.12-1+deb12u4".
    let number = version.split('-').next().unwrap_or_default();
    let library = said.split_once("Running on OpenSSL version : ");
    let library = library.and_then(|(_, rest)| tools::words_after(rest, "", 2));
    Ok(About {
        version: number.to_owned(),
        library: library.unwrap_or_else(|| "unknown".to_owned()),
    })
}

pub(super) fn command(program: &Path, setup: &Setup<'_>, files: &Files) -> io::Result<Command> {
    let config = files.config("haproxy.cfg", &config(setup, files)?)?;
    let mut command = Command::new(program);
    // In the foreground, one process.
    command.args(["-db", "-f", &config]);
    Ok(command)
}

/// Its configuration manual says of what is left alone here: the shared accept queue that spreads
/// connections over threads (tune.listener.multi-queue) is on, tune.maxaccept is best at its
/// default, TLS tickets and the sessions of servers are in use, and a proxy in TCP mode always sets
/// TCP_NODELAY. Splicing cannot serve a leg of TLS.
fn config(setup: &Setup<'_>, files: &Files) -> io::Result<String> {
    let tls = format!(
        "ssl crt \"{identity}\" ca-file \"{ca}\" verify required ssl-min-ver TLSv1.3 \
         ssl-max-ver TLSv1.3 ciphersuites {suite}",
        identity = files.identity()?,
        ca = files.ca,
        suite = tools::SUITE,
    );
    let (bind, server) = match setup.mode {
        // The name has to be given twice: one is sent, one is verified.
        Mode::Client => (
            String::new(),
            format!("{tls} verifyhost {SERVER_NAME} sni str({SERVER_NAME})"),
        ),
        Mode::Server => (format!("{tls} curves {}", tools::GROUP), String::new()),
    };
    Ok(format!(
        "global
    nbthread {workers}
    # Two descriptors each; it raises its own limit.
    maxconn {connections}
    # A whole read of several records, and a quarter of the system calls of the default.
    tune.bufsize {buffer}
    tune.ssl.cachesize {sessions}

defaults
    mode tcp
    # No log is configured, so there is none.
    maxconn {connections}
    backlog {backlog}
    timeout connect {connect}s
    timeout client {idle}s
    timeout server {idle}s

listen bench
    bind {inbound} {bind}
    server far {outbound} {server}
",
        workers = tools::WORKERS,
        connections = tools::connections(),
        buffer = tools::BUFFER,
        sessions = tools::SESSIONS,
        backlog = tools::BACKLOG,
        connect = tools::CONNECT_SECONDS,
        idle = tools::IDLE_SECONDS,
        inbound = setup.inbound,
        outbound = setup.outbound,
    ))
}
