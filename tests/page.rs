//! The page for a browser, in a browser: what it shows of a running program, and what it never does.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "page/guarded.rs"]
mod guarded;
#[path = "page/looks.rs"]
mod looks;
#[path = "page/shown.rs"]
mod shown;
mod support;

use std::net::SocketAddr;

use serde_json::Value;

use support::backend::ping;
use support::certs::TestPki;
use support::chromium::Browser;
use support::program::Program;
use support::{backend, pairs};

/// A configuration that tells everything on a free port.
fn told(config: Value) -> Value {
    pairs::with(config, "/admin/listen", "127.0.0.1:0")
}

/// A persona and a gateway before an echo.
fn program(pki: &TestPki) -> Program {
    Program::run(&told(pairs::both(pki, backend::echo())))
}

/// The page of a program.
fn page(program: &Program) -> Browser {
    Browser::open(&url(program.admin("everything")))
}

fn url(admin: SocketAddr) -> String {
    format!("http://{admin}/")
}
