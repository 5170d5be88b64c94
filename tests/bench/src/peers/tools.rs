//! What the programs' configurations have in common.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Setup;

/// The one cipher suite, as OpenSSL would prefer AES-256. BoringSSL cannot be told: it offers
/// AES-128 first where the processor has instructions for it, but takes what its client prefers or
/// its server picks. So the other ends of the measured programs must prefer this one too.
pub(super) const SUITE: &str = "TLS_AES_128_GCM_SHA256";
/// The group of every key exchange but those of a FIPS module: the default of all of them now, and
/// one with another would compare groups.
pub(crate) const GROUP: &str = "X25519";
/// The group of those, as FIPS does not allow the other.
pub(crate) const FIPS_GROUP: &str = "P-256";
/// Worker threads or processes.
pub(super) const WORKERS: u32 = 2;
/// Buffer of one direction of a connection, where it can be chosen.
pub(super) const BUFFER: u32 = 64 * 1024;
/// Connections that wait to be accepted; the system may know a lower bound of its own.
pub(super) const BACKLOG: u32 = 4096;
/// Seconds until a connect is given up.
pub(super) const CONNECT_SECONDS: u32 = 10;
/// Seconds without a byte until a connection is ended: longer than any measurement.
pub(super) const IDLE_SECONDS: u32 = 3600;
/// TLS sessions that are kept for resumption.
pub(super) const SESSIONS: u32 = 20_000;

/// More connections than any measurement has.
const MOST_CONNECTIONS: u64 = 9_500;
/// What a program has open besides its connections.
const OTHER_DESCRIPTORS: u64 = 200;

/// How many connections a program is told to expect: two descriptors each, and there are not more
/// than the system gives.
pub(super) fn connections() -> u64 {
    let pairs = descriptors().saturating_sub(OTHER_DESCRIPTORS) / 2;
    pairs.clamp(1, MOST_CONNECTIONS)
}

/// Descriptors that a program may have, no more than it can use.
pub(super) fn descriptors() -> u64 {
    let enough = 2 * MOST_CONNECTIONS + OTHER_DESCRIPTORS;
    hard_limit().map_or(enough, |limit| limit.min(enough))
}

/// The system's bound on descriptors; none if it is unlimited or not told.
fn hard_limit() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.strip_prefix("Max open files");
    let line = line.or_else(|| limits.split("\nMax open files").nth(1))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Whether root runs this.
pub(super) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

// ---- files of a setup ---------------------------------------------------------------------------

/// The paths of a setup as texts that can stand in any of the configurations.
pub(super) struct Files {
    /// Where the program's own files go.
    pub folder: String,
    /// The authority.
    pub ca: String,
    /// The program's certificate.
    pub cert: String,
    /// Its private key.
    pub key: String,
}

impl Files {
    /// Absolute, since some programs count from their configuration's folder.
    pub(super) fn of(setup: &Setup<'_>) -> io::Result<Files> {
        let (cert, key) = setup.pki.own(setup.mode);
        Ok(Files {
            folder: plain(setup.folder)?,
            ca: plain(&setup.pki.ca)?,
            cert: plain(cert)?,
            key: plain(key)?,
        })
    }

    /// The configuration as that file; gives its path.
    pub(super) fn config(&self, name: &str, text: &str) -> io::Result<String> {
        self.write(name, text.as_bytes())
    }

    /// Certificate and key in one file, for the programs that want them so; gives its path.
    pub(super) fn identity(&self) -> io::Result<String> {
        let mut both = fs::read(&self.cert)?;
        both.push(b'\n');
        both.extend(fs::read(&self.key)?);
        self.write("identity.pem", &both)
    }

    /// For nobody else to read: it may hold a key.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<String> {
        let path = format!("{}/{name}", self.folder);
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&path)?.write_all(bytes)?;
        Ok(path)
    }
}

/// The absolute path. Each configuration quotes in its own way, so a path that any of them would
/// have to quote is refused.
fn plain(path: &Path) -> io::Result<String> {
    let path = std::path::absolute(path)?;
    let text = path.to_str().filter(|text| text.chars().all(is_plain));
    let text = text.ok_or_else(|| {
        let text = format!("a path may hold no quotes or such: {}", path.display());
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })?;
    Ok(text.to_owned())
}

