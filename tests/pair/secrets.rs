//! Keys and certificates of one time are in memory alone.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use super::pairing::{Pairing, signal};
use crate::support::backend;
use crate::support::program::PROGRAM;
use crate::support::wait::until;

/// The base64 of a certificate's line, piece by piece: none of it may be anywhere.
fn pieces(line: &str) -> Vec<String> {
    let said: serde_json::Value = serde_json::from_str(line).unwrap();
    let cert = said["cert"].as_str().unwrap().to_owned();
    let lines = cert.lines().filter(|line| !line.starts_with('-'));
    lines.map(str::to_owned).collect()
}

/// What of a process is there to be seen; none if nobody but root may look.
fn looked<T>(result: io::Result<T>) -> Option<T> {
    match result {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
        result => Some(result.unwrap()),
    }
}

/// What of a process others may see, beside its log.
fn seen_of(pid: i32) -> String {
    let seen = ["cmdline", "environ", "comm"].map(|name| {
        let bytes = looked(fs::read(format!("/proc/{pid}/{name}"))).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    seen.concat()
}

/// The regular files that a process has open.
fn files_of(pid: i32) -> Vec<String> {
    let open = looked(fs::read_dir(format!("/proc/{pid}/fd")));
    let open = open.into_iter().flatten();
    let links = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let files = links.filter(|link| link.is_file());
    files.map(|link| link.display().to_string()).collect()
}

#[test]
fn neither_key_nor_certificate_is_in_the_list_of_processes_the_environment_the_log_or_a_file() {
    // In between stands one that keeps what the two say; so it is known what must be nowhere else.
    let outbound = backend::echo();
    let between = format!(
        "read -r line; printf '%s\\n' \"$line\" >outer; mkfifo in; \
         (printf '%s\\n' \"$line\"; exec sleep 1000) >in & \
         {PROGRAM} pair --accept --log-level trace --outbound {outbound} <in | \
         (read -r line; printf '%s\\n' \"$line\" >inner; printf '%s\\n' \"$line\"; exec cat)"
    );
    let pairing = Pairing::script(&["--log-level", "trace"], &between);
    let mut stream = pairing.connect();
    backend::ping(&mut stream);
    stream.shutdown(Shutdown::Write).unwrap();
    pairing.access("completed");
    stream.flush().unwrap();
    let secrets: Vec<String> = ["outer", "inner"]
        .iter()
        .flat_map(|name| pieces(&pairing.told(name)))
        .collect();
    assert!(secrets.len() > 10);
    let halves = until("both halves", || {
        let halves: Vec<i32> = below(pairing.pid());
        (halves.len() == 2).then_some(halves)
    });
    let mut seen = pairing.err.text();
    for pid in halves {
        seen += &seen_of(pid);
        assert_eq!(files_of(pid), [""; 0]);
    }
    for secret in secrets
        .iter()
        .map(String::as_str)
        .chain(["PRIVATE KEY", "BEGIN "])
    {
        assert!(!seen.contains(secret), "{secret}");
    }
    // Nor was anything written in passing: here is all that there is, but for what the one between keeps.
    let mut left: Vec<_> = fs::read_dir(pairing.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["address", "in", "inner", "outer"]);
    assert_eq!(
        fs::read_to_string(pairing.file("address"))
            .unwrap()
            .lines()
            .count(),
        1
    );
}

#[test]
fn a_half_that_dies_of_a_fault_leaves_no_core_behind() {
    let outbound = backend::echo().to_string();
    let chain = format!(
        "ulimit -c $(ulimit -H -c); \
         exec {PROGRAM} pair --address-file address -- {PROGRAM} pair --accept --outbound {outbound}"
    );
    let mut pairing = Pairing::by("sh", &["-c", &chain]);
    pairing.address();
    signal(pairing.pid(), Signal::ABORT);
    let status = until("its end", || pairing.child.try_wait().unwrap());
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}

/// The processes of our program that have begun with this one or below it.
fn below(top: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut left = vec![top];
    while let Some(pid) = left.pop() {
        // Which file it has begun with, only root may see.
        let name = fs::read_to_string(format!("/proc/{pid}/comm"));
        if name.is_ok_and(|name| name == "mtls-persona\n") {
            found.push(pid);
        }
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children"));
            let children = children.unwrap_or_default();
            left.extend(
                children
                    .split_whitespace()
                    .map(|pid| pid.parse::<i32>().unwrap()),
            );
        }
    }
    found
}
