//! Disks that are full: of the log, of UNIX sockets, of what commands write. There is nothing else that the
//! program writes.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::support::access::Access;
use super::support::certs::TestPki;
use super::support::duplex::unix_connect;
use super::support::machines::{alone, run};
use super::support::metrics::Scrape;
use super::support::program::{PROGRAM, Program};
use super::support::tls::{localhost, service};
use super::support::wait::until;
use super::support::{backend, http, pairs};
use super::{ping, told};

/// A program whose log goes to a file; killed when dropped.
struct Logging {
    child: Child,
    inbound: SocketAddr,
    admin: SocketAddr,
}

impl Logging {
    fn to(pki: &TestPki, log: File) -> Logging {
        let (inbound, admin) = (pairs::lone_address(), pairs::lone_address());
        let mut config = pairs::both(pki, backend::echo());
        config["address_pairs"][0]["inbound"] = json!(inbound.to_string());
        config["admin"] = json!({ "listen": admin.to_string() });
        let file = pki.folder().join("mtls-persona.json");
        fs::write(&file, config.to_string()).unwrap();
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("--config").arg(file).stderr(log);
        let child = command.spawn().unwrap();
        let logging = Logging {
            child,
            inbound,
            admin,
        };
        until("the program to be ready", || {
            let stream = TcpStream::connect(admin).ok()?;
            drop(stream);
            (http::get(admin, "/readyz").status == 200).then_some(())
        });
        logging
    }

    /// A connection that comes and goes: two lines of the log.
    fn connection(&self) {
        ping(&mut TcpStream::connect(self.inbound).unwrap());
    }

