//! What there is to show of FIPS, as one document.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use super::guard::ProofBoard;
use super::program::{ModuleFile, Program, program};
use super::standing::{Effect, HostFlag, Standing};
use crate::config::{Fips, Loaded, Pair, TlsVersion};
use crate::ops::credentials::{check_credentials, resumption};
use crate::tls::{self, FipsFacts, FipsModule, Profile, Resumption, Seen};

/// What a program, a module and a configuration can be told by. Times are in UTC, hashes in hexadecimal.
#[derive(Debug, Serialize)]
pub struct Evidence {
    /// The program.
    pub program: Program,
    /// The machine.
    pub host: Host,
    /// The module; none if the library has none in use.
    pub module: Option<Module>,
    /// What the module has proven.
    pub proof: Proven,
    /// What is configured, where a configuration was given.
    pub configuration: Option<Configured>,
    /// How often a running program has negotiated what since its start, of each kind by the words of the TLS
    /// registry; none of any other.
    pub negotiated: Option<BTreeMap<&'static str, BTreeMap<&'static str, u64>>>,
}

/// The machine.
#[derive(Debug, Serialize)]
pub struct Host {
    /// Whether its kernel is in FIPS mode.
    pub fips_flag: &'static str,
    /// The kernel's release.
    pub kernel: Option<String>,
}

/// The module in its own words.
#[derive(Debug, Serialize)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// `FIPS update stream`, or the version that it names.
    pub version: String,
    /// The hash of its code by which it tests itself.
    pub hash: Option<String>,
    /// The file that it is, if it is one of its own.
    pub file: Option<ModuleFile>,
    /// What it was built from and with.
    pub build: Option<String>,
    /// The algorithms that it calls its own.
    pub algorithms: Vec<String>,
}

/// A proof.
#[derive(Debug, Serialize)]
pub struct Proven {
    /// When.
    pub at: String,
    /// Whether it holds.
    pub holds: bool,
    /// What keeps it from that.
    pub fault: Option<&'static str>,
    /// Its steps.
    pub steps: Vec<ProofStep>,
}

/// A step of a proof.
#[derive(Debug, Serialize)]
pub struct ProofStep {
    /// What is so if it is passed.
    pub what: &'static str,
    /// Whether it is.
    pub passed: bool,
}

/// A configuration.
#[derive(Debug, Serialize)]
pub struct Configured {
    /// Its file, if it is from one.
    pub file: Option<PathBuf>,
    /// The SHA-256 of what was read there.
    pub sha256: Option<String>,
    /// Files that belong to it, as one of the older forms has them.
    pub beside: Vec<ConfigFile>,
    /// The word on FIPS: that of the command line, or else its own.
    pub fips: String,
    /// Whether it asks for hybrids with ML-KEM.
    pub fips_pq: bool,
    /// Whether FIPS is to be in effect with it, by that word or, if that is `auto`, by the host.
    pub asked_for: bool,
    /// Whether FIPS is in effect with it.
    pub in_effect: bool,
    /// The line that the log has, or why the program does not run with it.
    pub verdict: String,
    /// What is wrong with the certificates, keys and lists that it names, for which the program does not
    /// run with it.
    pub problems: Vec<String>,
    /// What each pair may negotiate; none if FIPS is wanted and not to be had.
    pub pairs: Vec<Negotiable>,
}

/// What it comes to, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A program with that configuration would run as it says; without a configuration, the proof holds.
    Good,
    /// FIPS is asked for and not in effect.
    NotInEffect,
    /// Something is wrong with the files that the configuration names.
    Wrong,
}

/// A file of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigFile {
    /// Where it lies.
    pub file: PathBuf,
    /// The SHA-256 of what was read there, which may be something else by now.
    pub sha256: String,
}

impl ConfigFile {
    /// What a configuration was read from.
    pub fn of(loaded: &Loaded) -> Vec<ConfigFile> {
        let files = loaded.files.iter().map(|read| ConfigFile {
            file: read.path.clone(),
            sha256: tls::sha256_hex(read.text.as_bytes()),
        });
        files.collect()
    }
}

/// What a pair may negotiate.
#[derive(Debug, Serialize)]
pub struct Negotiable {
    /// Its name.
    pub name: String,
    /// Which of its legs are TLS.
    pub mode: String,
    /// Versions of TLS.
    pub versions: Vec<&'static str>,
    /// Cipher suites.
    pub suites: Vec<&'static str>,
    /// Key exchange groups.
    pub groups: Vec<&'static str>,
    /// Signature algorithms of handshakes.
    pub signatures: Vec<&'static str>,
    /// What becomes of TLS 1.2 without the extended master secret.
    pub without_extended_master_secret: &'static str,
    /// Whether sessions are resumed.
    pub resumption: bool,
}

