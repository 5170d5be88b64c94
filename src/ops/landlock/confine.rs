//! The kernel's part.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ::landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, NetPort, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};

use super::grants::Grants;
use crate::config::{Config, Source};
use crate::tls;

/// The newest one that is asked for. One that knows more would take away more, so that a newer one is to be
/// tried out first: from ABI 9 on, a grant is needed to connect to UNIX sockets.
const KNOWN: ABI = ABI::V6;

/// Whether the kernel holds the program to its files and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Landlock {
    /// To all of what is asked of it.
    Full,
    /// To a part of it: an older kernel, of which the first ones know nothing of ports.
    Partial,
    /// To nothing: it has no Landlock, or has it switched off.
    Unavailable,
    /// It is not asked to.
    #[default]
    Off,
}

impl Landlock {
    /// All there is.
    pub(in crate::ops) const ALL: [Landlock; 4] = [
        Landlock::Full,
        Landlock::Partial,
        Landlock::Unavailable,
        Landlock::Off,
    ];

    /// One word for it.
    pub fn label(self) -> &'static str {
        match self {
            Landlock::Full => "full",
            Landlock::Partial => "partial",
            Landlock::Unavailable => "unavailable",
            Landlock::Off => "off",
        }
    }
}

/// What this process is held to, for as long as it runs.
#[derive(Debug, Default)]
pub struct Confinement {
    state: Landlock,
    /// More words on it.
    detail: String,
    held: Option<Held>,
}

/// What was granted.
#[derive(Debug)]
struct Held {
    grants: Grants,
    /// What was at each granted path, by device and inode.
    places: BTreeMap<PathBuf, (u64, u64)>,
    has_ports: bool,
}

/// Holds the calling thread, and those that it starts from now on, to what the configuration needs. Call it
/// before there is another thread. Whatever the kernel lacks is left out.
pub fn confine(
    config: &Config,
    source: Option<&Source>,
    is_passed: impl Fn(&str) -> bool,
) -> Confinement {
    if !config.landlock {
        return Confinement::default();
    }
    // OpenSSL's configuration may include files from wherever it likes.
    tls::prepare();
    let mut grants = Grants::of(config, source, is_passed, link)
        .with_admin(&config.admin, link)
        .with_system(link);
    let places = places(&grants);
    // There is nothing that could be granted of what is not there.
    grants.read.retain(|path| places.contains_key(path));
    grants.sockets.retain(|path| places.contains_key(path));
    let status = match restrict(&grants) {
        Ok(status) => status,
        Err(error) => {
            return Confinement {
                state: Landlock::Unavailable,
                detail: format!("the system refused: {error}"),
                held: None,
            };
        }
    };
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => ABI::Unsupported,
    };
    let (state, detail) = match status.ruleset {
        RulesetStatus::FullyEnforced => (Landlock::Full, String::new()),
        RulesetStatus::PartiallyEnforced => {
            let detail = format!(
                "ABI {} of the kernel, where {} has all",
                abi as i32, KNOWN as i32
            );
            (Landlock::Partial, detail)
        }
        RulesetStatus::NotEnforced => (Landlock::Unavailable, "the kernel has none".to_owned()),
    };
    let held = Held {
        grants,
        places,
        has_ports: abi as i32 >= ABI::V4 as i32,
    };
    Confinement {
        held: (state != Landlock::Unavailable).then_some(held),
        state,
        detail,
    }
}

fn restrict(grants: &Grants) -> Result<RestrictionStatus, RulesetError> {
    let ports = match grants.connects_anywhere {
        true => AccessNet::BindTcp.into(),
        false => AccessNet::from_all(KNOWN),
    };
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(ports)?
        .scope(Scope::from_all(KNOWN))?
        .create()?
        .add_rules(path_beneath_rules(
            &grants.read,
            AccessFs::ReadFile | AccessFs::ReadDir,
        ))?
        .add_rules(path_beneath_rules(
            &grants.sockets,
            AccessFs::MakeSock | AccessFs::RemoveFile,
        ))?;
    for port in &grants.listen {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
    }
    let connect = grants.connect.iter().filter(|_| !grants.connects_anywhere);
    for port in connect {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    ruleset.restrict_self()
}

fn link(path: &Path) -> Option<PathBuf> {
    fs::read_link(path).ok()
}

/// Device and inode; none if there is nothing.
fn place(path: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn places(grants: &Grants) -> BTreeMap<PathBuf, (u64, u64)> {
    let paths = grants.read.union(&grants.sockets);
    let places = paths.filter_map(|path| Some((path.clone(), place(path)?)));
    places.collect()
}

impl Confinement {
    /// Whether the kernel holds the program to anything.
    pub fn state(&self) -> Landlock {
        self.state
    }

    /// The line for the log.
    pub(in crate::ops) fn line(&self) -> String {
        let detail = &self.detail;
        match self.state {
            Landlock::Full => {
                "Landlock: in force, files and ports are those of the configuration".to_owned()
            }
            Landlock::Partial => format!("Landlock: partly in force: {detail}"),
            Landlock::Unavailable => format!("Landlock: not in force: {detail}"),
            Landlock::Off => "Landlock: off".to_owned(),
        }
    }

    /// What a configuration needs beyond what this process is held to, a line each.
    pub fn lacks(
        &self,
        config: &Config,
        source: Option<&Source>,
        is_passed: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let Some(held) = &self.held else {
            return Vec::new();
        };
        let wanted = Grants::of(config, source, is_passed, link);
        let is_same = |path: &Path| place(path).as_ref() == held.places.get(path);
        held.grants.lacks(&wanted, held.has_ports, is_same)
    }
}
