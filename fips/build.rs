//! Notes what the program is built with, for `mtls-persona fips`.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=fips/build.rs");
    note("RUSTC", rustc());
    note("TARGET", env::var("TARGET").ok());
    note("BUILD", env::var("PROFILE").ok());
    note("FEATURES", Some(features()));
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

fn features() -> String {
    let names = env::vars().filter_map(|(name, _)| {
        let feature = name.strip_prefix("CARGO_FEATURE_")?;
        (feature != "DEFAULT").then(|| feature.to_ascii_lowercase())
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.join(", ")
}

/// What BoringSSL's FIPS module was built from and with, where that was done beforehand.
fn module() -> Option<String> {
    const FOLDER: &str = "BORING_BSSL_FIPS_PATH";
    println!("cargo:rerun-if-env-changed={FOLDER}");
    let facts = Path::new(&env::var_os(FOLDER)?).join("facts");
    println!("cargo:rerun-if-changed={}", facts.display());
    let text = fs::read_to_string(facts).ok()?;
    Some(text.lines().collect::<Vec<_>>().join("; "))
}
