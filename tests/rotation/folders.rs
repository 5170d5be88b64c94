//! Watched files behind links and in folders that are exchanged as a whole.

use std::fs;
use std::os::unix::fs::symlink;

use super::gateway::{Gateway, newer};
use super::ping;
use super::support::certs::TestPki;
use super::support::nginx::Nginx;
use super::support::program::Program;
use super::support::rotate::{self, Mount, exchange_link};
use super::support::wait::until;
use super::support::{backend, openssl, pairs};

#[test]
fn a_secret_that_is_mounted_as_kubernetes_does_is_followed() {
    let pki = TestPki::new();
    let mut mount = Mount::new(
        &pki.folder().join("mount"),
        &pki.server("localhost"),
        &pki.ca,
    );
    let mut gateway = Gateway::watching(pki, &mount.files);
    gateway.follows(|newer| mount.update(newer));
}

#[test]
fn a_folder_that_is_exchanged_for_another_is_followed() {
    let pki = TestPki::new();
    let folder = pki.folder().join("tls");
    let files = rotate::copy_into(&folder, &pki.server("localhost"));
    let mut gateway = Gateway::watching(pki, &files);
    gateway.follows(|newer| {
        let (next, last) = (folder.with_extension("next"), folder.with_extension("last"));
        rotate::copy_into(&next, newer);
        fs::rename(&folder, &last).unwrap();
        fs::rename(&next, &folder).unwrap();
        fs::remove_dir_all(last).unwrap();
    });
}

#[test]
fn a_link_to_a_folder_is_followed_to_another_one() {
    let pki = TestPki::new();
    let link = pki.folder().join("current");
    let version = |number: usize| pki.folder().join(format!("version{number}"));
    rotate::copy_into(&version(0), &pki.server("localhost"));
    symlink(version(0), &link).unwrap();
    let files = rotate::copy_into(&link, &pki.server("localhost"));
    let versions: Vec<_> = (1..20).map(version).collect();
    let mut versions = versions.into_iter();
    let mut gateway = Gateway::watching(pki, &files);
    gateway.follows(|newer| {
        let version = versions.next().unwrap();
        rotate::copy_into(&version, newer);
        exchange_link(&link, &version);
    });
}

#[test]
fn links_to_an_archive_are_followed_one_after_the_other() {
    let pki = TestPki::new();
    let (live, archive) = (pki.folder().join("live"), pki.folder().join("archive"));
    fs::create_dir(&live).unwrap();
    let first = rotate::copy_into(&archive.join("0"), &pki.server("localhost"));
    let files = rotate::copy_into(&live, &first);
    for (file, target) in [(&files.cert, &first.cert), (&files.key, &first.key)] {
        exchange_link(file, target);
    }
    let mut number = 0;
    let mut gateway = Gateway::watching(pki, &files);
    gateway.follows(|newer| {
        number += 1;
        let newer = rotate::copy_into(&archive.join(number.to_string()), newer);
        exchange_link(&files.cert, &newer.cert);
        exchange_link(&files.key, &newer.key);
    });
}

#[test]
fn files_that_are_away_for_a_while_are_followed_when_they_are_back() {
    let pki = TestPki::new();
    let folder = pki.folder().join("tls");
    let files = rotate::copy_into(&folder, &pki.server("localhost"));
    let mut gateway = Gateway::watching(pki, &files);
    let old = gateway.shown();
    let (newer, serial) = newer(&gateway.pki);
    fs::remove_dir_all(&folder).unwrap();
    gateway.until_told();
    assert_eq!(gateway.shown(), old);
    rotate::copy_into(&folder, &newer);
    gateway.until_shown(&serial);
}

#[test]
fn a_persona_shows_its_new_certificate_to_nginx() {
    let pki = TestPki::new();
    let destination = backend::echo();
    let nginx = Nginx::before(destination, &pki.server("localhost"), &pki.ca);
    let mut mount = Mount::new(&pki.folder().join("mount"), &pki.client("first"), &pki.ca);
    let mut config = pairs::with(pairs::client(&pki, nginx.tls13()), "/watch", true);
    config["cert"] = mount.files.cert.to_str().into();
    config["key"] = mount.files.key.to_str().into();
    config["ca"] = mount.ca().to_str().into();
    let program = Program::run(&config);
    let mut live = program.connect("persona");
    ping(&mut live);
    let mut ended = 0;
    for name in ["second", "third", "fourth"] {
        let newer = pki.client(name);
        let [subject, _, serial] = openssl::names(&newer);
        mount.update(&newer);
        until("nginx to see the new certificate", || {
            ping(&mut program.connect("persona"));
            ended += 1;
            let seen = nginx.seen(ended).pop().unwrap();
            let is_new = seen.serial.eq_ignore_ascii_case(&serial);
            assert!(!is_new || seen.subject == subject && seen.verdict == "SUCCESS");
            is_new.then_some(())
        });
        ping(&mut live);
    }
    assert_eq!(program.errors(), 0);
}
