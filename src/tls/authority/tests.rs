#![allow(clippy::unwrap_used)]

mod good;
mod names;
mod refusable;

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// The tests' time, 2030-03-17: nothing here reads a clock.
const NOW: i64 = 1_900_000_000;
const YEAR: Validity = Validity {
    not_before: NOW - 300,
    not_after: NOW + 365 * 86_400,
};

fn root(key: KeyKind) -> Authority {
    Authority::new(&Subject::named("Test root"), key, YEAR).unwrap()
}

fn intermediate(root: &Authority, key: KeyKind) -> Authority {
    let subject = Subject::named("Test intermediate");
    root.intermediate(&subject, key, YEAR).unwrap()
}

fn server(host: &str) -> LeafRequest {
    LeafRequest::server(host, YEAR)
}

fn client(cn: &str) -> LeafRequest {
    LeafRequest::client(cn, YEAR)
}

/// A folder for the `openssl` command, another implementation that judges what was made here.
struct Judge {
    folder: TempDir,
}

impl Judge {
    fn new() -> Judge {
        Judge {
            folder: TempDir::new().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What the command says on both channels, and whether it was content.
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        // A FIPS module of ours is not to be its: it makes what is to be refused, too.
        let output = Command::new("openssl")
            .env_remove("OPENSSL_CONF")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        (output.status.success(), said)
    }

    /// Verifies what a peer with this identity would send, trusting `root` alone.
    fn verify(&self, root: &Authority, sent: &str, options: &[&str]) -> (bool, String) {
        self.file("root.pem", &root.cert_pem().unwrap());
        self.file("sent.pem", sent);
        let now = NOW.to_string();
        let mut arguments = vec!["verify", "-attime", &now, "-CAfile", "root.pem"];
        arguments.extend_from_slice(&["-untrusted", "sent.pem"]);
        arguments.extend_from_slice(options);
        arguments.push("sent.pem");
        self.run(&arguments)
    }

    /// The certificate as text, with the runs of spaces made one.
    fn text(&self, certificate: &str) -> String {
        self.file("text.pem", certificate);
        let options = ["-nameopt", "RFC2253,utf8,-esc_msb"];
        let mut arguments = vec!["x509", "-in", "text.pem", "-noout", "-text"];
        arguments.extend_from_slice(&options);
        let (fine, text) = self.run(&arguments);
        assert!(fine, "{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Asserts that the verdict is a refusal with this number of `openssl verify`.
#[track_caller]
fn assert_refused((fine, said): (bool, String), number: u32) {
    assert!(!fine, "should have been refused: {said}");
    assert!(said.contains(&format!("error {number} at")), "{said}");
}

#[track_caller]
fn assert_accepted((fine, said): (bool, String)) {
    assert!(fine, "{said}");
}

#[track_caller]
fn assert_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}
