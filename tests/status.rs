//! `mtls-persona status`: what a person at a terminal is told of a running program.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use support::certs::TestPki;
use support::program::{Program, outcome};
use support::terminal::Terminal;
use support::{backend, pairs};

/// Escape sequences begin with it.
const ESC: char = '\x1b';

/// A persona and a gateway before an echo, that are asked at a UNIX socket first, and at a port.
fn config(pki: &TestPki) -> Value {
    let socket = pki.folder().join("admin.sock");
    let mut config = pairs::both(pki, backend::echo());
    config["admin"] = json!({
        "health": "127.0.0.1:0",
        "listen": [format!("unix:{}", socket.display()), "127.0.0.1:0"],
    });
    config
}

/// That, running.
fn program(pki: &TestPki) -> Program {
    Program::run(&config(pki))
}

fn ping(stream: &mut TcpStream) {
    stream.write_all(b"ping").unwrap();
    stream.read_exact(&mut [0; 4]).unwrap();
}

/// What it says at standard output, when all is well.
fn told(args: &[&str]) -> String {
    let (code, out, err) = outcome(&[&["status"], args].concat());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    out
}

/// What it says at standard error, with an exit code.
fn refused(args: &[&str], expected: i32) -> String {
    let (code, out, err) = outcome(&[&["status"], args].concat());
    assert_eq!((code, out.as_str()), (expected, ""), "{err}");
    assert!(!err.is_empty());
    err
}

#[test]
fn a_running_program_is_found_by_its_configuration_and_shown_with_its_connections() {
    let pki = TestPki::new();
    let program = program(&pki);
    let mut live = program.connect("persona");
    ping(&mut live);
    let text = told(&["--config", program.config.to_str().unwrap()]);
    assert!(
        text.starts_with("mtls-persona 0.1.0  serving for "),
        "{text}"
    );
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let persona = program.addr("persona");
    for part in [
        format!("process {},", program.pid()),
        format!("client  {persona} -> "),
        format!("from {}", live.local_addr().unwrap()),
        "CN=localhost (DNS:localhost)  TLSv1.3".to_owned(),
        "CN=alice  TLSv1.3".to_owned(),
        "generation 1 serves".to_owned(),
        "nothing has failed".to_owned(),
    ] {
        assert!(
            lines.iter().any(|line| line.contains(&part)),
            "{part}: {text}"
        );
    }
    let row = lines
        .iter()
        .find(|line| line.starts_with("gateway "))
        .unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells[..4], ["gateway", "listening", "1", "1"], "{row}");
    assert!(["29", "30"].contains(&cells[4]) && cells[5] == "d", "{row}");
    // Nobody sees colours in a file.
    assert!(!text.contains(ESC));
}

