//! The new process, with a predecessor that the test itself is.

use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde_json::{Value, json};

use super::ping;
use super::support::certs::TestPki;
use super::support::program::Program;
use super::support::wait::until;
use super::support::{backend, http, pairs};

/// The predecessor's end.
struct Old(OwnedFd);

impl Old {
    /// Starts a program as one that succeeds it in that version of how they talk.
    fn start(config: &Value, version: &str) -> (Old, Program) {
        let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
        let (own, other) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        let program = Program::start(config, |command: &mut Command| {
            command.stdin(other).env("MTLS_PERSONA_SUCCEEDS", version);
        });
        (Old(own), program)
    }

    fn say(&self, word: &Value, socket: Option<BorrowedFd<'_>>) {
        say(&self.0, word, socket);
    }

    /// Hands a socket over, and its file.
    fn leave(&self, title: &Value, file: Option<&Path>, socket: impl AsFd) {
        let file = file.map(|file| fs::symlink_metadata(file).unwrap());
        let file = file.map(|file| (file.dev(), file.ino()));
        let word = json!({"Socket": {"title": title, "file": file}});
        self.say(&word, Some(socket.as_fd()));
    }

    fn hear(&self) -> Value {
        hear(&self.0)
    }
}

pub(super) fn say(line: &OwnedFd, word: &Value, socket: Option<BorrowedFd<'_>>) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut extra = SendAncillaryBuffer::new(&mut space);
    if socket.is_some() {
        extra.push(SendAncillaryMessage::ScmRights(socket.as_slice()));
    }
    let bytes = word.to_string();
    let bytes = [IoSlice::new(bytes.as_bytes())];
    sendmsg(line, &bytes, &mut extra, SendFlags::NOSIGNAL).unwrap();
}

pub(super) fn hear(line: &OwnedFd) -> Value {
    let mut bytes = [0; 4096];
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let mut extra = RecvAncillaryBuffer::default();
    let heard = recvmsg(line, &mut parts, &mut extra, RecvFlags::empty());
    let length = heard.unwrap().bytes;
    assert_ne!(length, 0, "it has ended");
    serde_json::from_slice(&bytes[..length]).unwrap()
}

#[test]
fn it_accepts_nothing_before_it_is_told_to_and_reloads_if_that_was_asked_for() {
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    let admin = TcpListener::bind("127.0.0.1:0").unwrap();
    let told = admin.local_addr().unwrap();
    config["admin"] = json!({ "listen": told.to_string() });
    let (old, program) = Old::start(&config, "1");
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let title = json!({"Pair": {"name": "persona", "inbound": "127.0.0.1:0"}});
    old.leave(&title, None, &socket);
    old.leave(&json!({"Admin": told.to_string()}), None, &admin);
    old.say(&json!("All"), None);
    assert_eq!(old.hear(), json!("Ready"));
    for socket in [&socket, &admin] {
        let address = socket.local_addr().unwrap();
        let clients: Vec<_> = (0..50).map(|_| http::connect(address)).collect();
        // The sockets do not wait, as the program shares them: each connection is here still.
        for _ in &clients {
            until("a connection", || socket.accept().ok());
        }
    }
    let mut waits = http::connect(socket.local_addr().unwrap());
    old.say(&json!("Serve"), None);
    assert_eq!(old.hear(), json!("Serving"));
    ping(&mut waits);
    assert_eq!(http::get(told, "/readyz").status, 200);
    old.say(&json!({"Over": {"is_reload_asked": true}}), None);
    until("the reload", || (program.generation() == 2).then_some(()));
    ping(&mut program.connect("persona"));
}

/// How often the thread that passes signals on has come to wait for the next one.
fn signals_heard(pid: u32) -> Option<u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let mut statuses =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok());
    let status = statuses.find(|status| status.starts_with("Name:\tsignals\n"))?;
    let value = |key: &str| {
        let mut lines = status.lines();
        lines.find_map(|line| Some(line.strip_prefix(key)?.trim().to_owned()))
    };
    let count = value("voluntary_ctxt_switches:")?.parse().ok()?;
    value("State:")?.starts_with('S').then_some(count)
}

#[test]
fn a_reload_that_is_asked_of_it_while_it_waits_is_done_once_it_serves() {
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    let (old, program) = Old::start(&config, "1");
    old.say(&json!("All"), None);
    assert_eq!(old.hear(), json!("Ready"));
    let before = signals_heard(program.pid());
    program.signal("HUP");
    until("the signal's arrival", || {
        (signals_heard(program.pid()) > before).then_some(())
    });
    old.say(&json!("Serve"), None);
    assert_eq!(old.hear(), json!("Serving"));
    old.say(&json!({"Over": {"is_reload_asked": false}}), None);
    until("the reload", || (program.generation() == 2).then_some(()));
}

#[test]
fn without_that_word_it_ends_and_leaves_what_is_not_its_own() {
    let pki = TestPki::new();
    let path = pki.folder().join("in");
    let inbound = format!("unix:{}", path.display());
    let config = pairs::both(&pki, backend::echo());
    let config = pairs::with(config, "/address_pairs/0/inbound", inbound.as_str());
    let (old, mut program) = Old::start(&config, "1");
    let socket = UnixListener::bind(&path).unwrap();
    let title = json!({"Pair": {"name": "persona", "inbound": inbound}});
    old.leave(&title, Some(&path), &socket);
    old.say(&json!("All"), None);
    assert_eq!(old.hear(), json!("Ready"));
    drop(old);
    assert_eq!(program.exit().code(), Some(1));
    assert!(fs::symlink_metadata(&path).is_ok());
}

#[test]
fn one_that_hands_over_in_another_way_is_not_succeeded() {
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    let (_old, mut program) = Old::start(&config, "0");
    assert_eq!(program.exit().code(), Some(1));
}
