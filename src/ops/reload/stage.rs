//! What a load would serve: read, and then proven.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{self, Config, Pair, TlsFiles};
use crate::conn::Contents;
use crate::ops::credentials::{Checked, Files, prove};
use crate::tls::{Credentials, Profile};

/// A configuration with the content of every file that it names.
pub(in crate::ops) struct Staged {
    pub(in crate::ops) config: Config,
    files: Files,
    /// Of the configuration and of all content: with the same one a load comes to the same, but for what
    /// time changes.
    pub(in crate::ops) fingerprint: u64,
}

/// A configuration that cannot be read.
pub(in crate::ops) struct Unreadable {
    pub(in crate::ops) problems: Vec<String>,
    pub(in crate::ops) fingerprint: u64,
}

/// What is to be served.
pub(in crate::ops) struct Proven {
    pub(in crate::ops) config: Config,
    /// Of each pair, in order.
    pub(in crate::ops) states: Vec<(Arc<Credentials>, Contents)>,
    pub(in crate::ops) warnings: Vec<String>,
}

impl Staged {
    /// Reads the configuration and every file that it names.
    pub(in crate::ops) fn read(path: &Path) -> Result<Staged, Unreadable> {
        match config::load(path) {
            Ok(loaded) => {
                let mut staged = Staged::of(loaded.config);
                let warnings = loaded.warnings.iter();
                let told = warnings.map(|warning| format!("{}: {warning}", path.display()));
                staged.files.warnings.extend(told);
                Ok(staged)
            }
            Err(problems) => {
                let problems: Vec<_> = problems.to_string().lines().map(str::to_owned).collect();
                let fingerprint = hash_of(&problems);
                Err(Unreadable {
                    problems,
                    fingerprint,
                })
            }
        }
    }

    /// Reads every file that a configuration names.
    pub(in crate::ops) fn of(config: Config) -> Staged {
        let mut files = Files::default();
        let paths = files_of(&config.pairs);
        let contents: Vec<_> = paths.iter().map(|path| files.hash(path)).collect();
        // The model's text says all that there is in it, whatever way it was written.
        let fingerprint = hash_of(&(format!("{config:?}"), contents));
        Staged {
            config,
            files,
            fingerprint,
        }
    }

    /// Proves every pair's credentials, which have to fit the profile. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Every problem, as a line `file: what: what to do`.
    pub(in crate::ops) fn prove(
        mut self,
        profile: Profile,
        now: i64,
    ) -> Result<Proven, Vec<String>> {
        let tls = self.config.pairs.iter().map(|pair| &pair.tls);
        let contents: Vec<_> = tls.map(|tls| contents(&mut self.files, tls)).collect();
        let Checked {
            credentials,
            warnings,
        } = prove(&self.config.pairs, self.files, profile, now)?;
        Ok(Proven {
            config: self.config,
            states: credentials.into_iter().zip(contents).collect(),
            warnings,
        })
    }
}

fn contents(files: &mut Files, tls: &TlsFiles) -> Contents {
    let mut hash = |path: &PathBuf| files.hash(path);
    let own = [hash(&tls.cert), hash(&tls.key)];
    let trust: Vec<_> = tls.ca.iter().map(&mut hash).collect();
    let lists: Vec<_> = tls.revocation.crl.iter().map(&mut hash).collect();
    Contents {
        identity: hash_of(&(own, trust)),
        lists: hash_of(&lists),
    }
}

/// Every file that pairs name.
pub(super) fn files_of(pairs: &[Pair]) -> BTreeSet<PathBuf> {
    let files = pairs.iter().flat_map(|pair| {
        let TlsFiles {
            cert,
            key,
            ca,
            revocation,
            ..
        } = &pair.tls;
        [cert, key].into_iter().chain(ca).chain(&revocation.crl)
    });
    files.cloned().collect()
}

fn hash_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
