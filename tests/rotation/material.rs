//! Certificates, keys and authorities that cannot be used: the old ones go on.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use mtls_persona::tls::authority::Purpose;

use super::gateway::{Gateway, config, newer};
use super::support::certs::{IdentityFiles, TestPki};
use super::support::peers::command;
use super::support::program::Program;
use super::support::rotate;
use super::support::wait::until;

/// The files of a gateway, each by a name of its own.
struct Place {
    files: IdentityFiles,
    ca: PathBuf,
}

impl Place {
    fn all(&self) -> [&Path; 3] {
        [&self.files.cert, &self.files.key, &self.ca]
    }
}

/// What is wrong with it, and how it comes to be in its place.
type Fault = (&'static str, fn(&Place, &TestPki));

const OF_FILES: &[Fault] = &[
    ("no PEM", |place, _| write(&place.files.cert, b"no PEM")),
    ("an empty certificate", |place, _| {
        write(&place.files.cert, b"")
    }),
    ("an empty key", |place, _| write(&place.files.key, b"")),
    ("half a certificate", |place, _| halve(&place.files.cert)),
    ("half a key", |place, _| halve(&place.files.key)),
    ("a certificate for a key", |place, _| {
        fs::copy(&place.files.cert, &place.files.key).unwrap();
    }),
    ("an encrypted key", |place, _| encrypt(&place.files.key)),
    ("no file", |place, _| {
        fs::remove_file(&place.files.cert).unwrap()
    }),
    ("no key file", |place, _| {
        fs::remove_file(&place.files.key).unwrap()
    }),
    ("a folder for a certificate", |place, _| {
        become_folder(&place.files.cert)
    }),
    ("a folder for a key", |place, _| {
        become_folder(&place.files.key)
    }),
    ("a huge file", |place, _| {
        let file = File::options().write(true).open(&place.files.cert);
        file.unwrap().set_len(1 << 40).unwrap();
    }),
    ("an endless file", |place, _| {
        fs::remove_file(&place.files.key).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &place.files.key).unwrap();
    }),
    ("no authorities", |place, _| write(&place.ca, b"")),
    ("noise for authorities", |place, _| {
        write(&place.ca, &[0xa5; 5000])
    }),
    ("half of the authorities", |place, _| halve(&place.ca)),
    ("no file of authorities", |place, _| {
        fs::remove_file(&place.ca).unwrap()
    }),
    ("a folder for authorities", |place, _| {
        become_folder(&place.ca)
    }),
];

const OF_IDENTITIES: &[Fault] = &[
    ("another's key", |place, pki| {
        fs::copy(pki.server("localhost").key, &place.files.key).unwrap();
    }),
    ("expired", |place, pki| {
        put(place, &pki.expired(Purpose::Server))
    }),
    ("not yet valid", |place, pki| {
        put(place, &pki.not_yet_valid(Purpose::Server))
    }),
    ("for clients alone", |place, pki| {
        put(place, &pki.client_auth_only())
    }),
    ("a short key", |place, pki| {
        put(place, &pki.rsa1024(Purpose::Server))
    }),
    ("signed with SHA-1", |place, pki| {
        put(place, &pki.sha1(Purpose::Server))
    }),
];

fn write(file: &Path, content: &[u8]) {
    fs::write(file, content).unwrap();
}

fn halve(file: &Path) {
    let content = fs::read(file).unwrap();
    write(file, &content[..content.len() / 2]);
}

fn become_folder(file: &Path) {
    fs::remove_file(file).unwrap();
    fs::create_dir(file).unwrap();
}

fn encrypt(key: &Path) {
    let mut openssl = command("openssl");
    openssl.args(["pkey", "-aes256", "-passout", "pass:secret", "-in"]);
    let output = openssl.arg(key).output().unwrap();
    assert!(output.status.success());
    write(key, &output.stdout);
}

fn put(place: &Place, identity: &IdentityFiles) {
    rotate::rename_key_first(identity, &place.files);
}

/// A gateway, whether it watches or not, and its files.
fn gateway(is_watching: bool) -> (Gateway, Place) {
    let pki = TestPki::new();
    let folder = pki.folder().join("tls");
    let files = rotate::copy_into(&folder, &pki.server("localhost"));
    let ca = folder.join("ca.crt");
    fs::copy(&pki.ca, &ca).unwrap();
    let mut config = config(&pki, &files);
    config["ca"] = ca.to_str().into();
    config["watch"] = is_watching.into();
    let program = Program::run(&config);
    (Gateway::running(pki, program), Place { files, ca })
}

/// Each fault in its turn is told at a signal and keeps the old certificate; mended, it is taken.
fn are_refused(faults: &[Fault]) {
    let (mut gateway, place) = gateway(false);
    let old = gateway.shown();
    let good = place.all().map(|file| fs::read(file).unwrap());
    for (what, spoil) in faults {
        spoil(&place, &gateway.pki);
        gateway.program.refuse_reload();
        assert_eq!(gateway.shown(), old, "{what}");
        gateway.live_on();
        for (file, content) in place.all().iter().zip(&good) {
            let _ = fs::remove_dir(file);
            // What stands there may be a link to somewhere.
            let _ = fs::remove_file(file);
            write(file, content);
        }
    }
    assert_eq!(gateway.program.generation(), 1);
    let (newer, serial) = newer(&gateway.pki);
    put(&place, &newer);
    gateway.program.reload();
    gateway.until_shown(&serial);
}

#[test]
fn files_that_cannot_be_used_are_refused_one_by_one() {
    are_refused(OF_FILES);
}

#[test]
fn identities_that_no_peer_would_accept_are_refused_one_by_one() {
    are_refused(OF_IDENTITIES);
}

#[test]
fn each_fault_of_watched_files_is_told_once_and_what_is_mended_is_taken_without_a_signal() {
    let (mut gateway, place) = gateway(true);
    let old = gateway.shown();
    let mut told = 0;
    for spoil in [OF_IDENTITIES[1].1, OF_IDENTITIES[3].1] {
        spoil(&place, &gateway.pki);
        until("the refusal", || {
            (gateway.program.refusals() > told).then_some(())
        });
        told = gateway.program.refusals();
        assert_eq!(gateway.shown(), old);
        gateway.live_on();
    }
    let (newer, serial) = newer(&gateway.pki);
    put(&place, &newer);
    gateway.until_shown(&serial);
    assert_eq!(gateway.program.refusals(), told);
}
