//! What a load would serve: read, and then proven.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Config, Pair, Source, TlsFiles};
use crate::conn::Contents;
use crate::ops::credentials::{Checked, Files, Served, Terms, prove, roles};
use crate::ops::fips::ConfigFile;
use crate::reactor::Generation;
use crate::tls::{Credentials, Profile, Role};

/// A configuration with the content of every file that it names.
pub(in crate::ops) struct Staged {
    pub(in crate::ops) config: Config,
    /// What that was read from.
    pub(in crate::ops) sources: Vec<ConfigFile>,
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
    pub(in crate::ops) fn read(source: &Source) -> Result<Staged, Unreadable> {
        match source.load() {
            Ok(loaded) => {
                let sources = ConfigFile::of(&loaded);
                let mut staged = Staged::of(loaded.config, sources);
                let told = loaded.warnings.iter().map(ToString::to_string);
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

    /// Reads every file that a configuration names; `sources` are what it was read from itself.
    pub(in crate::ops) fn of(config: Config, sources: Vec<ConfigFile>) -> Staged {
        let mut files = Files::default();
        let paths = files_of(&config.pairs);
        let contents: Vec<_> = paths.iter().map(|path| files.hash(path)).collect();
        // The model's text says all that there is in it, whatever way it was written.
        let fingerprint = hash_of(&(format!("{config:?}"), contents));
        Staged {
            config,
            sources,
            files,
            fingerprint,
        }
    }

    /// Proves every pair's credentials, which have to fit the profile. `now` is in seconds since 1970. Those
    /// that are served already, of files that have not changed, go on as they are, unless all are to be made
    /// anew; and they go on if time alone has turned against them.
    ///
    /// # Errors
    /// Every problem, as a line `file: what: what to do`.
    pub(in crate::ops) fn prove(
        mut self,
        profile: Profile,
        now: i64,
        served: &Generation,
        makes_anew: bool,
    ) -> Result<Proven, Vec<String>> {
        unserved(&self.config)?;
        let tls = self.config.pairs.iter().map(|pair| &pair.tls);
        let contents: Vec<_> = tls.map(|tls| contents(&mut self.files, tls)).collect();
        let of_pair = |tls: &TlsFiles, of_roles: &[Role]| {
            let mut pairs = self.config.pairs.iter().zip(&contents);
            match pairs.find(|(pair, _)| pair.tls == *tls) {
                Some((_, contents)) => served_of(served, (tls, of_roles), *contents),
                None => Served::Not,
            }
        };
        let terms = Terms {
            profile,
            now,
            served: &of_pair,
            makes_anew,
        };
        let Checked {
            credentials,
            warnings,
        } = prove(&self.config.pairs, self.files, terms)?;
        Ok(Proven {
            config: self.config,
            states: credentials.into_iter().zip(contents).collect(),
            warnings,
        })
    }
}

/// Tells of pairs that this build cannot serve.
fn unserved(config: &Config) -> Result<(), Vec<String>> {
    if cfg!(feature = "postgres") {
        return Ok(());
    }
    let mut connectors = config.pairs.iter().filter(|pair| pair.directory.is_some());
    match connectors.next() {
        None => Ok(()),
        Some(pair) => Err(vec![format!(
            "pair {:?}: this build serves no connectors",
            pair.name
        )]),
    }
}

/// What of a pair's files a generation has.
fn served_of(
    generation: &Generation,
    (tls, of_roles): (&TlsFiles, &[Role]),
    contents: Contents,
) -> Served {
    let mut found = Served::Not;
    for post in generation.posts() {
        let state = &post.served;
        if state.pair.tls != *tls
            || roles(&state.pair) != of_roles
            || state.contents.identity != contents.identity
        {
            continue;
        }
        if state.contents == contents {
            return Served::Whole(Arc::clone(&state.credentials));
        }
        found = Served::Identity;
    }
    found
}

fn contents(files: &mut Files, tls: &TlsFiles) -> Contents {
    let mut hash = |path: &PathBuf| files.hash(path);
    // What is in no file is a part of the configuration, and changes with that.
    let own: Vec<_> = tls.own_files().into_iter().map(&mut hash).collect();
    let trust: Vec<_> = tls.ca.iter().map(&mut hash).collect();
    let lists: Vec<_> = tls.revocation.crl.iter().map(&mut hash).collect();
    Contents {
        identity: hash_of(&(own, trust)),
        lists: hash_of(&lists),
    }
}

/// Every file that pairs name.
pub(in crate::ops) fn files_of(pairs: &[Pair]) -> BTreeSet<PathBuf> {
    let files = pairs.iter().flat_map(|pair| {
        let TlsFiles { ca, revocation, .. } = &pair.tls;
        let own = pair.tls.own_files().into_iter();
        own.chain(ca).chain(&revocation.crl)
    });
    files.cloned().collect()
}

fn hash_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
