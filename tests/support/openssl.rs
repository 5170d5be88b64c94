//! The `openssl` command as the far end of a TLS connection.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use super::certs::{IdentityFiles, TestPki};
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

/// The serial number of the certificate that a server shows, as the access log has it; none if the server
/// cannot be reached or shows none.
pub fn shown_serial(server: SocketAddr, identity: &IdentityFiles) -> Option<String> {
    let mut command = peers::command("openssl");
    command.args(["s_client", "-connect", &server.to_string()]);
    shows(&mut command, identity);
    let shown = command.stdin(Stdio::null()).output().unwrap();
    let mut command = peers::command("openssl");
    command.args(["x509", "-noout", "-serial"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut command = command.stderr(Stdio::null()).spawn().unwrap();
    // Its input is dropped, and so ended, in here.
    let written = command.stdin.take().unwrap().write_all(&shown.stdout);
    let output = command.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let serial = text.trim().strip_prefix("serial=")?;
    written.ok()?;
    Some(serial.to_ascii_lowercase())
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

/// A revocation list in PEM as DER.
pub fn crl_der(pem: &str) -> Vec<u8> {
    let mut command = peers::command("openssl");
    command.args(["crl", "-outform", "DER"]);
    piped(command, pem)
}

/// A certificate's file in PEM as DER.
pub fn cert_der(file: &Path) -> Vec<u8> {
    let mut command = peers::command("openssl");
    command.args(["x509", "-outform", "DER"]);
    piped(command, &fs::read_to_string(file).unwrap())
}

/// What a command makes of its standard input.
fn piped(mut command: Command, input: &str) -> Vec<u8> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// The revocation list of the root as the `openssl` command makes it, in PEM: it revokes the certificates
/// in these files, holds for a day, and has one more extension (empty for none).
pub fn crl(pki: &TestPki, revoked: &[&Path], extension: &str) -> String {
    made_crl(pki, revoked, extension, &[])
}

/// As [`crl`], of nobody, signed as these options of the command say.
pub fn crl_signed(pki: &TestPki, options: &[&str]) -> String {
    made_crl(pki, &[], "", options)
}

fn made_crl(pki: &TestPki, revoked: &[&Path], extension: &str, options: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let database = file("index.txt", "");
    let number = file("number", "01\n");
    let key = file("ca.key", &pki.root().key_pem().unwrap());
    let config = format!(
        "[ca]\ndefault_ca=own\n[own]\ndatabase={database}\ncrlnumber={number}\ncertificate={}\n\
         private_key={key}\ndefault_md=sha256\ndefault_crl_days=1\ncrl_extensions=more\n\
         [more]\nauthorityKeyIdentifier=keyid\n{extension}\n",
        pki.ca.display()
    );
    let config = file("ca.cnf", &config);
    let ca = |words: &[&str]| {
        let mut command = peers::command("openssl");
        let output = command
            .args(["ca", "-config", &config])
            .args(words)
            .output();
        let output = output.unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    for cert in revoked {
        ca(&["-revoke", cert.to_str().unwrap()]);
    }
    ca(&[&["-gencrl"], options].concat())
}
