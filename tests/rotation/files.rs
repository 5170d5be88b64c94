//! Files that are watched: exchanged, written to, half done, or only touched.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mtls_persona::tls::Role;

use super::gateway::{Gateway, config, newer};
use super::support::certs::{IdentityFiles, TestPki};
use super::support::daemon::tool;
use super::support::program::Program;
use super::support::reads::Reads;
use super::support::rotate::{self, Exchange};
use super::support::tls::{TlsPeer, credentials};
use super::support::wait::until;

/// A gateway that watches plain files, and these.
fn gateway() -> (Gateway, IdentityFiles) {
    let pki = TestPki::new();
    let files = rotate::copy_into(&pki.folder().join("tls"), &pki.server("localhost"));
    (Gateway::watching(pki, &files), files)
}

fn follows(exchange: Exchange) {
    let (mut gateway, files) = gateway();
    gateway.follows(|newer| exchange(newer, &files));
}

#[test]
fn files_that_are_renamed_into_place_are_followed_with_the_key_first() {
    follows(rotate::rename_key_first);
}

#[test]
fn files_that_are_renamed_into_place_are_followed_with_the_certificate_first() {
    follows(rotate::rename_cert_first);
}

#[test]
fn files_that_are_rewritten_in_place_are_followed() {
    follows(rotate::rewrite);
}

#[test]
fn files_that_an_editor_writes_behind_a_backup_are_followed() {
    follows(rotate::write_behind_a_backup);
}

/// Half a change may become whole for two seconds before it is told.
fn is_prompt(start: Instant) -> bool {
    start.elapsed() < Duration::from_secs(2)
}

#[test]
fn a_key_that_is_there_before_its_certificate_is_no_error() {
    for is_key_first in [true, false] {
        let (mut gateway, files) = gateway();
        let (newer, serial) = newer(&gateway.pki);
        let key = (&newer.key, &files.key);
        let cert = (&newer.cert, &files.cert);
        let (first, second) = if is_key_first {
            (key, cert)
        } else {
            (cert, key)
        };
        let mut reads = Reads::of(first.0);
        let start = Instant::now();
        fs::rename(first.0, first.1).unwrap();
        reads.wait();
        fs::rename(second.0, second.1).unwrap();
        let was_prompt = is_prompt(start);
        gateway.until_shown(&serial);
        assert!(gateway.program.errors() == 0 || !was_prompt);
    }
}

/// Writes the first half of a text, and gives back how to write the second.
fn write_half(text: &[u8], place: &Path) -> impl FnOnce() + use<> {
    let (half, rest) = text.split_at(text.len() / 2);
    let rest = rest.to_vec();
    fs::write(place, half).unwrap();
    let mut file = OpenOptions::new().append(true).open(place).unwrap();
    move || file.write_all(&rest).unwrap()
}

#[test]
fn a_file_that_is_half_written_is_no_error_if_the_rest_follows() {
    let (mut gateway, files) = gateway();
    let old = gateway.shown();
    let (newer, serial) = newer(&gateway.pki);
    let mut reads = Reads::of(&files.cert);
    let start = Instant::now();
    fs::rename(&newer.key, &files.key).unwrap();
    let write_rest = write_half(&fs::read(&newer.cert).unwrap(), &files.cert);
    reads.wait();
    let shown = gateway.shown();
    write_rest();
    let was_prompt = is_prompt(start);
    gateway.until_shown(&serial);
    assert_eq!(shown, old);
    assert!(gateway.program.errors() == 0 || !was_prompt);
}

#[test]
fn a_file_that_stays_half_written_is_told_and_the_old_one_goes_on() {
    let (mut gateway, files) = gateway();
    let old = gateway.shown();
    let (newer, serial) = newer(&gateway.pki);
    fs::rename(&newer.key, &files.key).unwrap();
    let write_rest = write_half(&fs::read(&newer.cert).unwrap(), &files.cert);
    gateway.until_told();
    assert_eq!(gateway.shown(), old);
    gateway.live_on();
    assert_eq!(gateway.program.generation(), 1);
    write_rest();
    gateway.until_shown(&serial);
}

