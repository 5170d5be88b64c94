//! The evidence as lines for a person.

use std::fmt::Display;
use std::path::Path;

use crate::ops::fips::Evidence;

/// The crates of the TLS library; all others are in the JSON.
const TLS_CRATES: [&str; 2] = match cfg!(feature = "boringssl") {
    true => ["boring ", "boring-sys "],
    false => ["openssl ", "openssl-sys "],
};

/// Everything, a fact in a line.
pub(super) fn text(evidence: &Evidence) -> String {
    let mut text = program(evidence);
    text += &module(evidence);
    text += &proof(evidence);
    text + &configuration(evidence)
}

fn line(label: &str, fact: &dyn Display) -> String {
    format!("{label:<15}{fact}\n")
}

fn program(evidence: &Evidence) -> String {
    let program = &evidence.program;
    let hash = program.sha256.as_deref().unwrap_or("cannot be read");
    let crates = program.crates.iter().flatten();
    let crates = crates.filter(|name| TLS_CRATES.iter().any(|told| name.starts_with(told)));
    let crates: Vec<_> = crates.cloned().collect();
    let built = format!(
        "by {} for {} ({}), features {}",
        program.rustc, program.target, program.build, program.features
    );
    let kernel = evidence.host.kernel.as_deref().unwrap_or("unknown");
    let host = format!(
        "kernel {kernel}, its FIPS flag is {}",
        evidence.host.fips_flag
    );
    line("program", &format!("mtls-persona {}", program.version))
        + &line("  sha256", &hash)
        + &line("  built", &built)
        + &line("  crates", &crates.join(", "))
        + &line("  TLS library", &program.tls_library)
        + &line("host", &host)
}

fn module(evidence: &Evidence) -> String {
    let Some(module) = &evidence.module else {
        return line("module", &"none");
    };
    let title = match module.name.contains(&module.version) {
        true => module.name.clone(),
        false => format!("{}, {}", module.name, module.version),
    };
    let mut text = line("module", &title);
    if let Some(hash) = &module.hash {
        text += &line("  hash", hash);
    }
    if let Some(file) = &module.file {
        let hash = file.sha256.as_deref().unwrap_or("cannot be read");
        text += &line("  file", &file.path.display());
        text += &line("  sha256", &hash);
    }
    if let Some(build) = &module.build {
        text += &line("  built", build);
    }
    if !module.algorithms.is_empty() {
        text += &line("  algorithms", &module.algorithms.join(", "));
    }
    text
}

fn proof(evidence: &Evidence) -> String {
    let proof = &evidence.proof;
    let verdict = match proof.fault {
        None => format!("holds, {}", proof.at),
        Some(fault) => format!("does not hold, {}: {fault}", proof.at),
    };
    let steps = proof.steps.iter().map(|step| match step.passed {
        true => line("  passed", &step.what),
        false => line("  not passed", &step.what),
    });
    line("proof", &verdict) + &steps.collect::<String>()
}

fn configuration(evidence: &Evidence) -> String {
    let Some(found) = &evidence.configuration else {
        return String::new();
    };
    let hash = found.sha256.as_deref().unwrap_or("-");
    let asked = match found.fips_pq {
        true => format!("{}, fips_pq true", found.fips),
        false => found.fips.clone(),
    };
    let file = found.file.as_deref().unwrap_or(Path::new("-"));
    let mut text = line("configuration", &file.display()) + &line("  sha256", &hash);
    for one in &found.beside {
        text += &line("  with", &one.file.display());
        text += &line("  sha256", &one.sha256);
    }
    text += &(line("  fips", &asked)
        + &line("  in effect", &if found.in_effect { "yes" } else { "no" })
        + &line("  verdict", &found.verdict));
    for problem in &found.problems {
        text += &line("  problem", problem);
    }
    for pair in &found.pairs {
        let resumption = if pair.resumption { "on" } else { "off" };
        text += &line("pair", &format!("{} ({})", pair.name, pair.mode));
        text += &line("  versions", &pair.versions.join(", "));
        text += &line("  suites", &pair.suites.join(", "));
        text += &line("  groups", &pair.groups.join(", "));
        text += &line("  signatures", &pair.signatures.join(", "));
        text += &line("  without EMS", &pair.without_extended_master_secret);
        text += &line("  resumption", &resumption);
    }
    text
}