    /// Lines that were dropped, and connections that have ended.
    fn counted(&self) -> [u64; 2] {
        let scrape = Scrape::take(self.admin);
        let names = ["log_lines_dropped", "connection_closes"];
        names.map(|name| scrape.count(&format!("mtls_persona_{name}_total"), &[]))
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        let status = until("its end", || self.child.try_wait().unwrap());
        assert!(status.success(), "{status}");
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn a_log_that_goes_to_a_full_disk_costs_its_lines_and_no_connection_and_they_are_counted() {
    const CONNECTIONS: u64 = 5;
    let pki = TestPki::new();
    let program = Logging::to(&pki, full());
    let before = until("the lines of the start to be dropped", || {
        let [dropped, _] = program.counted();
        (dropped > 0).then_some(dropped)
    });
    for _ in 0..CONNECTIONS {
        program.connection();
    }
    until("the lines of their ends to be dropped", || {
        let [dropped, closed] = program.counted();
        // Some of the start may have come behind the first look.
        (closed == 2 * CONNECTIONS && dropped >= before + closed).then_some(())
    });
    program.stop();
}

#[test]
fn a_disk_that_has_room_again_gets_whole_lines_and_how_many_are_missing() {
    alone(
        "full::a_disk_that_has_room_again_gets_whole_lines_and_how_many_are_missing",
        || {
            let pki = TestPki::new();
            let disk = small_disk(&pki, "size=64k");
            let log = disk.join("log");
            let program = Logging::to(&pki, File::create(&log).unwrap());
            fill(&disk.join("other"));
            until("the disk to be full of lines", || {
                program.connection();
                (program.counted()[0] >= 20).then_some(())
            });
            fs::remove_file(disk.join("other")).unwrap();
            let told = || fs::read_to_string(&log).unwrap();
            until("the lines that were dropped to be told", || {
                program.connection();
                told().contains(" log lines were dropped").then_some(())
            });
            until("each end to be told, or counted", || {
                let [dropped, closed] = program.counted();
                (whole_ends(&told()) + dropped >= closed).then_some(())
            });
            program.stop();
        },
    );
}

/// A file system of its own that holds so much, in the words of `mount`.
fn small_disk(pki: &TestPki, size: &str) -> PathBuf {
    let disk = pki.folder().join("disk");
    fs::create_dir(&disk).unwrap();
    run(&format!(
        "mount -t tmpfs -o {size} tmpfs {}",
        disk.display()
    ));
    disk
}

/// Writes until there is no room.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    while file.write_all(&[b'x'; 1024]).is_ok() {}
}

/// How many ends of connections a log tells. The line at which the disk was full may have broken off, but
/// none runs into another.
fn whole_ends(log: &str) -> u64 {
    for line in log.lines() {
        assert!(line.matches(" access: ").count() <= 1, "{line}");
    }
    let accesses = log.lines().filter_map(Access::parse);
    let whole = accesses.filter(|access| access.reason() == "completed");
    whole.count() as u64
}

#[test]
fn a_unix_socket_on_a_full_disk_keeps_the_program_from_starting_and_a_reload_from_being_taken() {
    alone(
        "full::a_unix_socket_on_a_full_disk_keeps_the_program_from_starting_and_a_reload_from_being_taken",
        || {
            let pki = TestPki::new();
            let disk = small_disk(&pki, "nr_inodes=2");
            let filler = disk.join("filler");
            File::create(&filler).unwrap();
            let at = |path: &str| format!("unix:{}", disk.join(path).display());
            let before = pairs::both(&pki, backend::echo());
            let before = told(pairs::with(before, "/landlock", false));

            for key in ["/address_pairs/0/inbound", "/admin/listen"] {
                let config = pairs::with(before.clone(), key, at("socket"));
                let mut program = Program::start(&config, |_| {});
                assert_eq!(program.exit().code(), Some(1));
                until("what the system says", || {
                    program.has_line("No space left").then_some(())
                });
            }

            let program = Program::run(&before);
            let mut live = program.connect("persona");
            ping(&mut live);
            let after = pairs::with(before.clone(), "/address_pairs/0/inbound", at("socket"));
            program.reconfigure(&after);
            program.refuse_reload();
            ping(&mut live);
            ping(&mut program.connect("persona"));
            let scrape = Scrape::take(program.admin("everything"));
            let failures = [("result", "failure")];
            assert_eq!(scrape.count("mtls_persona_reloads_total", &failures), 1);
            assert_eq!(scrape.count("mtls_persona_reload_failing", &[]), 1);

            fs::remove_file(&filler).unwrap();
            program.reload();
            ping(&mut unix_connect(&disk.join("socket")));
        },
    );
}

#[test]
fn an_authority_on_a_full_disk_writes_nothing_by_halves() {
    alone(
        "full::an_authority_on_a_full_disk_writes_nothing_by_halves",
        || {
            let pki = TestPki::new();
            let disk = small_disk(&pki, "size=64k");
            let issue = |words: &[&str]| {
                let mut command = Command::new(PROGRAM);
                command.arg("pki").args(words).current_dir(&disk);
                command.output().unwrap().status.code()
            };
            assert_eq!(issue(&["init"]), Some(0));
            fill(&disk.join("other"));
            let before = files(&disk.join("pki"));
            for words in [
                &["server", "localhost"][..],
                &["client", "alice"],
                &["crl"],
                &["init", "--force"],
            ] {
                assert_eq!(issue(words), Some(1), "{words:?}");
                assert_eq!(files(&disk.join("pki")), before, "{words:?}");
            }
            fs::remove_file(disk.join("other")).unwrap();
            assert_eq!(issue(&["server", "localhost"]), Some(0));
        },
    );
}

/// The files of a folder with what is in them.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_command_whose_output_goes_to_a_full_disk_says_that_it_could_not() {
    let pki = TestPki::new();
    let config = pki.folder().join("mtls-persona.json");
    let text = pairs::server(&pki, backend::echo()).to_string();
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let folder = pki.folder().to_str().unwrap();
    for words in [
        &["check", "--config", config][..],
        &["check", "--print", "--config", config],
        &["probe", "--config", config],
        &["fips"],
        &["fips", "--json"],
        &["pki", "init", "--dir", folder],
        &["--version"],
        &["--help"],
        &["run", "--help"],
    ] {
        let mut command = Command::new(PROGRAM);
        let output = command.args(words).stdout(full()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {error}");
        assert!(error.starts_with("mtls-persona: "), "{words:?}: {error}");
    }
}

#[test]
fn what_a_host_sends_to_a_full_disk_is_no_success_of_connect() {
    let pki = TestPki::new();
    let proxy = service(localhost(&pki), |mut peer| {
        let mut asked = [0; 3];
        let _ = peer.read_exact(&mut asked);
        let _ = peer.write_all(b"OK\nall that there is");
        let _ = peer.end();
        let _ = peer.read(&mut [0]);
    });
    let alice = pki.client("alice");
    let connect = |output: Stdio| {
        let mut command = Command::new(PROGRAM);
        command.args([
            "connect",
            "--connect-id",
            "db",
            "--server-name",
            "localhost",
        ]);
        command.arg("--proxy").arg(proxy.to_string());
        command
            .arg("--cert")
            .arg(&alice.cert)
            .arg("--key")
            .arg(&alice.key);
        command.arg("--ca").arg(&pki.ca);
        command.stdin(Stdio::null()).stdout(output);
        command.output().unwrap().status.code()
    };
    assert_eq!(connect(Stdio::null()), Some(0));
    assert_eq!(connect(full().into()), Some(1));
}