fn is_plain(char: char) -> bool {
    char.is_alphanumeric() || "/._-+=@, ".contains(char)
}

// ---- finding programs ---------------------------------------------------------------------------

/// The program of that name on the `PATH`, or where Debian keeps servers, which an ordinary user's
/// `PATH` does not have.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let servers = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut files = std::env::split_paths(&path).chain(servers);
    files.find_map(|folder| program(&folder.join(name)))
}

/// That file of the source tree around the current folder, or else around this package.
pub(super) fn in_tree(file: &str) -> Option<PathBuf> {
    let current = std::env::current_dir().unwrap_or_default();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = current.ancestors().chain(package.ancestors());
    folders.find_map(|folder| program(&folder.join(file)))
}

/// The absolute path of that file, if it is one that can be run.
pub(super) fn program(file: &Path) -> Option<PathBuf> {
    let about = fs::metadata(file).ok()?;
    let can_run = about.is_file() && about.mode() & 0o111 != 0;
    can_run.then(|| std::path::absolute(file).ok()).flatten()
}

// ---- versions -----------------------------------------------------------------------------------

/// All that the program says with that word, on either stream.
pub(super) fn said(program: &Path, word: &str) -> Result<String, String> {
    let mut command = Command::new(program);
    let output = command.arg(word).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{} {word}: {error}", program.display()))?;
    let streams = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&streams).into_owned())
}

/// The words that follow the marker, as many as asked for.
pub(super) fn words_after(text: &str, marker: &str, count: usize) -> Option<String> {
    let (_, rest) = text.split_once(marker)?;
    let words: Vec<_> = rest.split_whitespace().take(count).collect();
    (words.len() == count).then(|| words.join(" "))
}

/// The version of OpenSSL in the shared library that the program is linked with, for a program that
/// does not tell it. The library has it as a text such as `OpenSSL 3.0.17 1 Jul 2025`.
pub(super) fn linked_openssl(program: &Path) -> Option<String> {
    let output = Command::new("ldd").arg(program).output().ok()?;
    let linked = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = linked.lines().find(|line| line.contains("libcrypto.so"))?;
    let library = fs::read(words_after(line, "=>", 1)?).ok()?;
    let pieces = library.split(|byte| *byte == 0);
    let texts = pieces.filter_map(|piece| std::str::from_utf8(piece).ok());
    texts.map(str::trim).find_map(openssl_version)
}

fn openssl_version(text: &str) -> Option<String> {
    let number = words_after(text.strip_prefix("OpenSSL ")?, "", 1)?;
    let is_version = number.starts_with(|char: char| char.is_ascii_digit()) && number.contains('.');
    is_version.then(|| format!("OpenSSL {number}"))
}

/// The error of a program whose words were not understood.
pub(super) fn not_understood(what: &str, said: &str) -> String {
    let line = said.lines().find(|line| !line.trim().is_empty());
    format!("no {what} in what it says: {}", line.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_behind_their_marker() {
        let said = "nginx version: nginx/1.22.1\nbuilt with OpenSSL 3.0.22 25 Aug 2026 (running";
        assert_eq!(words_after(said, "nginx/", 1).as_deref(), Some("1.22.1"));
        let library = words_after(said, "built with ", 2);
        assert_eq!(library.as_deref(), Some("OpenSSL 3.0.22"));
        assert_eq!(words_after(said, "running with ", 2), None);
        assert_eq!(words_after("only one", "only ", 2), None);
    }

    #[test]
    fn only_a_version_is_one() {
        let version = openssl_version("OpenSSL 3.0.17 1 Jul 2025");
        assert_eq!(version.as_deref(), Some("OpenSSL 3.0.17"));
        assert_eq!(openssl_version("OpenSSL PKCS#3 DH method"), None);
        assert_eq!(openssl_version("OpenSSL 3 family"), None);
    }

    #[test]
    fn a_path_that_needs_quotes_is_refused() {
        for path in ["/a/b\"c", "/a/b#c", "/a/$b", "/a/b;c", "/a/b\nc", "/a\\b"] {
            let error = plain(Path::new(path)).map_err(|error| error.kind());
            assert_eq!(error, Err(io::ErrorKind::InvalidInput), "{path}");
        }
        assert_eq!(
            plain(Path::new("/a b/c-1.pem")).ok().as_deref(),
            Some("/a b/c-1.pem")
        );
    }
}
