//! What the kernel holds the program to, and what that means to reloads.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "landlock/kernel.rs"]
mod kernel;
#[path = "landlock/reload.rs"]
mod reload;
mod support;

use std::fs;
use std::thread;

use support::backend::ping;

use landlock::{AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr};
use mtls_persona::config::{self, Source};
use mtls_persona::ops::{Landlock, confine};
use serde_json::Value;

use self::support::certs::TestPki;

/// Whether this kernel holds to files; says so where it does not.
fn has_landlock() -> bool {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let is_known = ruleset.handle_access(AccessFs::Execute).is_ok();
    if !is_known {
        eprintln!("skipped: this kernel has no Landlock");
    }
    is_known
}

/// Whether this kernel holds to ports, as Linux does since 6.7; says so where it does not.
fn holds_to_ports() -> bool {
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let is_known = ruleset.handle_access(AccessNet::BindTcp).is_ok();
    if !is_known {
        eprintln!("skipped: this kernel has no Landlock that knows ports");
    }
    is_known
}

/// Does something in a thread that is confined to a configuration, which lies in the folder of the
/// certificates.
fn confined(pki: &TestPki, config: &Value, act: impl FnOnce() + Send) {
    let path = pki.folder().join("config.json");
    fs::write(&path, config.to_string()).unwrap();
    let config = config::load(&path).unwrap().config;
    let body = || {
        let confinement = confine(&config, Some(&Source::new(&path)), |_| false);
        let is_held = matches!(confinement.state(), Landlock::Full | Landlock::Partial);
        assert_eq!(is_held, config.landlock, "{confinement:?}");
        act();
    };
    thread::scope(|scope| scope.spawn(body).join().unwrap());
}
