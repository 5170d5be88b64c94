//! Reloads of a program that is held to what it began with.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::certs::{IdentityFiles, TestPki};
use super::support::metrics::Scrape;
use super::support::program::Program;
use super::support::{backend, pairs, rotate};
use super::{has_landlock, holds_to_ports, ping};

fn with_files(mut config: Value, files: &IdentityFiles) -> Value {
    config["cert"] = json!(files.cert);
    config["key"] = json!(files.key);
    config
}

/// A reload of that configuration is refused, for reasons that name all of this.
fn assert_refused(program: &Program, config: &Value, named: &[&str]) {
    let generation = program.generation();
    program.reconfigure(config);
    program.refuse_reload();
    assert_eq!(program.generation(), generation);
    for name in named {
        assert!(program.has_line(name), "{name}: {:#?}", program.lines());
    }
    ping(&mut program.connect("persona"));
}

#[test]
fn a_reload_that_names_a_file_elsewhere_is_refused_and_takes_a_restart() {
    if !has_landlock() {
        return;
    }
    let (pki, elsewhere) = (TestPki::new(), TempDir::new().unwrap());
    let config = pairs::both(&pki, backend::echo());
    let program = Program::run(&config);
    let files = rotate::copy_into(elsewhere.path(), &pki.client("alice"));
    let moved = with_files(config.clone(), &files);
    let folder = elsewhere.path().to_str().unwrap();
    assert_refused(&program, &moved, &[folder]);
    drop(program);
    // Started again, or without Landlock, it is what it wants to be.
    let program = Program::run(&moved);
    ping(&mut program.connect("persona"));
    drop(program);
    let program = Program::run(&pairs::with(config, "/landlock", false));
    program.reconfigure(&pairs::with(moved, "/landlock", false));
    program.reload();
    ping(&mut program.connect("persona"));
}

#[test]
fn a_reload_that_names_other_ports_or_socket_folders_is_refused_with_each_of_them() {
    if !holds_to_ports() {
        return;
    }
    let (pki, elsewhere) = (TestPki::new(), TempDir::new().unwrap());
    let config = pairs::both(&pki, backend::echo());
    let program = Program::run(&config);
    let (inbound, outbound) = (pairs::lone_address(), backend::echo());
    let mut more = config.clone();
    let mut pair = more["address_pairs"][0].clone();
    pair["name"] = json!("more");
    pair["inbound"] = json!(inbound.to_string());
    pair["outbound"] = json!(outbound.to_string());
    let mut local = pair.clone();
    local["name"] = json!("local");
    let path = elsewhere.path().join("inbound");
    local["inbound"] = json!(format!("unix:{}", path.display()));
    let pairs = more["address_pairs"].as_array_mut().unwrap();
    pairs.extend([pair, local]);
    let named = [
        format!("port {}: ", inbound.port()),
        format!("port {}: ", outbound.port()),
        format!("{}: ", elsewhere.path().display()),
    ];
    assert_refused(&program, &more, &named.each_ref().map(String::as_str));
    assert!(!path.exists());
}

#[test]
fn a_pair_that_is_added_within_what_was_granted_is_served() {
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    let program = Program::run(&config);
    let mut more = config.clone();
    let mut pair = more["address_pairs"][0].clone();
    pair["name"] = json!("more");
    more["address_pairs"].as_array_mut().unwrap().push(pair);
    more = with_files(
        more,
        &rotate::copy_into(&pki.folder().join("deeper"), &pki.client("bob")),
    );
    program.reconfigure(&more);
    program.reload();
    ping(&mut program.connect("more"));
}

/// A program whose certificate lies in that folder, with its configuration and authorities elsewhere.
fn in_folder(pki: &TestPki, folder: &Path) -> Program {
    let files = rotate::copy_into(folder, &pki.client("alice"));
    Program::run(&with_files(pairs::both(pki, backend::echo()), &files))
}

#[test]
fn a_folder_that_was_exchanged_as_a_whole_is_told_to_take_a_restart() {
    if !has_landlock() {
        return;
    }
    let (pki, own) = (TestPki::new(), TempDir::new().unwrap());
    let folder = own.path().join("tls");
    let program = in_folder(&pki, &folder);
    fs::rename(&folder, folder.with_extension("last")).unwrap();
    rotate::copy_into(&folder, &pki.client("alice"));
    program.refuse_reload();
    let told = format!("{}: is another one", folder.display());
    assert!(program.has_line(&told), "{:#?}", program.lines());
    // The folder that was granted is well at its place again.
    fs::rename(&folder, folder.with_extension("next")).unwrap();
    fs::rename(folder.with_extension("last"), &folder).unwrap();
    program.reload();
}

#[test]
fn a_link_that_leads_to_a_newer_folder_is_followed() {
    let (pki, own) = (TestPki::new(), TempDir::new().unwrap());
    let mount = own.path().join("mount");
    let mut mount = rotate::Mount::new(&mount, &pki.client("alice"), &pki.ca);
    let config = with_files(pairs::both(&pki, backend::echo()), &mount.files);
    let program = Program::run(&config);
    for name in ["bob", "carol"] {
        mount.update(&pki.client(name));
        program.reload();
        ping(&mut program.connect("persona"));
    }
    assert_eq!(program.errors(), 0);
}

#[test]
fn another_address_to_tell_metrics_at_waits_for_the_next_start_and_refuses_no_reload() {
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    let program = Program::run(&config);
    let admin = pairs::lone_address().to_string();
    program.reconfigure(&pairs::with(config, "/admin/listen", admin));
    program.reload();
    ping(&mut program.connect("persona"));
}

#[test]
fn its_state_is_told_as_a_metric() {
    let is_there = has_landlock();
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    let config = pairs::with(config, "/admin/listen", "127.0.0.1:0");
    let states = |config: &Value| {
        let program = Program::run(config);
        let scrape = Scrape::take(program.admin("everything"));
        let states = ["full", "partial", "unavailable", "off"];
        states.map(|state| scrape.count("mtls_persona_landlock", &[("state", state)]))
    };
    let [full, partial, unavailable, off] = states(&config);
    assert_eq!(
        (full + partial, unavailable, off),
        match is_there {
            true => (1, 0, 0),
            false => (0, 1, 0),
        }
    );
    assert_eq!(
        states(&pairs::with(config, "/landlock", false)),
        [0, 0, 0, 1]
    );
}
