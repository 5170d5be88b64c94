//! How certificates are exchanged: by tools, by editors and by mounts.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
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

/// What is in a volume, by the names of its files.
pub type Contents = BTreeMap<String, Vec<u8>>;

/// A folder as Kubernetes mounts secrets and configurations: the files are links by way of the link
/// `..data`, which is what an update exchanges.
pub struct Volume {
    folder: PathBuf,
    mode: u32,
    updates: usize,
}

impl Volume {
    /// A new one in a folder that is not there yet. Its files have that mode.
    pub fn new(folder: &Path, mode: u32, contents: &Contents) -> Volume {
        fs::create_dir(folder).unwrap();
        let mut volume = Volume {
            folder: folder.to_owned(),
            mode,
            updates: 0,
        };
        volume.update(contents);
        volume
    }

    /// Other contents under the same names; the folder of those before goes.
    pub fn update(&mut self, contents: &Contents) {
        let version = |number: usize| format!("..2026_11_25_{number}");
        self.updates += 1;
        let newer = self.folder.join(version(self.updates));
        fs::create_dir(&newer).unwrap();
        for (name, bytes) in contents {
            let file = newer.join(name);
            fs::write(&file, bytes).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(self.mode)).unwrap();
        }
        let data = Path::new("..data");
        exchange_link(&self.folder.join(data), Path::new(&version(self.updates)));
        if self.updates > 1 {
            fs::remove_dir_all(self.folder.join(version(self.updates - 1))).unwrap();
            return;
        }
        for name in contents.keys() {
            symlink(data.join(name), self.folder.join(name)).unwrap();
        }
    }
}

/// A mounted secret: an identity, and the authorities beside it.
pub struct Mount {
    volume: Volume,
    ca: PathBuf,
    /// What a configuration names.
    pub files: IdentityFiles,
}

impl Mount {
    /// A new mount in a folder that is not there yet.
    pub fn new(folder: &Path, identity: &IdentityFiles, ca: &Path) -> Mount {
        Mount {
            volume: Volume::new(folder, 0o644, &secret(identity, ca)),
            ca: ca.to_owned(),
            files: names_in(folder),
        }
    }

    /// The authorities beside it.
    pub fn ca(&self) -> PathBuf {
        self.volume.folder.join("ca.crt")
    }

    /// Another identity.
    pub fn update(&mut self, identity: &IdentityFiles) {
        self.volume.update(&secret(identity, &self.ca));
    }
}

/// The keys of a secret as cert-manager writes it.
pub fn secret(identity: &IdentityFiles, ca: &Path) -> Contents {
    let files = [
        ("tls.crt", identity.cert.as_path()),
        ("tls.key", &identity.key),
        ("ca.crt", ca),
    ];
    let files = files.into_iter();
    files
        .map(|(name, file)| (name.to_owned(), fs::read(file).unwrap()))
        .collect()
}
