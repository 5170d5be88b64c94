//! The `openssl` command as the far end of a TLS connection.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command};

use super::certs::IdentityFiles;
use super::peers::{self, Peer};

/// Weak certificates are shown too, for those who must refuse them.
const WEAK: [&str; 2] = ["-cipher", "DEFAULT@SECLEVEL=0"];

/// A server that shows that identity and demands none unless `options` say so. What its peer sends
/// goes to its standard output, and its standard input goes to its peer. It runs in the folder of
/// the identity.
pub fn server(identity: &IdentityFiles, options: &[&str]) -> Peer {
    Peer::serve(|port| {
        let mut command = peers::command("openssl");
        command.args(["s_server", "-quiet"]);
        command.args(["-accept", &format!("127.0.0.1:{port}")]);
        command.args(WEAK).args(options);
        command.current_dir(identity.cert.parent().unwrap());
        shows(&mut command, identity);
        command
    })
}

/// A client of that port, as [`server`]; it closes with close_notify when its input ends.
pub fn client(port: u16, identity: Option<&IdentityFiles>, options: &[&str]) -> Peer {
    let mut command = peers::command("openssl");
    command.args(["s_client", "-quiet", "-no_ign_eof", "-nocommands"]);
    command.args(["-connect", &format!("127.0.0.1:{port}")]);
    command.args(["-servername", "localhost"]);
    command.args(WEAK).args(options);
    if let Some(identity) = identity {
        shows(&mut command, identity);
    }
    Peer::start(command)
}

/// Lets it send the leaf and, behind it, the rest of the certificate's file.
fn shows(command: &mut Command, identity: &IdentityFiles) {
    command.arg("-cert").arg(&identity.cert);
    command.arg("-key").arg(&identity.key);
    if let Some(chain) = chain(identity) {
        command.arg("-cert_chain").arg(chain);
    }
}

/// A file of the certificates behind the leaf, if there are any: the tools want them apart.
fn chain(identity: &IdentityFiles) -> Option<PathBuf> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    let text = fs::read_to_string(&identity.cert).unwrap();
    let second = text.match_indices(BEGIN).nth(1)?.0;
    let path = identity.cert.with_extension("chain");
    fs::write(&path, &text[second..]).unwrap();
    Some(path)
}

/// Lets a server send back what comes.
pub fn echo((mut stdin, mut stdout): (ChildStdin, ChildStdout)) {
    std::thread::spawn(move || {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = stdout.read(&mut piece) {
            if stdin.write_all(&piece[..count]).is_err() {
                return;
            }
        }
    });
}

/// The SHA-256 of a certificate's public key in base64, by the commands that the README gives.
pub fn pin(identity: &IdentityFiles) -> String {
    let mut command = peers::command("sh");
    command.args([
        "-c",
        "openssl x509 -in \"$0\" -noout -pubkey | openssl pkey -pubin -outform der \
         | openssl dgst -sha256 -binary | openssl base64",
    ]);
    let output = command.arg(&identity.cert).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Subject, issuer and serial number of a certificate's file as the access log has them.
pub fn names(identity: &IdentityFiles) -> [String; 3] {
    let mut command = peers::command("openssl");
    command.args(["x509", "-noout", "-subject", "-issuer", "-serial"]);
    command.args(["-nameopt", "sname,sep_comma_plus_space", "-in"]);
    let output = command.arg(&identity.cert).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let fact = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.to_owned()))
    };
    let serial = fact("serial=").unwrap().to_ascii_lowercase();
    [fact("subject=").unwrap(), fact("issuer=").unwrap(), serial]
}
