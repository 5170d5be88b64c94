//! Whether FIPS is in effect.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::config::{Config, Fips};
use crate::tls::{self, FipsFacts, FipsFault, Profile};

/// Where the kernel shows itself.
const KERNEL: &str = "/proc";

/// Whether the host is in FIPS mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostFlag {
    /// It is.
    Set,
    /// It is not.
    Clear,
    /// Its kernel has no FIPS mode.
    Absent,
    /// It cannot be told, as the kernel's word is hidden from this process.
    Unknown,
}

impl HostFlag {
    /// What the kernel says now.
    pub fn read() -> HostFlag {
        HostFlag::under(Path::new(KERNEL))
    }

    /// That nothing is found must not be taken for the word that there is nothing: a service manager or a
    /// container may hide `sys` or parts of it, by an empty folder or file. A kernel that has no FIPS mode
    /// has no folder `crypto`, as nothing else lies there.
    fn under(kernel: &Path) -> HostFlag {
        let shown = kernel.join("sys");
        match fs::read_to_string(shown.join("crypto/fips_enabled")) {
            Ok(text) if text.trim() == "0" => HostFlag::Clear,
            Ok(text) if text.trim() == "1" => HostFlag::Set,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let has_no_folder = matches!(shown.join("crypto").try_exists(), Ok(false));
                match has_no_folder && fs::read(shown.join("kernel/osrelease")).is_ok() {
                    true => HostFlag::Absent,
                    false => HostFlag::Unknown,
                }
            }
            _ => HostFlag::Unknown,
        }
    }

    /// The word for reports.
    pub fn label(self) -> &'static str {
        match self {
            HostFlag::Set => "set",
            HostFlag::Clear => "not set",
            HostFlag::Absent => "not there",
            HostFlag::Unknown => "hidden",
        }
    }
}

/// What a configuration comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// FIPS is not in effect.
    Off,
    /// It is, and the module has proven itself.
    Proven,
    /// The host is in FIPS mode and the library has no module in use: what is negotiated is what FIPS
    /// allows, and that is all. The words say what is missing.
    WithoutModule(&'static str),
}

/// What is asked for, and what is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What is asked for.
    pub wanted: Fips,
    /// Whether hybrids with ML-KEM are asked for too.
    pub wants_pq: bool,
    /// Whether the host is in FIPS mode.
    pub host: HostFlag,
    /// What is in effect.
    pub effect: Effect,
}

/// What decides.
struct Circumstances<'a> {
    host: HostFlag,
    fault: Option<FipsFault>,
    /// Why hybrids cannot be spoken.
    hybrid_fault: &'a dyn Fn() -> Option<&'static str>,
}

impl Standing {
    /// What a configuration comes to here and now. The library proves itself if that matters; the facts
    /// are there if it has.
    ///
    /// # Errors
    /// One sentence on why the program may not run with it.
    pub fn of(config: &Config) -> Result<(Standing, Option<FipsFacts>), String> {
        let host = HostFlag::read();
        let facts = is_asked_for(config.fips, host).then(FipsFacts::gather);
        let standing = Standing::by(config, host, facts.as_ref())?;
        Ok((standing, facts))
    }

    /// The same with what the host and the library have told already.
    ///
    /// # Errors
    /// As of [`Standing::of`].
    pub(super) fn by(
        config: &Config,
        host: HostFlag,
        facts: Option<&FipsFacts>,
    ) -> Result<Standing, String> {
        let circumstances = Circumstances {
            host,
            fault: facts.and_then(FipsFacts::fault),
            hybrid_fault: &tls::hybrid_fault,
        };
        decide(config.fips, config.fips_pq, &circumstances)
    }

    /// What may be negotiated.
    pub fn profile(&self) -> Profile {
        match &self.effect {
            Effect::Off => Profile::Ordinary,
            Effect::Proven if self.wants_pq => Profile::FipsPq,
            Effect::Proven | Effect::WithoutModule(_) => Profile::Fips,
        }
    }

    /// One line that leaves no doubt. `facts` are those of the proof.
    pub fn line(&self, facts: Option<&FipsFacts>) -> String {
        match (&self.effect, self.wanted) {
            (Effect::Off, Fips::Auto) if self.host == HostFlag::Absent => {
                "FIPS: off, as this host's kernel has no FIPS mode and fips is \"auto\"".to_owned()
            }
            (Effect::Off, Fips::Auto) => {
                "FIPS: off, as this host is not in FIPS mode and fips is \"auto\"".to_owned()
            }
            (Effect::Off, _) => "FIPS: off".to_owned(),
            (Effect::Proven, _) => proven(facts),
            (Effect::WithoutModule(what), _) => format!(
                "FIPS: NOT in effect, though this host is in FIPS mode: {what}. The program goes on and \
                 negotiates only what FIPS allows, but no FIPS module computes it"
            ),
        }
    }
}

