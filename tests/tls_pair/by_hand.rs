//! Certificates that our own authority would not issue, made by the `openssl` command.

use std::fs;
use std::path::Path;

use mtls_persona::tls::authority::Purpose;

use crate::support::certs::{IdentityFiles, TestPki};
use crate::support::peers;

/// A new key and its certificate `CN=made by hand`, followed by its issuer's file.
pub fn issue(pki: &TestPki, issuer: &IdentityFiles, extensions: &str) -> IdentityFiles {
    let files = pki.issue(&pki.request(Purpose::Both));
    let leaf = sign(pki, ("/CN=made by hand", &files.key), issuer, extensions);
    let above = fs::read_to_string(&issuer.cert).unwrap();
    fs::write(&files.cert, leaf + &above).unwrap();
    files
}

/// As [`issue`], by the root.
pub fn issue_by_root(pki: &TestPki, extensions: &str) -> IdentityFiles {
    issue(pki, &root(pki), extensions)
}

/// The root as files, with its key.
pub fn root(pki: &TestPki) -> IdentityFiles {
    let key = pki.root().key_pem().unwrap();
    pki.write(&pki.root().cert_pem().unwrap(), &key)
}

/// A certificate for a subject and its key, with extensions in the words of OpenSSL's configuration.
pub fn sign(
    pki: &TestPki,
    subject: (&str, &Path),
    issuer: &IdentityFiles,
    extensions: &str,
) -> String {
    sign_as(pki, subject, issuer, extensions, &["-sha256"])
}

/// As [`sign`], signed as these options of the command say.
pub fn sign_as(
    pki: &TestPki,
    (subject, key): (&str, &Path),
    issuer: &IdentityFiles,
    extensions: &str,
    options: &[&str],
) -> String {
    let file = |name: &str| pki.folder().join(name);
    let (request, extension_file) = (file("by-hand.csr"), file("by-hand.ext"));
    let asks = ["req", "-new", "-subj", subject, "-key", path(key)];
    fs::write(&request, openssl(&asks)).unwrap();
    fs::write(&extension_file, extensions).unwrap();
    let signs = ["x509", "-req", "-days", "2", "-in", path(&request)];
    let by = [
        "-CA",
        path(&issuer.cert),
        "-CAkey",
        path(&issuer.key),
        "-set_serial",
        "77",
    ];
    let with = ["-extfile", path(&extension_file)];
    String::from_utf8(openssl(&[&signs[..], options, &by, &with].concat())).unwrap()
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The file's text, cut behind its first certificate.
pub fn leaf_and_rest(file: &Path) -> (String, String) {
    let whole = fs::read_to_string(file).unwrap();
    let (leaf, rest) = whole.split_at(whole.rfind("-----BEGIN").unwrap());
    (leaf.to_owned(), rest.to_owned())
}

/// What an `openssl` command prints.
pub fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = peers::command("openssl").args(arguments).output();
    let output = output.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}
