#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::Receiver;
use tempfile::TempDir;

use super::*;

/// A watcher of one file, what it tells, and the folder above the file's.
struct Subject {
    watcher: Watcher,
    told: Receiver<Control>,
    files: BTreeSet<PathBuf>,
    above: TempDir,
}

impl Subject {
    /// Watches `tls/cert`, which is there.
    fn start() -> Subject {
        let above = TempDir::new().unwrap();
        let folder = above.path().join("tls");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("cert"), "old").unwrap();
        Subject::watching(&folder.join("cert"), above)
    }

    fn watching(file: &Path, above: TempDir) -> Subject {
        let (control, told) = crossbeam_channel::bounded(64);
        let mut watcher = Watcher::start(control).unwrap();
        let files = BTreeSet::from([file.to_owned()]);
        assert!(watcher.follow(&files));
        Subject {
            watcher,
            told,
            files,
            above,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.above.path().join(name)
    }

    /// Waits for a sign, and looks.
    fn expect_sign(&mut self) {
        let told = self.told.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(matches!(told, Control::FilesChanged));
        self.watcher.follow(&self.files);
    }
}

#[test]
fn a_file_that_is_written_to_gives_a_sign_each_time() {
    let mut subject = Subject::start();
    for _ in 0..3 {
        fs::write(subject.path("tls/cert"), "new").unwrap();
        subject.expect_sign();
    }
}

#[test]
fn a_file_that_goes_comes_or_is_replaced_gives_a_sign() {
    let mut subject = Subject::start();
    fs::remove_file(subject.path("tls/cert")).unwrap();
    subject.expect_sign();
    fs::write(subject.path("newer"), "new").unwrap();
    fs::hard_link(subject.path("newer"), subject.path("tls/cert")).unwrap();
    subject.expect_sign();
    fs::write(subject.path("newest"), "newest").unwrap();
    fs::rename(subject.path("newest"), subject.path("tls/cert")).unwrap();
    subject.expect_sign();
}

#[test]
fn permission_that_changes_gives_a_sign() {
    let mut subject = Subject::start();
    let permissions = Permissions::from_mode(0o600);
    fs::set_permissions(subject.path("tls/cert"), permissions).unwrap();
    subject.expect_sign();
}

#[test]
fn a_folder_that_goes_and_comes_gives_a_sign_each_time() {
    let mut subject = Subject::start();
    fs::remove_dir_all(subject.path("tls")).unwrap();
    subject.expect_sign();
    fs::create_dir(subject.path("tls")).unwrap();
    subject.expect_sign();
}

#[test]
fn a_folder_that_is_exchanged_gives_a_sign_and_so_does_what_changes_in_the_new_one() {
    let mut subject = Subject::start();
    fs::create_dir(subject.path("newer")).unwrap();
    fs::rename(subject.path("tls"), subject.path("older")).unwrap();
    subject.expect_sign();
    fs::rename(subject.path("newer"), subject.path("tls")).unwrap();
    subject.expect_sign();
    fs::write(subject.path("tls/cert"), "new").unwrap();
    subject.expect_sign();
}

#[test]
fn a_link_that_is_exchanged_gives_a_sign_and_so_does_what_changes_behind_it() {
    let above = TempDir::new().unwrap();
    let path = |name: &str| above.path().join(name);
    for version in ["1", "2"] {
        fs::create_dir(path(version)).unwrap();
        fs::write(path(version).join("cert"), version).unwrap();
    }
    fs::create_dir(path("tls")).unwrap();
    symlink("../1", path("tls/data")).unwrap();
    symlink("data/cert", path("tls/cert")).unwrap();
    let mut subject = Subject::watching(&path("tls/cert"), above);
    symlink("../2", subject.path("tls/newer")).unwrap();
    fs::rename(subject.path("tls/newer"), subject.path("tls/data")).unwrap();
    subject.expect_sign();
    fs::write(subject.path("2/cert"), "new").unwrap();
    subject.expect_sign();
}

#[test]
fn other_files_are_known_from_the_same_ones() {
    let mut subject = Subject::start();
    assert!(!subject.watcher.follow(&subject.files.clone()));
    let mut more = subject.files.clone();
    more.insert(subject.path("tls/key"));
    assert!(subject.watcher.follow(&more));
    assert!(!subject.watcher.follow(&more));
    more.insert(subject.path("elsewhere"));
    assert!(subject.watcher.follow(&more));
}