fn proven(facts: Option<&FipsFacts>) -> String {
    let Some(module) = facts.and_then(|facts| facts.module.as_ref()) else {
        return "FIPS: in effect, self-test passed".to_owned();
    };
    let hash = module.hash.as_ref();
    let hash = hash.map(|hash| format!(", module hash {hash}"));
    let (title, hash) = (module.title(), hash.unwrap_or_default());
    format!("FIPS: {title}{hash}, self-test passed")
}

/// Whether the module matters.
fn is_asked_for(wanted: Fips, host: HostFlag) -> bool {
    match wanted {
        Fips::Off => false,
        Fips::Auto => host == HostFlag::Set,
        Fips::Require => true,
    }
}

fn decide(
    wanted: Fips,
    wants_pq: bool,
    circumstances: &Circumstances<'_>,
) -> Result<Standing, String> {
    let host = circumstances.host;
    if wanted == Fips::Auto && host == HostFlag::Unknown {
        let what = "fips is \"auto\", but whether this host is in FIPS mode cannot be told, as \
                    /proc/sys/crypto is hidden from this process: write \"require\" or \"off\"";
        return Err(what.to_owned());
    }
    let effect = match &circumstances.fault {
        _ if !is_asked_for(wanted, host) => Effect::Off,
        None => Effect::Proven,
        // Whether there is a module is the host's affair: it is not made up for, and nothing is switched
        // on that its administrator has not. A module that is there and broken is another matter.
        Some(FipsFault::Absent(what)) if wanted == Fips::Auto => Effect::WithoutModule(what),
        Some(fault) => {
            let mode = match wanted {
                Fips::Auto => "fips is \"auto\" and this host is in FIPS mode",
                _ => "fips is \"require\"",
            };
            return Err(format!(
                "{mode}, but FIPS is not in effect: {}",
                fault.words()
            ));
        }
    };
    if wants_pq
        && effect == Effect::Proven
        && let Some(what) = (circumstances.hybrid_fault)()
    {
        return Err(format!("fips_pq is true, but {what}: leave fips_pq out"));
    }
    Ok(Standing {
        wanted,
        wants_pq,
        host,
        effect,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::FipsModule;

    const ABSENT: FipsFault = FipsFault::Absent("there is none");
    const UNSOUND: FipsFault = FipsFault::Unsound("it is broken");

    fn effect(wanted: Fips, host: HostFlag, fault: Option<FipsFault>) -> Result<Effect, String> {
        let circumstances = Circumstances {
            host,
            fault,
            hybrid_fault: &|| None,
        };
        decide(wanted, false, &circumstances).map(|standing| standing.effect)
    }

    const HOSTS: [HostFlag; 4] = [
        HostFlag::Set,
        HostFlag::Clear,
        HostFlag::Absent,
        HostFlag::Unknown,
    ];

    #[test]
    fn off_is_off_whatever_the_host_and_the_library_are() {
        for host in HOSTS {
            for fault in [None, Some(ABSENT), Some(UNSOUND)] {
                assert_eq!(effect(Fips::Off, host, fault), Ok(Effect::Off));
            }
        }
    }

    #[test]
    fn require_is_in_effect_or_an_error_that_says_what_is_missing() {
        for host in HOSTS {
            assert_eq!(effect(Fips::Require, host, None), Ok(Effect::Proven));
            for fault in [ABSENT, UNSOUND] {
                let words = fault.words();
                let told = effect(Fips::Require, host, Some(fault));
                assert!(told.is_err_and(|told| told.ends_with(words)));
            }
        }
    }

    #[test]
    fn auto_follows_the_host_and_lets_a_program_without_a_module_run() {
        for host in [HostFlag::Clear, HostFlag::Absent] {
            for fault in [None, Some(ABSENT), Some(UNSOUND)] {
                assert_eq!(effect(Fips::Auto, host, fault), Ok(Effect::Off));
            }
        }
        let on = |fault| effect(Fips::Auto, HostFlag::Set, fault);
        assert_eq!(on(None), Ok(Effect::Proven));
        let without = Ok(Effect::WithoutModule("there is none"));
        assert_eq!(on(Some(ABSENT)), without);
        assert!(on(Some(UNSOUND)).is_err());
    }

    #[test]
    fn auto_is_an_error_where_the_host_cannot_be_asked() {
        for fault in [None, Some(ABSENT), Some(UNSOUND)] {
            let told = effect(Fips::Auto, HostFlag::Unknown, fault);
            assert!(told.is_err_and(|told| told.starts_with("fips is \"auto\", but whether")));
        }
    }

    /// A kernel's folder with these files.
    fn kernel(files: &[(&str, &str)]) -> std::io::Result<tempfile::TempDir> {
        let folder = tempfile::TempDir::new()?;
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap_or(folder.path()))?;
            fs::write(file, text)?;
        }
        Ok(folder)
    }

    #[test]
    fn what_is_hidden_is_not_taken_for_a_host_outside_of_fips_mode() -> std::io::Result<()> {
        const RELEASE: (&str, &str) = ("sys/kernel/osrelease", "6.1.0\n");
        let flag = |text| ("sys/crypto/fips_enabled", text);
        let told = |files: &[_]| kernel(files).map(|folder| HostFlag::under(folder.path()));
        assert_eq!(told(&[RELEASE, flag("1\n")])?, HostFlag::Set);
        assert_eq!(told(&[RELEASE, flag("0\n")])?, HostFlag::Clear);
        assert_eq!(told(&[RELEASE])?, HostFlag::Absent);
        // All of it, the folder, the file, and the file by an empty one in its place.
        let in_its_folder = ("sys/crypto/another", "");
        let in_its_place = ("sys/crypto/fips_enabled/another", "");
        for hidden in [
            &[][..],
            &[RELEASE, in_its_folder],
            &[RELEASE, in_its_place],
            &[RELEASE, flag("")],
        ] {
            assert_eq!(told(hidden)?, HostFlag::Unknown, "{hidden:?}");
        }
        Ok(())
    }

    fn standing(wanted: Fips, wants_pq: bool, effect: Effect) -> Standing {
        Standing {
            wanted,
            wants_pq,
            host: HostFlag::Set,
            effect,
        }
    }

    #[test]
    fn the_profile_is_in_effect_with_the_module_and_on_a_fips_host_without_one() {
        let profile = |wants_pq, effect| standing(Fips::Auto, wants_pq, effect).profile();
        assert_eq!(profile(false, Effect::Off), Profile::Ordinary);
        assert_eq!(profile(true, Effect::Off), Profile::Ordinary);
        assert_eq!(profile(false, Effect::Proven), Profile::Fips);
        assert_eq!(profile(true, Effect::Proven), Profile::FipsPq);
        assert_eq!(profile(true, Effect::WithoutModule("")), Profile::Fips);
    }

    #[test]
    fn hybrids_that_the_module_does_not_compute_are_an_error_where_fips_is_in_effect() {
        let decide = |host, fault| {
            let circumstances = Circumstances {
                host,
                fault,
                hybrid_fault: &|| Some("it has none"),
            };
            super::decide(Fips::Auto, true, &circumstances).map(|standing| standing.effect)
        };
        let told = decide(HostFlag::Set, None);
        assert!(told.is_err_and(|told| told.contains("it has none")));
        assert_eq!(decide(HostFlag::Clear, None), Ok(Effect::Off));
        assert!(decide(HostFlag::Set, Some(ABSENT)).is_ok());
    }

    #[test]
    fn the_line_says_in_effect_exactly_where_a_module_was_proven() {
        let facts = FipsFacts {
            module: Some(FipsModule {
                name: "BoringCrypto".to_owned(),
                version: None,
                hash: Some("ab01".to_owned()),
                build: None,
                algorithms: Vec::new(),
            }),
            checks: Vec::new(),
        };
        let line = standing(Fips::Require, false, Effect::Proven).line(Some(&facts));
        let words = "FIPS: BoringCrypto update stream, module hash ab01, self-test passed";
        assert_eq!(line, words);
        assert_eq!(
            standing(Fips::Off, false, Effect::Off).line(None),
            "FIPS: off"
        );
        let absent = Standing {
            host: HostFlag::Absent,
            ..standing(Fips::Auto, false, Effect::Off)
        };
        assert!(absent.line(None).contains("kernel has no FIPS mode"));
        let line = standing(Fips::Auto, false, Effect::WithoutModule("no module")).line(None);
        assert!(
            line.starts_with("FIPS: NOT in effect, though this host is in FIPS mode: no module")
        );
    }
}
