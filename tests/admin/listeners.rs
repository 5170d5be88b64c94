//! Where it is told.

use std::os::unix::net::UnixStream;

use serde_json::json;

use super::support::certs::TestPki;
use super::support::http::ask;
use super::support::program::Program;
use super::support::wait::{PATIENCE, until};
use super::support::{backend, pairs};
use super::{ping, program, told};

#[test]
fn a_unix_socket_tells_everything_and_its_file_goes_with_the_program() {
    let pki = TestPki::new();
    let path = pki.folder().join("admin");
    let config = pairs::both(&pki, backend::echo());
    let listen = json!(format!("unix:{}", path.display()));
    let mut program = Program::run(&pairs::with(config, "/admin/listen", listen));
    for (page, status) in [("/healthz", 200), ("/metrics", 200), ("/nothing", 404)] {
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let reply = ask(stream, &format!("GET {page} HTTP/1.1\r\nhost: x\r\n\r\n"));
        assert_eq!(reply.status, status, "{page}");
    }
    program.signal("TERM");
    assert_eq!(program.exit().code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn an_address_that_is_taken_ends_the_start() {
    let pki = TestPki::new();
    let (first, admin) = program(&pki);
    let config = pairs::both(&pki, backend::echo());
    let config = pairs::with(config, "/admin/listen", admin.to_string());
    let mut second = Program::start(&config, |_| {});
    assert_eq!(second.exit().code(), Some(1));
    ping(&mut first.connect("persona"));
}

#[test]
fn only_an_address_of_this_machine_alone_is_told_without_a_warning() {
    let pki = TestPki::new();
    for (listen, is_warned) in [("127.0.0.1:0", false), ("[::1]:0", false), (":0", true)] {
        let config = pairs::both(&pki, backend::echo());
        let program = Program::run(&pairs::with(config, "/admin/listen", listen));
        let warnings = program.lines();
        let mut warnings = warnings.iter().filter(|line| line.contains(" WARN "));
        let port = program.admin("everything").port().to_string();
        assert_eq!(
            warnings.any(|line| line.contains(&port)),
            is_warned,
            "{listen}"
        );
    }
}

/// The niceness of the threads of that name.
fn niceness(program: &Program, name: &str) -> Vec<i64> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
    let stats =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
    // `number (name) state …`, and the niceness is the 19th field (proc(5)).
    let named = stats.filter(|stat| stat.contains(&format!(" ({name}) ")));
    let fields = |stat: String| {
        stat.rsplit_once(") ")
            .unwrap()
            .1
            .split(' ')
            .nth(16)
            .map(str::to_owned)
    };
    named
        .map(|stat| fields(stat).unwrap().parse().unwrap())
        .collect()
}

#[test]
fn its_thread_gives_way_to_those_that_serve_and_is_not_there_without_a_listener() {
    let pki = TestPki::new();
    let silent = Program::run(&pairs::both(&pki, backend::echo()));
    assert!(niceness(&silent, "admin").is_empty());
    let telling = Program::run(&told(pairs::both(&pki, backend::echo())));
    let usual = niceness(&telling, "mtls-persona")[0];
    until("the thread to give way", || {
        (niceness(&telling, "admin") == [(usual + 10).min(19)]).then_some(())
    });
    for name in ["worker-0", "acceptor"] {
        assert_eq!(niceness(&telling, name), [usual]);
    }
}
