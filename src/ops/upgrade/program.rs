//! What is to be started, and whether it is another one by now.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// This very program's file, also when nothing has its name any more.
pub(super) const RUNNING: &str = "/proc/self/exe";

/// A program's file by the name under which it was started, and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Program {
    /// Where a newer one will be: links are followed when it is started, and not before.
    pub(super) path: PathBuf,
    /// The first is what it was called.
    pub(super) words: Vec<OsString>,
}

impl Program {
    /// As this process was started.
    pub(super) fn of_process() -> Program {
        let words: Vec<_> = env::args_os().collect();
        let called = words.first().map(OsString::as_os_str).unwrap_or_default();
        let folder = env::current_dir().unwrap_or_default();
        let path = env::var_os("PATH").unwrap_or_default();
        let named = candidates(called, &folder, &path);
        // Somebody may have called it what it is not.
        let running = place(Path::new(RUNNING));
        let path = named.into_iter().find(|path| place(path) == running);
        let path = path.or_else(|| env::current_exe().ok()).unwrap_or_default();
        Program { path, words }
    }

    /// Whether another file is in its place than the one that runs.
    pub(super) fn is_replaced(&self) -> bool {
        let there = place(&self.path);
        there.is_some() && there != place(Path::new(RUNNING))
    }
}

/// The files that a shell would take this name for.
fn candidates(called: &OsStr, folder: &Path, path: &OsStr) -> Vec<PathBuf> {
    let has_folder = Path::new(called).components().count() > 1;
    match has_folder {
        true => vec![folder.join(called)],
        false => {
            let folders = env::split_paths(path);
            let folders = folders.map(|own| folder.join(own));
            folders.map(|own| own.join(called)).collect()
        }
    }
}

/// Device and inode; none if there is nothing.
fn place(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_the_files_that_a_shell_would_take_it_for() {
        let of = |called: &str| {
            let files = candidates(
                OsStr::new(called),
                Path::new("/at"),
                OsStr::new("/usr/bin:own"),
            );
            let files = files.iter().map(|path| path.display().to_string());
            files.collect::<Vec<_>>()
        };
        assert_eq!(of("/opt/bin/it"), ["/opt/bin/it"]);
        assert_eq!(of("./it"), ["/at/./it"]);
        assert_eq!(of("bin/it"), ["/at/bin/it"]);
        assert_eq!(of("it"), ["/usr/bin/it", "/at/own/it"]);
    }
}