#[test]
fn a_file_that_is_only_touched_makes_no_generation() {
    let (mut gateway, files) = gateway();
    let old = gateway.shown();
    let mut reads = Reads::of(&files.cert);
    let touched = Command::new(tool("touch", &[])).arg(&files.cert).status();
    assert!(touched.unwrap().success());
    reads.wait();
    fs::write(&files.cert, fs::read(&files.cert).unwrap()).unwrap();
    reads.wait();
    assert_eq!(gateway.shown(), old);
    let (newer, serial) = newer(&gateway.pki);
    rotate::rename_key_first(&newer, &files);
    gateway.until_shown(&serial);
    until("the line", || {
        (gateway.program.generation() > 1).then_some(())
    });
    assert_eq!(gateway.program.generation(), 2);
}

/// Root may read what nobody may read, unless that is taken from it.
fn without_privilege(command: &mut Command) {
    if rustix::process::geteuid().is_root() {
        let mut bound = Command::new(tool("setpriv", &[]));
        bound.args(["--bounding-set", "-dac_override,-dac_read_search"]);
        bound.args(["--inh-caps", "-dac_override,-dac_read_search"]);
        bound.arg(command.get_program()).args(command.get_args());
        bound.stdin(Stdio::null()).stderr(Stdio::piped());
        *command = bound;
    }
}

#[test]
fn permission_that_is_taken_away_is_told_and_given_back_is_followed() {
    let pki = TestPki::new();
    let files = rotate::copy_into(&pki.folder().join("tls"), &pki.server("localhost"));
    let program = Program::run_with(&config(&pki, &files), without_privilege);
    let mut gateway = Gateway::running(pki, program);
    let old = gateway.shown();
    let (newer, serial) = newer(&gateway.pki);
    let permit = |key: &Path, mode| {
        fs::set_permissions(key, Permissions::from_mode(mode)).unwrap();
    };
    permit(&files.key, 0o000);
    gateway.until_told();
    assert_eq!(gateway.shown(), old);
    permit(&newer.key, 0o000);
    rotate::rename_cert_first(&newer, &files);
    gateway.live_on();
    assert_eq!(gateway.shown(), old);
    permit(&files.key, 0o600);
    gateway.until_shown(&serial);
}

#[test]
fn a_folder_that_cannot_be_watched_is_told_and_its_files_are_read_now_and_then() {
    let pki = TestPki::new();
    let folder = pki.folder().join("tls");
    let files = rotate::copy_into(&folder, &pki.server("localhost"));
    // Its files may be opened by their names, and it may not be read.
    fs::set_permissions(&folder, Permissions::from_mode(0o311)).unwrap();
    let program = Program::run_with(&config(&pki, &files), without_privilege);
    let mut gateway = Gateway::running(pki, program);
    let lines = gateway.program.lines();
    let told = lines.iter().filter(|line| line.contains(" WARN "));
    assert_eq!(told.filter(|line| line.contains("/tls: ")).count(), 1);
    let (newer, serial) = newer(&gateway.pki);
    rotate::rename_key_first(&newer, &files);
    gateway.until_shown(&serial);
}

#[test]
fn authorities_are_followed_too() {
    let (mut gateway, _) = gateway();
    let stranger = TestPki::new();
    let own = credentials(&stranger.client("carol"), &gateway.pki.ca, Role::Client);
    let dial = |gateway: &Gateway| {
        let mut peer = TlsPeer::connect(gateway.program.addr("gateway"), &own).ok()?;
        // A refusal comes with the first read.
        peer.write_all(b"ping").ok()?;
        peer.read_exact(&mut [0; 4]).ok()
    };
    assert_eq!(dial(&gateway), None);
    let ours = fs::read(&gateway.pki.ca).unwrap();
    let both = [ours.clone(), fs::read(&stranger.ca).unwrap()].concat();
    fs::write(&gateway.pki.ca, both).unwrap();
    until("the stranger to be admitted", || dial(&gateway));
    fs::write(&gateway.pki.ca, ours).unwrap();
    until("the stranger to be refused", || {
        dial(&gateway).is_none().then_some(())
    });
    gateway.live_on();
}