impl Evidence {
    /// Looks at everything anew, as a start would. `now` is in seconds since 1970.
    pub fn gather(loaded: Option<&Loaded>, now: i64) -> Evidence {
        let facts = FipsFacts::gather();
        let configuration = loaded.map(|loaded| {
            let config = &loaded.config;
            let unread = Configured::unread(ConfigFile::of(loaded), config.fips, config.fips_pq);
            match Standing::by(config, HostFlag::read(), Some(&facts)) {
                Ok(standing) => Configured {
                    problems: problems(&config.pairs, standing.profile(), now),
                    ..unread.by(&standing, Some(&facts), config.pairs.iter())
                },
                Err(verdict) => Configured { verdict, ..unread },
            }
        });
        Evidence::of(&facts, now, configuration)
    }

    /// Of this running program, by its last proof, or by one of now if it has proven nothing. `pairs` are
    /// those that it serves.
    pub fn running<'a>(
        pairs: impl Iterator<Item = &'a Pair>,
        board: &ProofBoard,
        now: i64,
    ) -> Evidence {
        let (standing, proof) = (board.standing(), board.last());
        let (facts, at) = match &proof.facts {
            Some(facts) => (facts.clone(), proof.at),
            None => (FipsFacts::gather(), now),
        };
        let unread = Configured::unread(board.files(), standing.wanted, standing.wants_pq);
        let configuration = unread.by(standing, proof.facts.as_ref(), pairs);
        Evidence {
            negotiated: Some(negotiated(tls::seen())),
            ..Evidence::of(&facts, at, Some(configuration))
        }
    }

    fn of(facts: &FipsFacts, at: i64, configuration: Option<Configured>) -> Evidence {
        let fault = facts.fault().map(|fault| fault.words());
        let steps = facts.checks.iter().map(|check| ProofStep {
            what: check.what,
            passed: check.is_passed,
        });
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        Evidence {
            program: program(),
            host: Host {
                fips_flag: HostFlag::read().label(),
                kernel: kernel.map(|release| release.trim().to_owned()),
            },
            module: facts.module.as_ref().map(module),
            proof: Proven {
                at: moment(at),
                holds: fault.is_none(),
                fault,
                steps: steps.collect(),
            },
            configuration,
            negotiated: None,
        }
    }

    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        match &self.configuration {
            None if self.proof.holds => Verdict::Good,
            None => Verdict::NotInEffect,
            Some(found) if !found.problems.is_empty() => Verdict::Wrong,
            Some(found) if found.asked_for && !found.in_effect => Verdict::NotInEffect,
            Some(_) => Verdict::Good,
        }
    }
}

/// What keeps a program with these pairs from running.
fn problems(pairs: &[Pair], profile: Profile, now: i64) -> Vec<String> {
    let checked = check_credentials(pairs, profile, now);
    checked.err().unwrap_or_default()
}

