//! Notes what the program is built from and with, for `mtls-persona fips`.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    for file in ["fips/build.rs", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={file}");
    }
    note("RUSTC", rustc());
    note("TARGET", env::var("TARGET").ok());
    note("BUILD", env::var("PROFILE").ok());
    note("FEATURES", Some(features().join(", ")));
    note("CRATES", crates());
    note("MODULE_BUILD", module());
}

/// Hands a fact to the compiler, as one line.
fn note(name: &str, fact: Option<String>) {
    if let Some(fact) = fact {
        println!("cargo:rustc-env=PERSONA_{name}={}", fact.trim());
    }
}

fn rustc() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?)
        .arg("--version")
        .output();
    String::from_utf8(output.ok()?.stdout).ok()
}

fn features() -> Vec<String> {
    let names = env::vars().filter_map(|(name, _)| {
        let feature = name.strip_prefix("CARGO_FEATURE_")?;
        (feature != "DEFAULT").then(|| feature.to_ascii_lowercase())
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The crates whose code is in the program, by name and version: of these features and this target, and not
/// those that only build it. All others that Cargo.lock names are in other builds.
fn crates() -> Option<String> {
    let mut tree = Command::new(env::var_os("CARGO")?);
    tree.args(["tree", "--locked", "--offline", "--no-default-features"]);
    tree.args(["--edges", "normal,no-proc-macro"]);
    tree.args(["--prefix", "none", "--format", "{p}"]);
    tree.args(["--features", &features().join(",")]);
    tree.args(["--target", &env::var("TARGET").ok()?]);
    let output = tree
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    // Such a line: name v1.2.3, and for our own the folder behind it.
    let text = String::from_utf8(output.stdout).ok()?;
    let named = text.lines().filter_map(|line| {
        let (name, rest) = line.split_once(" v")?;
        Some(format!("{name} {}", rest.split(' ').next()?))
    });
    let named: BTreeSet<_> = named.collect();
    (!named.is_empty()).then(|| Vec::from_iter(named).join(", "))
}

/// What BoringSSL's FIPS module was built from and with. Where that was not done beforehand, the crate
/// does it, and patches it unless it is told that this was done.
fn module() -> Option<String> {
    const FOLDER: &str = "BORING_BSSL_FIPS_PATH";
    const PATCHED: &str = "BORING_BSSL_FIPS_ASSUME_PATCHED";
    println!("cargo:rerun-if-env-changed={FOLDER}");
    println!("cargo:rerun-if-env-changed={PATCHED}");
    env::var_os("CARGO_FEATURE_FIPS")?;
    let Some(folder) = env::var_os(FOLDER) else {
        let what = match env::var_os(PATCHED) {
            Some(_) => "built by boring-sys",
            None => "built by boring-sys; libssl patched by boring-sys",
        };
        return Some(what.to_owned());
    };
    let facts = Path::new(&folder).join("facts");
    println!("cargo:rerun-if-changed={}", facts.display());
    match fs::read_to_string(facts) {
        Ok(text) => Some(text.lines().collect::<Vec<_>>().join("; ")),
        Err(_) => Some("built beforehand, nothing is known of how".to_owned()),
    }
}
