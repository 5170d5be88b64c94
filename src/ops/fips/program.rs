//! The running program and its module as files, and what they were built from.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Serialize;

use crate::tls;

/// The running program's file and what it was built with.
#[derive(Debug, Serialize)]
pub struct Program {
    /// Its version.
    pub version: &'static str,
    /// The SHA-256 of the file that runs.
    pub sha256: Option<String>,
    /// The compiler.
    pub rustc: &'static str,
    /// What it was compiled for.
    pub target: &'static str,
    /// `release` or `debug`.
    pub build: &'static str,
    /// The features that were chosen.
    pub features: &'static str,
    /// The TLS library and its version.
    pub tls_library: String,
    /// Every crate that is in it, as `name version`; none if the build could not tell.
    pub crates: Option<Vec<String>>,
}

/// A module that is a file of its own, as OpenSSL's is.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ModuleFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its SHA-256; none if it cannot be read, or no longer lies there.
    pub sha256: Option<String>,
}

impl ModuleFile {
    /// The one that is in this process, whatever a configuration of the library says.
    pub(super) fn mapped() -> Option<ModuleFile> {
        ModuleFile::among(&fs::read_to_string("/proc/self/maps").ok()?)
    }

    /// `maps` has a line for each piece of memory, which ends with the file that it is from (proc(5)).
    fn among(maps: &str) -> Option<ModuleFile> {
        const NAME: &str = "fips.so";
        const GONE: &str = " (deleted)";
        let mut files = maps
            .lines()
            .filter_map(|line| Some(&line[line.find('/')?..]));
        let file = files.find(|file| {
            let path = Path::new(file.strip_suffix(GONE).unwrap_or(file));
            path.file_name().is_some_and(|name| name == NAME)
        })?;
        // Another one may lie in the place of one that is gone.
        let is_there = !file.ends_with(GONE);
        Some(ModuleFile {
            path: PathBuf::from(file),
            sha256: is_there.then(|| sha256_of(Path::new(file))).flatten(),
        })
    }
}

/// The program that runs.
pub(super) fn program() -> Program {
    // What runs stays the same, and is large.
    static SHA256: OnceLock<Option<String>> = OnceLock::new();
    let unknown = "unknown";
    Program {
        version: env!("CARGO_PKG_VERSION"),
        sha256: SHA256
            .get_or_init(|| sha256_of(Path::new("/proc/self/exe")))
            .clone(),
        rustc: option_env!("PERSONA_RUSTC").unwrap_or(unknown),
        target: option_env!("PERSONA_TARGET").unwrap_or(unknown),
        build: option_env!("PERSONA_BUILD").unwrap_or(unknown),
        features: option_env!("PERSONA_FEATURES").unwrap_or(unknown),
        tls_library: tls::library_version(),
        crates: option_env!("PERSONA_CRATES").map(listed),
    }
}

/// What the build has noted with commas in between.
fn listed(text: &str) -> Vec<String> {
    text.split(", ").map(str::to_owned).collect()
}

fn sha256_of(path: &Path) -> Option<String> {
    fs::read(path).ok().map(|bytes| tls::sha256_hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_told_by_the_file_that_is_mapped_and_not_by_one_in_its_place()
    -> std::io::Result<()> {
        let folder = tempfile::TempDir::new()?;
        let path = folder.path().join("fips.so");
        fs::write(&path, "module")?;
        let before = "55d0-55d1 r-xp 00000000 fe:00 7 /usr/lib/notfips.so\n7ffd-7ffe rw-p 00000000 00:00 0 \
                      [stack]\n";
        let told = |end: &str| {
            let line = format!(
                "7f00-7f01 r-xp 00001000 fe:00 8    {}{end}\n",
                path.display()
            );
            ModuleFile::among(&format!("{before}{line}"))
        };
        let file = told("");
        assert_eq!(file.as_ref().map(|file| &file.path), Some(&path));
        let hash = tls::sha256_hex(b"module");
        assert_eq!(file.and_then(|file| file.sha256), Some(hash));
        assert_eq!(told(" (deleted)").map(|file| file.sha256), Some(None));
        assert_eq!(ModuleFile::among(before), None);
        Ok(())
    }

    #[test]
    fn the_crates_are_those_of_this_build_alone() {
        let crates = option_env!("PERSONA_CRATES")
            .map(listed)
            .unwrap_or_default();
        let has = |name: &str| crates.iter().any(|one| one.split(' ').next() == Some(name));
        let is_boring = cfg!(feature = "boringssl");
        assert_eq!([has("boring"), has("boring-sys")], [is_boring; 2]);
        assert_eq!([has("openssl"), has("openssl-sys")], [!is_boring; 2]);
        assert!(has("mtls-persona") && has("mio") && has("serde"));
        // What only builds it or stands beside it.
        for other in ["bindgen", "cc", "serde_derive", "windows-sys", "wasip2"] {
            assert!(!has(other), "{other}");
        }
    }
}
