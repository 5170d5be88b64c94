//! What mtlsd's documentation has its reader do, followed to the letter: its files, its ports, its paths
//! and its command line, with this program in its place.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use mtls_persona::tls::authority::Purpose;
use support::certs::{IdentityFiles, TestPki};
use support::machines::{Machine, alone, run};
use support::metrics::Scrape;
use support::peers::command;
use support::program::{PROGRAM, Program};
use support::wait::{PATIENCE, until};

/// What both of its services are to us: lines come back behind `echo: `, and whoever speaks HTTP gets
/// the path that he asked for.
fn service(port: u16) {
    serve(port, |stream| {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut stream = stream;
        while let Some(Ok(line)) = lines.next() {
            let Some(path) = line
                .strip_prefix("GET ")
                .and_then(|rest| rest.split(' ').next())
            else {
                writeln!(stream, "echo: {line}").unwrap();
                continue;
            };
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            let body = format!("you have asked for {path}\n");
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        }
        let _ = stream.shutdown(Shutdown::Write);
    });
}

/// Its test client: what comes to one port goes on to another.
fn test_client(listen: u16, tunnel: u16) {
    serve(listen, move |near| {
        let far = TcpStream::connect(("127.0.0.1", tunnel)).unwrap();
        let pass = |mut from: TcpStream, mut to: TcpStream| {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        };
        let (from, to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        std::thread::spawn(move || pass(from, to));
        pass(far, near);
    });
}

fn serve(port: u16, handle: impl Fn(TcpStream) + Send + Clone + 'static) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let handle = handle.clone();
            std::thread::spawn(move || handle(stream));
        }
    });
}

/// `echo WORDS | nc 127.0.0.1 PORT`.
fn nc(port: u16, words: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    writeln!(stream, "{words}").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What `curl` gets, by a command that runs it here or there.
fn fetched(mut curl: Command, url: &str) -> String {
    curl.args([
        "--silent",
        "--show-error",
        "--fail",
        "--max-time",
        "60",
        url,
    ]);
    let output = curl.output().unwrap();
    assert!(output.status.success(), "{url}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn curl(url: &str) -> String {
    fetched(command("curl"), url)
}

/// Puts certificates under the names that they have there.
fn install(folder: &Path, pki: &TestPki, server: &IdentityFiles, client: &IdentityFiles) {
    fs::create_dir_all(folder).unwrap();
    for (from, to) in [
        (&server.cert, "server.pem"),
        (&server.key, "server-key.pem"),
        (&client.cert, "client.pem"),
        (&client.key, "client-key.pem"),
        (&pki.ca, "ca.pem"),
    ] {
        fs::copy(from, folder.join(to)).unwrap();
    }
}

/// This program by mtlsd's command line, in a folder.
fn mtlsd(mut command: Command, folder: &Path, file: &str) -> Program {
    command.args(["-config", file]).current_dir(folder);
    Program::run_command(command, folder.join(file))
}

fn certz() -> Value {
    serde_json::from_str(&curl("http://127.0.0.1:9000/certz")).unwrap()
}

#[test]
fn the_four_processes_of_its_quick_start_do_what_they_did() {
    alone(
        "the_four_processes_of_its_quick_start_do_what_they_did",
        || {
            let pki = TestPki::new();
            let folder = TempDir::new().unwrap();
            let certs = folder.path().join("testdata/certs");
            let client = pki.client("frontend-service");
            install(&certs, &pki, &pki.server("localhost"), &client);
            for (name, text) in [
                ("server.yaml", include_str!("mtlsd/server.yaml")),
                ("client.yaml", include_str!("mtlsd/client.yaml")),
            ] {
                fs::write(folder.path().join(name), text).unwrap();
            }
            service(8080);
            let mut server = mtlsd(Command::new(PROGRAM), folder.path(), "server.yaml");
            let mut client = mtlsd(Command::new(PROGRAM), folder.path(), "client.yaml");
            test_client(7070, 9080);

            assert_eq!(nc(7070, "hello mtlsd"), "echo: hello mtlsd\n");
            assert_eq!(curl("http://127.0.0.1:7070/a"), "you have asked for /a\n");
            let access = server.access("0.0.0.0:8443", 0);
            assert_eq!(access.get("inbound_subject"), "CN=frontend-service");

            assert_eq!(
                curl("http://127.0.0.1:9000/healthz"),
                r#"{"status":"alive"}"#
            );
            assert_eq!(
                curl("http://127.0.0.1:9000/readyz"),
                r#"{"status":"ready"}"#
            );
            assert!([29, 30].contains(&certz()["days_left"].as_i64().unwrap()));
            // Behind its end, all of a connection is counted.
            server.access("0.0.0.0:8443", 1);
            let metrics = Scrape {
                text: curl("http://127.0.0.1:9001/metrics"),
            };
            assert_eq!(metrics.count("mtlsd_connections_total", &[]), 2);
            let sent = metrics.count(
                "mtlsd_bytes_proxied_total",
                &[("direction", "client_to_target")],
            );
            assert!(sent > "hello mtlsd\n".len() as u64, "{sent}");

            renews(&pki, &certs, &server);
            for program in [&server, &client] {
                program.reload();
            }
            assert_eq!(nc(7070, "and again"), "echo: and again\n");
            for program in [&mut client, &mut server] {
                program.signal("TERM");
                assert_eq!(program.exit().code(), Some(0));
            }
        },
    );
}

/// A certificate that is copied over the old one is served soon, and a live connection goes on.
fn renews(pki: &TestPki, certs: &Path, server: &Program) {
    let mut live = TcpStream::connect("127.0.0.1:7070").unwrap();
    live.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(live.try_clone().unwrap()).lines();
    let mut says = |words: &str| {
        writeln!(live, "{words}").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), format!("echo: {words}"));
    };
    says("before");
    let mut request = pki.request(Purpose::Server);
    request.validity.not_after += 100 * 86_400;
    let newer = pki.issue(&request);
    fs::copy(&newer.key, certs.join("server-key.pem")).unwrap();
    fs::copy(&newer.cert, certs.join("server.pem")).unwrap();
    until("the new certificate", || {
        let days = certz()["days_left"].as_i64().unwrap();
        [129, 130].contains(&days).then_some(())
    });
    until("the word of it", || (server.generation() > 1).then_some(()));
    says("behind it");
    assert_eq!(nc(7070, "anew"), "echo: anew\n");
}

