//! What keeps a connector from logging in to its database. The program serves all the same, and so these are
//! warnings.

use crate::config::Pair;
use crate::tls::Profile;

/// The lines, for every connector among the pairs.
#[cfg(feature = "postgres")]
pub(super) fn warnings(pairs: &[Pair], profile: Profile) -> Vec<String> {
    use crate::offload::database::Settings;
    let problem = |pair: &Pair| {
        let settings = Settings {
            database: pair.directory.as_ref()?.database.clone(),
            profile,
            clock: crate::cli::unix_now,
        };
        let what = settings.check().err()?;
        Some(format!("pair {:?}: its database: {what}", pair.name))
    };
    pairs.iter().filter_map(problem).collect()
}

/// The lines, for every connector among the pairs.
#[cfg(not(feature = "postgres"))]
pub(super) fn warnings(pairs: &[Pair], _: Profile) -> Vec<String> {
    let connectors = pairs.iter().filter(|pair| pair.directory.is_some());
    let line = |pair: &Pair| format!("pair {:?}: this build serves no connectors", pair.name);
    connectors.map(line).collect()
}
