//! How certificates are exchanged: by tools, by editors and by mounts.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::certs::IdentityFiles;

/// Puts a newer identity in the place of an older one.
pub type Exchange = fn(&IdentityFiles, &IdentityFiles);

/// Each file appears whole, the key first.
pub fn rename_key_first(newer: &IdentityFiles, place: &IdentityFiles) {
    fs::rename(&newer.key, &place.key).unwrap();
    fs::rename(&newer.cert, &place.cert).unwrap();
}

/// Each file appears whole, the certificate first.
pub fn rename_cert_first(newer: &IdentityFiles, place: &IdentityFiles) {
    fs::rename(&newer.cert, &place.cert).unwrap();
    fs::rename(&newer.key, &place.key).unwrap();
}

/// The files stay, and are cut and written to.
pub fn rewrite(newer: &IdentityFiles, place: &IdentityFiles) {
    for (newer, place) in [(&newer.cert, &place.cert), (&newer.key, &place.key)] {
        fs::write(place, fs::read(newer).unwrap()).unwrap();
    }
}

/// The older file becomes a backup, and goes once the newer one is written.
pub fn write_behind_a_backup(newer: &IdentityFiles, place: &IdentityFiles) {
    for (newer, place) in [(&newer.cert, &place.cert), (&newer.key, &place.key)] {
        let mut backup = place.clone().into_os_string();
        backup.push("~");
        fs::rename(place, &backup).unwrap();
        fs::write(place, fs::read(newer).unwrap()).unwrap();
        fs::remove_file(backup).unwrap();
    }
}

/// A copy of an identity in a folder: `tls.crt` and `tls.key`.
pub fn copy_into(folder: &Path, identity: &IdentityFiles) -> IdentityFiles {
    fs::create_dir_all(folder).unwrap();
    let files = names_in(folder);
    fs::copy(&identity.cert, &files.cert).unwrap();
    fs::copy(&identity.key, &files.key).unwrap();
    files
}

fn names_in(folder: &Path) -> IdentityFiles {
    IdentityFiles {
        cert: folder.join("tls.crt"),
        key: folder.join("tls.key"),
    }
}

/// Lets a link lead somewhere else, in one step.
pub fn exchange_link(link: &Path, target: &Path) {
    let mut newer = link.to_owned().into_os_string();
    newer.push("_tmp");
    symlink(target, &newer).unwrap();
    fs::rename(newer, link).unwrap();
}

/// A folder as Kubernetes mounts a secret: the files are links by way of the link `..data`, which is what
/// an update exchanges.
pub struct Mount {
    folder: PathBuf,
    ca: PathBuf,
    updates: usize,
    /// What a configuration names.
    pub files: IdentityFiles,
}

impl Mount {
    /// A new mount in a folder that is not there yet.
    pub fn new(folder: &Path, identity: &IdentityFiles, ca: &Path) -> Mount {
        fs::create_dir(folder).unwrap();
        for name in ["tls.crt", "tls.key", "ca.crt"] {
            symlink(Path::new("..data").join(name), folder.join(name)).unwrap();
        }
        let mut mount = Mount {
            folder: folder.to_owned(),
            ca: ca.to_owned(),
            updates: 0,
            files: names_in(folder),
        };
        mount.update(identity);
        mount
    }

    /// The authorities beside it.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// Another identity; the folder of the one before goes.
    pub fn update(&mut self, identity: &IdentityFiles) {
        let name = |number: usize| format!("..2026_11_25_{number}");
        self.updates += 1;
        let version = self.folder.join(name(self.updates));
        copy_into(&version, identity);
        fs::copy(&self.ca, version.join("ca.crt")).unwrap();
        exchange_link(&self.folder.join("..data"), Path::new(&name(self.updates)));
        if self.updates > 1 {
            fs::remove_dir_all(self.folder.join(name(self.updates - 1))).unwrap();
        }
    }
}