#[test]
fn two_services_on_two_machines_speak_through_it() {
    alone("two_services_on_two_machines_speak_through_it", || {
        let pki = TestPki::new();
        let (server, client) = (pki.server("machine-a"), pki.client("worker-service"));
        let folder = TempDir::new().unwrap();
        // Its paths are under /etc: a copy of that is mounted over it, where nobody else sees it.
        let copy = folder.path().join("etc");
        fs::create_dir(&copy).unwrap();
        let copy = copy.to_str().unwrap();
        run(&format!(
            "mount -t tmpfs tmpfs {copy}; cp -a /etc/. {copy} 2>/dev/null || true; mount --bind {copy} /etc"
        ));
        install(Path::new("/etc/mtlsd"), &pki, &server, &client);
        let machine_b = Machine::joined("192.168.1.10/24", "192.168.1.20/24");
        for (name, text) in [
            ("server.yaml", include_str!("mtlsd/machine-a.yaml")),
            ("client.yaml", include_str!("mtlsd/machine-b.yaml")),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        service(3000);
        let server = mtlsd(Command::new(PROGRAM), folder.path(), "server.yaml");
        let _client = mtlsd(machine_b.command(PROGRAM), folder.path(), "client.yaml");

        let worker = fetched(machine_b.command("curl"), "http://127.0.0.1:9000/jobs");
        assert_eq!(worker, "you have asked for /jobs\n");
        let access = server.access("0.0.0.0:8443", 0);
        assert_eq!(access.get("inbound_subject"), "CN=worker-service");
        assert!(
            access.get("inbound").starts_with("192.168.1.20:"),
            "{access:?}"
        );
        assert_eq!(
            curl("http://127.0.0.1:9000/readyz"),
            r#"{"status":"ready"}"#
        );
    });
}
