//! Reads the configured files and lets `tls` prove what is in them.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{self, Pair, TlsFiles, TlsVersion};
use crate::tls::{
    Credentials, CrlScope, Material, MinVersion, OnStaleCrl, PemFile, Profile, Resumption,
    Revocation, Role,
};

/// Far beyond every real trust file, and small enough to hold a mistaken path to something endless.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a load found.
pub struct Checked {
    /// The credentials of each pair, in order.
    pub credentials: Vec<Arc<Credentials>>,
    /// What works but should be looked at, as lines.
    pub warnings: Vec<String>,
}

/// Reads every file once and proves every pair's credentials. `now` is in seconds since 1970.
///
/// # Errors
/// Every problem, as a line `file: what: what to do`.
pub fn check_credentials<'a>(
    pairs: impl IntoIterator<Item = &'a Pair>,
    profile: Profile,
    now: i64,
) -> Result<Checked, Vec<String>> {
    let terms = Terms {
        profile,
        now,
        served: &|_, _| Served::Not,
        makes_anew: true,
    };
    prove(pairs, Files::default(), terms)
}

/// How credentials are proven.
pub(super) struct Terms<'a> {
    /// What they have to fit.
    pub(super) profile: Profile,
    /// In seconds since 1970.
    pub(super) now: i64,
    /// What of these files is served already.
    pub(super) served: &'a dyn Fn(&TlsFiles, &[Role]) -> Served,
    /// Whether what is served as a whole is proven and made again all the same.
    pub(super) makes_anew: bool,
}

/// What of a pair's files is served already, with that very content.
pub(super) enum Served {
    /// All of it, by these.
    Whole(Arc<Credentials>),
    /// Certificate, key and trust; the lists are other ones.
    Identity,
    /// Not all of that.
    Not,
}

/// As [`check_credentials`], with files of which some may have been read already.
pub(super) fn prove<'a>(
    pairs: impl IntoIterator<Item = &'a Pair>,
    mut files: Files,
    terms: Terms<'_>,
) -> Result<Checked, Vec<String>> {
    let mut proven: HashMap<(&TlsFiles, &[Role]), Arc<Credentials>> = HashMap::new();
    let mut credentials = Vec::new();
    let mut warnings = Vec::new();
    for pair in pairs {
        let roles = roles(pair);
        let key = (&pair.tls, roles);
        if let Some(known) = proven.get(&key) {
            credentials.push(Arc::clone(known));
            continue;
        }
        let Some(material) = files.material(&pair.tls, terms.profile) else {
            continue;
        };
        let served = (terms.served)(&pair.tls, roles);
        let made = match served {
            Served::Whole(credentials) if !terms.makes_anew => Ok(credentials),
            Served::Not => Credentials::prove(&material, roles, terms.now).map(Arc::new),
            _ => Credentials::prove_served(&material, roles, terms.now).map(Arc::new),
        };
        match made {
            Ok(made) => {
                warnings.extend(made.warnings.iter().cloned());
                proven.insert(key, Arc::clone(&made));
                credentials.push(made);
            }
            Err(error) => files.problems.extend(error.0),
        }
    }
    if files.problems.is_empty() {
        warnings.extend(files.warnings);
        // Many pairs may name one file.
        let mut told = HashSet::new();
        warnings.retain(|warning| told.insert(warning.clone()));
        Ok(Checked {
            credentials,
            warnings,
        })
    } else {
        files.problems.dedup();
        Err(files.problems)
    }
}

/// What a pair's certificate has to be good for.
pub(super) fn roles(pair: &Pair) -> &'static [Role] {
    match (pair.mode.inbound_tls(), pair.outbound_tls()) {
        (true, true) => &[Role::Server, Role::Client],
        (true, false) => &[Role::Server],
        (false, _) => &[Role::Client],
    }
}