#[test]
fn who_was_refused_and_why_nothing_is_reloaded_is_told_with_what_to_do() {
    let pki = TestPki::new();
    let mut config = config(&pki);
    config["address_pairs"][1]["allow"] = json!({ "cn": ["bob"] });
    let program = Program::run(&config);
    drop(program.connect("persona"));
    program.access("gateway", 0);
    let served = program.config.with_extension("served");
    std::fs::write(&served, config.to_string()).unwrap();
    program.reconfigure(&json!({ "nonsense": true }));
    program.refuse_reload();
    let text = told(&["--config", served.to_str().unwrap()]);
    for part in [
        "not reloaded: generation 1 goes on serving",
        "nonsense: unknown key",
        "acl_denied  pair gateway (inbound leg)",
        "CN=alice",
        "add the peer to allow of the pair",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn json_is_one_object_of_both_pages() {
    let pki = TestPki::new();
    let program = program(&pki);
    let mut live = program.connect("persona");
    ping(&mut live);
    let address = program.admin("everything").to_string();
    let text = told(&["--address", &address, "--json"]);
    let object: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(object["status"]["program"]["pid"], program.pid());
    assert_eq!(object["status"]["pairs_total"], 2);
    let connections = object["connections"]["connections"].as_array().unwrap();
    assert_eq!(connections.len(), 2);
}

#[test]
fn wrong_words_and_configurations_without_a_place_to_ask_end_with_2() {
    let pki = TestPki::new();
    let folder = pki.folder();
    let file = |name: &str, config: &Value| {
        let path = folder.join(name);
        std::fs::write(&path, config.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let silent = file("silent.json", &pairs::both(&pki, backend::echo()));
    assert!(refused(&["--config", &silent], 2).contains("admin"));
    let mut config = pairs::both(&pki, backend::echo());
    config["admin"] = json!({ "metrics": "127.0.0.1:9001" });
    let metrics = file("metrics.json", &config);
    assert!(refused(&["--config", &metrics], 2).contains("metrics alone"));
    config["admin"] = json!({ "listen": "127.0.0.1:0" });
    let chosen = file("chosen.json", &config);
    assert!(refused(&["--config", &chosen], 2).contains("--address"));
    let wrong = file("wrong.json", &json!({ "nonsense": 1 }));
    assert!(refused(&["--config", &wrong], 2).contains("nonsense"));
    for words in [
        &[][..],
        &["--address", "localhost"],
        &["--address", "localhost:0"],
        &["--address", "localhost:1", "--config", &silent],
        &["--address", "localhost:1", "--watch", "--json"],
    ] {
        refused(words, 2);
    }
}

#[test]
fn nobody_and_strangers_are_told_as_such_and_end_with_1() {
    let nobody = pairs::lone_address().to_string();
    let said = refused(&["--address", &nobody], 1);
    assert!(said.contains("nobody answers"), "{said}");
    let said = refused(&["--address", "unix:/nowhere/at/all"], 1);
    assert!(said.contains("nobody answers"), "{said}");
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n<p>hi</p>",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        "220 mail.example.com\r\n",
        "",
    ] {
        let address = stub(move |_, stream| stream.write_all(answer.as_bytes()).is_ok());
        let said = refused(&["--address", &address.to_string()], 1);
        assert!(said.contains("not mtls-persona"), "{answer:?}: {said}");
    }
}

#[test]
fn an_answer_without_an_end_is_not_waited_for() {
    let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\"";
    let endless = stub(move |_, stream| {
        let mut is_well = stream.write_all(head).is_ok();
        while is_well {
            is_well = stream.write_all(&[b'a'; 1 << 16]).is_ok();
        }
        false
    });
    refused(&["--address", &endless.to_string()], 1);
    let silent = stub(|_, stream| {
        // Until the other one goes.
        let _ = stream.read_to_end(&mut Vec::new());
        false
    });
    let said = refused(&["--address", &silent.to_string()], 1);
    assert!(said.contains("no answer within"), "{said}");
}

/// A service that answers a path in its own way, and keeps nothing open.
fn stub(
    answer: impl Fn(&str, &mut TcpStream) -> bool + Send + Sync + Clone + 'static,
) -> SocketAddr {
    backend::service(move |mut stream| {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0)
        {
            request.push(byte[0]);
        }
        let request = String::from_utf8(request).unwrap();
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        answer(&path, &mut stream);
    })
}

#[test]
fn whatever_stands_in_names_nothing_of_it_steers_the_terminal() {
    let pki = TestPki::new();
    let program = program(&pki);
    let mut live = program.connect("persona");
    ping(&mut live);
    let address = program.admin("everything").to_string();
    let mut object: Value =
        serde_json::from_str(&told(&["--address", &address, "--json"])).unwrap();
    let evil = "\x1b]0;owned\x07\u{9b}31m\r";
    object["status"]["pairs"][0]["name"] = json!(evil);
    object["connections"]["connections"][0]["inbound"]["peer"] =
        json!({ "subject": evil, "sans": [evil] });
    let stub = stub(move |path, stream| {
        let body = object[path.trim_start_matches('/')].to_string();
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all((head + &body).as_bytes()).is_ok()
    });
    let stub = stub.to_string();
    let steers = |c: char| c.is_control() && c != '\n';
    for args in [&["--address", &stub][..], &["--address", &stub, "--json"]] {
        let text = told(args);
        assert!(text.contains("owned"), "{text}");
        assert!(!text.contains(steers), "{text:?}");
    }
}

#[test]
fn a_terminal_gets_colours_within_its_width_unless_nobody_wants_them() {
    let pki = TestPki::new();
    let program = program(&pki);
    let address = program.admin("everything").to_string();
    let args = ["status", "--address", &address];
    let shown = |change: fn(&mut std::process::Command)| {
        let mut terminal = Terminal::run(&args, 60, 10, change);
        terminal.until(0, "generation 1 serves");
        assert_eq!(terminal.exit(), 0);
        terminal.text()
    };
    let coloured = shown(|_| {});
    assert!(
        coloured.contains("\x1b[32mlistening\x1b[0m"),
        "{coloured:?}"
    );
    let plain = shown(|command| {
        command.env("NO_COLOR", "1");
    });
    assert!(!plain.contains(ESC), "{plain:?}");
    let dumb = shown(|command| {
        command.env("TERM", "dumb");
    });
    assert!(!dumb.contains(ESC), "{dumb:?}");
    let widest = plain.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(60), "{plain}");
    // It scrolls; only what is watched has to fit.
    assert!(plain.lines().count() > 10, "{plain}");
}

#[test]
fn what_is_watched_is_drawn_again_on_a_screen_of_its_own_until_interrupted() {
    let pki = TestPki::new();
    let program = program(&pki);
    let address = program.admin("everything").to_string();
    let args = ["status", "--address", &address, "--watch"];
    let mut terminal = Terminal::run(&args, 100, 40, |_| {});
    terminal.until(0, "no connection is told of");
    let before = terminal.text().len();
    let mut live = program.connect("persona");
    ping(&mut live);
    terminal.until(before, &live.local_addr().unwrap().to_string());
    assert_eq!(terminal.interrupt(), 0);
    let (enter, leave) = ("\x1b[?1049h", "\x1b[?1049l");
    terminal.until(0, leave);
    let text = terminal.text();
    assert!(text.starts_with(enter) && text.ends_with(leave), "{text:?}");
    assert_eq!(text.matches(enter).count(), 1);
}

#[test]
fn while_nobody_answers_who_watches_sees_what_was_told_last() {
    let pki = TestPki::new();
    let mut program = program(&pki);
    let address = program.admin("everything").to_string();
    let args = ["status", "--address", &address, "--watch"];
    let mut terminal = Terminal::run(&args, 100, 20, |_| {});
    terminal.until(0, "persona");
    program.signal("TERM");
    assert_eq!(program.exit().code(), Some(0));
    terminal.until(0, "no answer");
    let at = terminal.text().find("no answer").unwrap();
    terminal.until(at, "persona");
    assert_eq!(terminal.interrupt(), 0);
}

#[test]
fn no_file_is_flooded_by_watching() {
    let pki = TestPki::new();
    let program = program(&pki);
    let address = program.admin("everything").to_string();
    let (code, out, err) = outcome(&["status", "--address", &address, "--watch"]);
    assert_eq!(code, 0);
    assert_eq!(out.matches("mtls-persona 0.1.0").count(), 1, "{out}");
    assert!(err.contains("no terminal"), "{err}");
}
