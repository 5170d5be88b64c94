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
        let mut command = Command::new(program);
        command.args(["pki", "--dir"]).arg(folder).args(words);
        let status = command.stdout(Stdio::null()).status()?;
        if !status.success() {
            return Err(io::Error::other(format!("pki {words:?} failed: {status}")));
        }
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
