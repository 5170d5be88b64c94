//! The folder of an authority: file names, what is read, and what is written how.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::tls::authority::Authority;

use super::error::PkiError;

/// The root's two files, without their endings.
pub(super) const CA: &str = "ca";
/// The intermediate's two files, without their endings. When they are there, they sign.
pub(super) const INTERMEDIATE: &str = "intermediate";

/// The revocation lists' file, without its ending.
pub(super) const CRL: &str = "crl";
/// The record of what was revoked.
pub(super) const REVOKED: &str = "revoked.json";

/// File systems take 255 bytes; the ending and the name while it is being written need some.
const STEM_BYTES_MAX: usize = 200;

/// An absolute path to the folder, which need not exist yet.
pub(super) struct Folder {
    path: PathBuf,
}

/// The authority that signs, and when it ends.
pub(super) struct Signing {
    pub(super) authority: Authority,
    /// Its last second, Unix time.
    pub(super) not_after: i64,
}

/// A file to be written.
pub(super) struct NewFile {
    name: String,
    text: String,
    mode: u32,
}

impl NewFile {
    /// A private key: for its owner alone.
    pub(super) fn key(stem: &str, text: String) -> NewFile {
        NewFile {
            name: format!("{stem}.key"),
            text,
            mode: 0o600,
        }
    }

    /// A file of that whole name, for everyone.
    pub(super) fn public(name: &str, text: String) -> NewFile {
        NewFile {
            name: name.to_owned(),
            text,
            mode: 0o644,
        }
    }

    /// A certificate: for everyone.
    pub(super) fn certificate(stem: &str, text: String) -> NewFile {
        NewFile::public(&format!("{stem}.pem"), text)
    }
}

/// Refuses a NAME whose files would lie elsewhere, be the authority's own, or be awkward in a shell.
pub(super) fn check_name(name: &str) -> Result<(), PkiError> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.starts_with('.') || name.starts_with('-') {
        "it begins with a dot or a hyphen"
    } else if name.contains(['/', '\\']) {
        "a slash in it would lead out of the folder: the folder is given by --dir"
    } else if name.contains('*') {
        "an asterisk in a file name is awkward: choose another and give --dns with the asterisk"
    } else if name.contains(char::is_control) {
        "it holds a control character"
    } else if name.len() > STEM_BYTES_MAX {
        "it is longer than 200 bytes: choose a shorter one and give --dns with the long one"
    } else if [CA, INTERMEDIATE, CRL]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
    {
        "these files are the authority's own"
    } else {
        return Ok(());
    };
    Err(PkiError::FileName {
        name: name.to_owned(),
        why,
    })
}

