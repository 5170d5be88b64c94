//! Certificates of a run, made by the program's own small authority.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::peers::Pki;

/// An authority, a server and a client on P-256, in `folder`.
pub(crate) fn make(program: &Path, folder: &Path) -> io::Result<Pki> {
    for words in [
        &["init"] as &[&str],
        &["server", "localhost"],
        &["client", "bench"],
    ] {
        run(program, folder, words)?;
    }
    let file = |name: &str| folder.join(name);
    Ok(Pki {
        ca: file("ca.pem"),
        server_cert: file("localhost.pem"),
        server_key: file("localhost.key"),
        client_cert: file("bench.pem"),
        client_key: file("bench.key"),
    })
}

/// The same, with a client whose certificate has that URI.
pub(crate) fn make_with_uri(program: &Path, folder: &Path, uri: &str) -> io::Result<Pki> {
    let pki = make(program, folder)?;
    run(program, folder, &["client", "visitor", "--uri", uri])?;
    Ok(Pki {
        client_cert: folder.join("visitor.pem"),
        client_key: folder.join("visitor.key"),
        ..pki
    })
}

fn run(program: &Path, folder: &Path, words: &[&str]) -> io::Result<()> {
    let mut command = Command::new(program);
    command.args(["pki", "--dir"]).arg(folder).args(words);
    let status = command.stdout(Stdio::null()).status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("pki {words:?} failed: {status}"))),
    }
}
