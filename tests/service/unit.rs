//! The unit files of `config/systemd/`, judged by systemd's own tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::support::program::PROGRAM;

/// How exposed the service may be at most, in tenths: `config/systemd/README.md` tells the figure.
const EXPOSURE: &str = "11";

/// From this version on a drop-in of the name is understood.
const NOTIFY_RELOAD_SINCE: u32 = 253;

fn systemd() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/systemd")
}

/// What systemd's tool says; none, and a word on it, where it is not there.
fn analyze(args: &[&str], units: &[PathBuf]) -> Option<Output> {
    let mut command = Command::new("systemd-analyze");
    match command.args(args).args(units).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: systemd-analyze: {error}");
            None
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn version() -> Option<u32> {
    let output = analyze(&["--version"], &[])?;
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().nth(1)?.parse().ok()
}

/// The unit files in a folder, with this program as what they start, and with some drop-ins.
fn installed(folder: &Path, drop_ins: &[&str]) -> [PathBuf; 2] {
    let service = fs::read_to_string(systemd().join("mtls-persona.service")).unwrap();
    let installed = "/usr/local/bin/mtls-persona";
    assert!(service.contains(installed));
    let units = ["mtls-persona.service", "mtls-persona.socket"].map(|name| folder.join(name));
    fs::write(&units[0], service.replace(installed, PROGRAM)).unwrap();
    fs::copy(systemd().join("mtls-persona.socket"), &units[1]).unwrap();
    let own = folder.join("mtls-persona.service.d");
    fs::create_dir(&own).unwrap();
    for name in drop_ins {
        fs::copy(systemd().join("drop-ins").join(name), own.join(name)).unwrap();
    }
    units
}

#[test]
fn the_unit_files_and_their_drop_ins_are_understood_without_a_complaint() {
    let Some(version) = version() else { return };
    let drop_ins = fs::read_dir(systemd().join("drop-ins")).unwrap();
    let drop_ins = drop_ins.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut sets = vec![Vec::new()];
    sets.extend(drop_ins.map(|name| vec![name]));
    assert_eq!(sets.len(), 5, "{sets:?}");
    for set in sets {
        if set == ["notify-reload.conf"] && version < NOTIFY_RELOAD_SINCE {
            eprintln!("skipped: systemd {version} has no Type=notify-reload");
            continue;
        }
        let folder = TempDir::new().unwrap();
        let names: Vec<_> = set.iter().map(String::as_str).collect();
        let units = installed(folder.path(), &names);
        let output = analyze(&["verify"], &units).unwrap();
        assert!(output.status.success(), "{set:?}: {}", said(&output));
        // An unknown key is told of, and does not make it fail.
        assert_eq!(said(&output), "", "{set:?}");
    }
}

#[test]
fn the_service_is_no_more_exposed_than_its_readme_says() {
    let folder = TempDir::new().unwrap();
    let [service, _] = installed(folder.path(), &[]);
    let threshold = format!("--threshold={EXPOSURE}");
    let args = ["security", "--offline=yes", "--no-pager", &threshold];
    let Some(output) = analyze(&args, &[service]) else {
        return;
    };
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{table}{}", said(&output));
    let readme = fs::read_to_string(systemd().join("README.md")).unwrap();
    let (whole, tenth) = EXPOSURE.split_at(EXPOSURE.len() - 1);
    assert!(readme.contains(&format!("exposure of {whole}.{tenth} ")));
}

#[test]
fn the_user_of_the_service_is_one_that_its_sysusers_file_makes() {
    let service = fs::read_to_string(systemd().join("mtls-persona.service")).unwrap();
    let user = service
        .lines()
        .find_map(|l| l.strip_prefix("User="))
        .unwrap();
    let users = fs::read_to_string(systemd().join("mtls-persona.sysusers")).unwrap();
    assert!(users.lines().any(|l| l.starts_with(&format!("u {user} "))));
}