impl Folder {
    pub(super) fn new(dir: &Path) -> Result<Folder, PkiError> {
        let path =
            std::path::absolute(dir).map_err(|error| PkiError::Read(dir.to_owned(), error))?;
        Ok(Folder { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn certificate(&self, stem: &str) -> PathBuf {
        self.path.join(format!("{stem}.pem"))
    }

    pub(super) fn key(&self, stem: &str) -> PathBuf {
        self.path.join(format!("{stem}.key"))
    }

    /// An early answer, before a key is made; [`Folder::write`] makes sure of it.
    pub(super) fn refuse_existing(&self, stems: &[&str]) -> Result<(), PkiError> {
        for stem in stems {
            for path in [self.certificate(stem), self.key(stem)] {
                // Not `exists`, which overlooks a link to nowhere.
                if path.symlink_metadata().is_ok() {
                    return Err(PkiError::Exists(path));
                }
            }
        }
        Ok(())
    }

    /// The intermediate if there is one, otherwise the root. The root's key is not needed for an
    /// intermediate.
    pub(super) fn signing_authority(&self, now: i64) -> Result<Signing, PkiError> {
        let root = self.certificate(CA);
        let root_pem = match std::fs::read_to_string(&root) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(PkiError::NoAuthority(self.path.clone()));
            }
            read => read.map_err(|error| PkiError::Read(root.clone(), error))?,
        };
        let has_intermediate = self.certificate(INTERMEDIATE).exists();
        let stem = if has_intermediate { INTERMEDIATE } else { CA };
        let path = self.certificate(stem);
        let unusable = |error| PkiError::Unusable {
            path: path.clone(),
            error,
        };
        let authority = self.authority(stem)?;
        if !authority.is_signed_by(&root_pem).map_err(unusable)? {
            return Err(PkiError::Unrelated {
                intermediate: path,
                root,
            });
        }
        let not_after = authority.not_after().map_err(unusable)?;
        if not_after <= now {
            return Err(PkiError::Ended { path, not_after });
        }
        Ok(Signing {
            authority,
            not_after,
        })
    }

    /// The authority of these two files.
    pub(super) fn authority(&self, stem: &str) -> Result<Authority, PkiError> {
        let path = self.certificate(stem);
        let authority = Authority::from_pem(&read(&path)?, &read(&self.key(stem))?);
        authority.map_err(|error| PkiError::Unusable { path, error })
    }

    /// The text of a file of the folder; none if there is no such file.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, PkiError> {
        let path = self.path.join(name);
        match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            read => Ok(Some(read.map_err(|error| PkiError::Read(path, error))?)),
        }
    }

    /// Removes the revocation lists and what they were made from, if they are there.
    pub(super) fn remove_lists(&self) -> Result<(), PkiError> {
        self.remove([self.certificate(CRL), self.path.join(REVOKED)])
    }

    /// Removes a pair of files if it is there.
    pub(super) fn remove_pair(&self, stem: &str) -> Result<(), PkiError> {
        self.remove([self.certificate(stem), self.key(stem)])
    }

    fn remove(&self, paths: [PathBuf; 2]) -> Result<(), PkiError> {
        for path in paths {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(PkiError::Write(path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes files so that each appears whole, with its final permissions from the first moment.
    /// All of them are on disk before the first one gets its name.
    pub(super) fn write(&self, files: &[NewFile], replace: bool) -> Result<(), PkiError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&self.path)
            .map_err(|error| PkiError::Write(self.path.clone(), error))?;
        let mut staged = Vec::with_capacity(files.len());
        for file in files {
            let path = self.path.join(&file.name);
            match self.stage(file) {
                Ok(temporary) => staged.push((temporary, path)),
                Err(error) => return Err(PkiError::Write(path, error)),
            }
        }
        for (temporary, path) in staged {
            give_name(temporary, path, replace)?;
        }
        Ok(())
    }

    fn stage(&self, file: &NewFile) -> io::Result<NamedTempFile> {
        let mut temporary = tempfile::Builder::new()
            .prefix(".new-")
            .permissions(Permissions::from_mode(file.mode))
            .tempfile_in(&self.path)?;
        temporary.write_all(file.text.as_bytes())?;
        temporary.as_file().sync_all()?;
        Ok(temporary)
    }
}

pub(super) fn read(path: &Path) -> Result<String, PkiError> {
    std::fs::read_to_string(path).map_err(|error| PkiError::Read(path.to_owned(), error))
}

fn give_name(temporary: NamedTempFile, path: PathBuf, replace: bool) -> Result<(), PkiError> {
    let named = if replace {
        temporary.persist(&path)
    } else {
        temporary.persist_noclobber(&path)
    };
    match named {
        Ok(_) => Ok(()),
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => {
            Err(PkiError::Exists(path))
        }
        Err(refused) => Err(PkiError::Write(path, refused.error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_that_came_in_between_is_not_overwritten() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path()).unwrap();
        let write = |text: &str, replace| {
            let file = NewFile::certificate("a", text.to_owned());
            folder.write(&[file], replace)
        };
        write("first", false).unwrap();
        assert!(matches!(write("second", false), Err(PkiError::Exists(_))));
        let path = folder.certificate("a");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first");
        write("third", true).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "third");
        let left = std::fs::read_dir(place.path()).unwrap().count();
        assert_eq!(left, 1, "nothing unfinished stays behind");
    }

    #[test]
    fn paths_are_told_from_the_root_on() {
        assert!(Folder::new(Path::new("pki")).unwrap().path().is_absolute());
    }
}
