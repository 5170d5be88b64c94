//! What the kernel holds the program to, and what that means to reloads.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "landlock/kernel.rs"]
mod kernel;
#[path = "landlock/reload.rs"]
mod reload;
mod support;

use std::fs;
use std::io::{Read, Write};
use std::thread;

use mtls_persona::config::{self, Source};
use mtls_persona::ops::{Landlock, confine};
use serde_json::Value;

use self::support::certs::TestPki;
use self::support::{backend, pairs};

/// Does something in a thread that is confined to a configuration, which lies in the folder of the
/// certificates. Not at all, and says so, where the kernel has no Landlock.
fn confined<T: Send>(pki: &TestPki, config: &Value, act: impl FnOnce() -> T + Send) -> Option<T> {
    let path = pki.folder().join("config.json");
    fs::write(&path, config.to_string()).unwrap();
    let config = config::load(&path).unwrap().config;
    let body = || {
        let confinement = confine(&config, &Source::new(&path), |_| false);
        match confinement.state() {
            Landlock::Full | Landlock::Partial => Some(act()),
            Landlock::Unavailable | Landlock::Off => {
                eprintln!("skipped: this kernel has no Landlock");
                None
            }
        }
    };
    thread::scope(|scope| scope.spawn(body).join().unwrap())
}

/// Whether this kernel holds to ports too, since Linux 6.7.
fn holds_to_ports() -> bool {
    let pki = TestPki::new();
    let config = pairs::client(&pki, backend::echo());
    let state = confined(&pki, &config, || {
        std::net::TcpListener::bind("127.0.0.1:1").map_err(|error| error.kind())
    });
    let is_held = matches!(state, Some(Err(std::io::ErrorKind::PermissionDenied)));
    if !is_held {
        eprintln!("skipped: this kernel's Landlock knows no ports, or there is none");
    }
    is_held
}

/// There and back again.
fn ping(stream: &mut (impl Read + Write)) {
    stream.write_all(b"ping").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"ping");
}