/// Files by path, each read once, so that one load sees one state of each.
#[derive(Default)]
pub(super) struct Files {
    read: HashMap<PathBuf, Result<Vec<u8>, String>>,
    problems: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Files {
    /// The files of a pair; none if one of them cannot be read, which is noted.
    fn material(&mut self, files: &TlsFiles, profile: Profile) -> Option<Material> {
        let [cert, key] = self.identity(files);
        let ca: Vec<_> = files.ca.iter().map(|path| self.pem(path)).collect();
        let crl = files.revocation.crl.iter().map(|path| self.pem(path));
        let crl: Vec<_> = crl.collect();
        Some(Material {
            cert: cert?,
            key: key?,
            ca: ca.into_iter().collect::<Option<_>>()?,
            pins: files.pins.clone(),
            min_version: match files.min_version {
                TlsVersion::Tls12 => MinVersion::Tls12,
                TlsVersion::Tls13 => MinVersion::Tls13,
            },
            resumption: resumption(files.resumption, profile),
            profile,
            revocation: revocation(&files.revocation, crl.into_iter().collect::<Option<_>>()?),
        })
    }

    /// Certificate and key of a pair.
    fn identity(&mut self, files: &TlsFiles) -> [Option<PemFile>; 2] {
        let Some(given) = &files.given else {
            self.look_at_permissions(&files.key);
            return [&files.cert, &files.key].map(|path| self.pem(path));
        };
        let named = [(&files.cert, &given.cert), (&files.key, &given.key)];
        named.map(|(name, pem)| {
            Some(PemFile {
                path: name.display().to_string(),
                bytes: pem.0.clone().into_bytes(),
            })
        })
    }

    fn pem(&mut self, path: &Path) -> Option<PemFile> {
        let name = path.display().to_string();
        match self.content(path).clone() {
            Ok(bytes) => Some(PemFile { path: name, bytes }),
            Err(what) => {
                let problem = format!("{name}: {what}");
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
                None
            }
        }
    }

    /// A fingerprint of a file's content, or of why it cannot be read.
    pub(super) fn hash(&mut self, path: &Path) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.content(path).hash(&mut hasher);
        hasher.finish()
    }

    fn content(&mut self, path: &Path) -> &Result<Vec<u8>, String> {
        let content = self.read.entry(path.to_owned());
        content.or_insert_with(|| read_bounded(path))
    }

    fn look_at_permissions(&mut self, key: &Path) {
        let mode = fs::metadata(key).map(|metadata| metadata.permissions().mode());
        if let Some(who) = mode.ok().and_then(who_has_access) {
            let key = key.display();
            self.warnings.push(format!("{key}: {who}: chmod 600"));
        }
    }
}

/// What becomes of a configuration's word on resumption: under FIPS it is off unless it is asked for.
pub(super) fn resumption(wanted: config::Resumption, profile: Profile) -> Resumption {
    match wanted {
        config::Resumption::On => Resumption::On,
        config::Resumption::Usual if !profile.is_fips() => Resumption::On,
        config::Resumption::Usual | config::Resumption::Off => Resumption::Off,
    }
}

fn revocation(policy: &config::Revocation, crl: Vec<PemFile>) -> Revocation {
    Revocation {
        crl,
        scope: match policy.scope {
            config::CrlScope::Chain => CrlScope::Chain,
            config::CrlScope::Leaf => CrlScope::Leaf,
        },
        on_stale: match policy.on_stale {
            config::OnStaleCrl::Fail => OnStaleCrl::Fail,
            config::OnStaleCrl::Warn => OnStaleCrl::Warn,
            config::OnStaleCrl::Grace(grace) => OnStaleCrl::Grace(grace),
        },
    }
}

/// Who has access to a private key that should have none, by the mode of its file. That a group may read
/// it is common, and may be meant.
fn who_has_access(mode: u32) -> Option<&'static str> {
    const OTHERS: u32 = 0o007;
    const GROUP_WRITES: u32 = 0o020;
    match mode {
        _ if mode & OTHERS != 0 => Some("every user of this machine has access to it"),
        _ if mode & GROUP_WRITES != 0 => Some("every user of its group can replace it"),
        _ => None,
    }
}

/// The bytes of a file, or why it cannot be had.
pub(super) fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let metadata = fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() {
        return Err("is not a file: name a PEM file".to_owned());
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(format!(
            "is larger than {FILE_BYTES_MAX} bytes: name a PEM file"
        ));
    }
    fs::read(path).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_fips_sessions_are_resumed_only_where_that_is_written_down() {
        use config::Resumption::{Off, On, Usual};
        for profile in [Profile::Ordinary, Profile::Fips, Profile::FipsPq] {
            assert_eq!(resumption(On, profile), Resumption::On);
            assert_eq!(resumption(Off, profile), Resumption::Off);
        }
        assert_eq!(resumption(Usual, Profile::Ordinary), Resumption::On);
        for profile in [Profile::Fips, Profile::FipsPq] {
            assert_eq!(resumption(Usual, profile), Resumption::Off);
        }
    }

    #[test]
    fn a_key_is_for_its_owner_and_may_be_read_by_its_group() {
        let told = |mode: u32| who_has_access(0o100_000 | mode).map(|who| who.contains("group"));
        for mode in [0o400, 0o600, 0o640, 0o440, 0o700, 0o710] {
            assert_eq!(told(mode), None, "{mode:o}");
        }
        for mode in [0o620, 0o660, 0o670] {
            assert_eq!(told(mode), Some(true), "{mode:o}");
        }
        for mode in [0o604, 0o602, 0o601, 0o666] {
            assert_eq!(told(mode), Some(false), "{mode:o}");
        }
    }
}