impl Configured {
    fn unread(files: Vec<ConfigFile>, fips: Fips, fips_pq: bool) -> Configured {
        let mut files = files.into_iter();
        let own = files.next();
        Configured {
            file: own.as_ref().map(|own| own.file.clone()),
            sha256: own.map(|own| own.sha256),
            beside: files.collect(),
            fips: fips.to_string(),
            fips_pq,
            asked_for: fips != Fips::Off,
            in_effect: false,
            verdict: String::new(),
            problems: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// With what it comes to.
    fn by<'a>(
        self,
        standing: &Standing,
        facts: Option<&FipsFacts>,
        pairs: impl Iterator<Item = &'a Pair>,
    ) -> Configured {
        let profile = standing.profile();
        Configured {
            asked_for: standing.effect != Effect::Off,
            in_effect: standing.effect == Effect::Proven,
            verdict: standing.line(facts),
            pairs: pairs.map(|pair| negotiable(pair, profile)).collect(),
            ..self
        }
    }
}

/// What was negotiated at all, by kind and word.
fn negotiated(seen: Vec<Seen>) -> BTreeMap<&'static str, BTreeMap<&'static str, u64>> {
    let mut negotiated = BTreeMap::new();
    for (kind, word, count) in seen {
        let words: &mut BTreeMap<_, _> = negotiated.entry(kind).or_default();
        if count > 0 {
            words.insert(word, count);
        }
    }
    negotiated
}

fn negotiable(pair: &Pair, profile: Profile) -> Negotiable {
    let is_tls13_alone = pair.tls.min_version == TlsVersion::Tls13;
    let listed = |text: &'static str| text.split(':').collect();
    let mut suites = profile.suites();
    // Those of TLS 1.2 name a key exchange.
    suites.retain(|suite| !is_tls13_alone || !suite.contains("_WITH_"));
    Negotiable {
        name: pair.name.clone(),
        mode: pair.mode.to_string(),
        versions: match is_tls13_alone {
            true => vec!["TLSv1.3"],
            false => vec!["TLSv1.2", "TLSv1.3"],
        },
        suites,
        groups: listed(profile.groups()),
        signatures: listed(profile.signatures()),
        without_extended_master_secret: match (is_tls13_alone, profile.is_fips()) {
            (true, _) => "TLS 1.2 is not spoken",
            (false, true) => "refused",
            (false, false) => "accepted",
        },
        resumption: resumption(pair.tls.resumption, profile) == Resumption::On,
    }
}

fn module(module: &FipsModule) -> Module {
    let FipsModule {
        name,
        version,
        hash,
        build,
        algorithms,
    } = module.clone();
    Module {
        name,
        version: version.unwrap_or_else(|| "FIPS update stream".to_owned()),
        hash,
        file: ModuleFile::mapped(),
        build,
        algorithms,
    }
}

/// A time in UTC, to the second.
fn moment(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.to_string(),
        Err(_) => format!("Unix second {seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_in_fips_mode_asks_for_a_proof_even_where_the_program_runs_without() {
        let verdict = |effect| {
            let standing = Standing {
                wanted: Fips::Auto,
                wants_pq: false,
                host: HostFlag::Set,
                effect,
            };
            let unread = Configured::unread(Vec::new(), Fips::Auto, false);
            let found = unread.by(&standing, None, std::iter::empty());
            let facts = FipsFacts {
                module: None,
                checks: Vec::new(),
            };
            Evidence::of(&facts, 0, Some(found)).verdict()
        };
        assert_eq!(verdict(Effect::Off), Verdict::Good);
        assert_eq!(verdict(Effect::Proven), Verdict::Good);
        assert_eq!(verdict(Effect::WithoutModule("")), Verdict::NotInEffect);
    }

    #[test]
    fn the_hashes_of_a_configuration_are_those_of_what_was_read() -> std::io::Result<()> {
        let folder = tempfile::TempDir::new()?;
        let (pair, identity) = (
            folder.path().join("mtls-persona.yaml"),
            folder.path().join("mtls-id.yaml"),
        );
        let texts = [
            "inbound: :5432\noutbound: db:5432\n",
            "id_directory: /d\ndevice_name: n\ntrust_store: [/t]\n",
        ];
        fs::write(&pair, texts[0])?;
        fs::write(&identity, texts[1])?;
        let loaded =
            crate::config::load(&pair).map_err(|p| std::io::Error::other(p.to_string()))?;
        fs::write(&pair, "other")?;
        fs::remove_file(&identity)?;
        let told = Configured::unread(ConfigFile::of(&loaded), Fips::Off, false);
        assert_eq!(told.file, Some(pair));
        let hashes = texts.map(|text| tls::sha256_hex(text.as_bytes()));
        assert_eq!(told.sha256.as_ref(), Some(&hashes[0]));
        let [beside] = &told.beside[..] else {
            panic!("{:?}", told.beside);
        };
        assert_eq!((&beside.file, &beside.sha256), (&identity, &hashes[1]));
        Ok(())
    }

    #[test]
    fn what_a_pair_may_negotiate_follows_its_least_version_and_the_profile() {
        let text = r#"{ "cert": "c", "key": "k", "ca": "a", "address_pairs": [
            { "inbound": ":1", "outbound": "a:1", "min_version": "TLS1.3" },
            { "inbound": ":2", "outbound": "a:1", "resumption": true } ] }"#;
        let pairs = crate::config::parse(text).map_or(Vec::new(), |loaded| loaded.config.pairs);
        let told = |pair: usize, profile| negotiable(&pairs[pair], profile);
        let first = told(0, Profile::Fips);
        assert_eq!(first.versions, ["TLSv1.3"]);
        let suites = ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"];
        assert_eq!(first.suites, suites);
        assert_eq!(first.groups, ["P-256", "P-384"]);
        assert!(!first.resumption);
        let second = told(1, Profile::Fips);
        assert_eq!(second.suites.len(), 6);
        assert_eq!(second.without_extended_master_secret, "refused");
        assert!(second.resumption);
        let ordinary = told(1, Profile::Ordinary);
        assert_eq!(ordinary.without_extended_master_secret, "accepted");
        assert_eq!(ordinary.groups, ["X25519", "P-256", "P-384"]);
        assert!(told(0, Profile::Ordinary).resumption);
    }
}
