//! What a confined thread can do, and what it cannot.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::support::certs::TestPki;
use super::support::program::Program;
use super::support::{backend, pairs};
use super::{confined, has_landlock, holds_to_ports, ping};

fn kind<T>(result: std::io::Result<T>) -> Result<(), ErrorKind> {
    result.map(drop).map_err(|error| error.kind())
}

const DENIED: Result<(), ErrorKind> = Err(ErrorKind::PermissionDenied);

#[test]
fn it_reads_the_folders_of_its_files_and_what_the_system_needs_and_nothing_else() {
    if !has_landlock() {
        return;
    }
    let (pki, elsewhere) = (TestPki::new(), TempDir::new().unwrap());
    let secret = elsewhere.path().join("secret");
    fs::write(&secret, "of somebody else").unwrap();
    let config = pairs::client(&pki, backend::echo());
    let cert = config["cert"].as_str().unwrap().to_owned();
    confined(&pki, &config, || {
        assert_eq!(kind(File::open(&cert)), Ok(()));
        assert_eq!(kind(fs::read_dir(pki.folder())), Ok(()));
        assert_eq!(kind(File::open(&secret)), DENIED);
        assert_eq!(kind(fs::read_dir(elsewhere.path())), DENIED);
        assert_eq!(kind(fs::read_dir("/")), DENIED);
        assert_eq!(kind(fs::read_dir("/tmp")), DENIED);
        // What the system's part of it is for.
        for path in ["/etc/passwd", "/proc/self/status", "/dev/urandom"] {
            assert_eq!(kind(File::open(path)), Ok(()), "{path}");
        }
        assert_eq!(kind("localhost:1".to_socket_addrs()), Ok(()));
        assert_eq!(kind(fs::read_dir("/proc/self/fd")), Ok(()));
    });
}

#[test]
fn it_writes_nothing_removes_nothing_and_starts_nothing() {
    if !has_landlock() {
        return;
    }
    let pki = TestPki::new();
    let config = pairs::client(&pki, backend::echo());
    let cert = config["cert"].as_str().unwrap().to_owned();
    let before = fs::read(&cert).unwrap();
    confined(&pki, &config, || {
        let cert = Path::new(&cert);
        assert_eq!(kind(File::options().append(true).open(cert)), DENIED);
        assert_eq!(kind(fs::remove_file(cert)), DENIED);
        assert_eq!(kind(fs::rename(cert, pki.folder().join("x"))), DENIED);
        assert_eq!(kind(fs::create_dir(pki.folder().join("x"))), DENIED);
        assert_eq!(kind(Command::new("/bin/true").spawn()), DENIED);
    });
    assert_eq!(fs::read(&cert).unwrap(), before);
}

#[test]
fn it_makes_and_removes_sockets_where_it_is_to_listen_and_reaches_all_others() {
    if !has_landlock() {
        return;
    }
    let (pki, elsewhere) = (TestPki::new(), TempDir::new().unwrap());
    let inbound = TempDir::new().unwrap();
    let (own, other) = (inbound.path().join("in"), elsewhere.path().join("out"));
    let _destination = UnixListener::bind(&other).unwrap();
    let mut config = pairs::client(&pki, backend::echo());
    config["address_pairs"][0]["inbound"] = json!(format!("unix:{}", own.display()));
    config["address_pairs"][0]["outbound"] = json!(format!("unix:{}", other.display()));
    confined(&pki, &config, || {
        drop(UnixListener::bind(&own).unwrap());
        fs::remove_file(&own).unwrap();
        assert_eq!(kind(UnixListener::bind(other.with_extension("x"))), DENIED);
        assert_eq!(kind(fs::remove_file(&other)), DENIED);
        assert_eq!(kind(UnixStream::connect(&other)), Ok(()));
        // To make sockets there is not to make or to read files.
        assert_eq!(kind(File::create(&own)), DENIED);
        assert_eq!(kind(fs::read_dir(inbound.path())), DENIED);
    });
}

#[test]
fn it_listens_on_its_ports_and_connects_to_its_ports_and_to_no_others() {
    if !holds_to_ports() {
        return;
    }
    let pki = TestPki::new();
    let (inbound, admin) = (pairs::lone_address(), pairs::lone_address());
    let (outbound, other) = (backend::echo(), backend::echo());
    let mut config = pairs::client(&pki, outbound);
    config["address_pairs"][0]["inbound"] = json!(inbound.to_string());
    config["admin"] = json!({"listen": admin.to_string()});
    confined(&pki, &config, || {
        assert_eq!(kind(TcpListener::bind(inbound)), Ok(()));
        assert_eq!(kind(TcpListener::bind(admin)), Ok(()));
        let another = SocketAddr::new(inbound.ip(), free_port_beside(&[inbound, admin]));
        assert_eq!(kind(TcpListener::bind(another)), DENIED);
        assert_eq!(kind(TcpListener::bind("127.0.0.1:0")), DENIED);
        assert_eq!(kind(TcpStream::connect(outbound)), Ok(()));
        assert_eq!(kind(TcpStream::connect(other)), DENIED);
        // The name service by TCP: nobody listens here, but it may be asked.
        assert_ne!(kind(TcpStream::connect("127.219.1.1:53")), DENIED);
    });
}

/// A port that is none of these.
fn free_port_beside(taken: &[SocketAddr]) -> u16 {
    let ports = 20000..;
    let mut ports = ports.filter(|port| taken.iter().all(|address| address.port() != *port));
    ports.next().unwrap()
}

#[test]
fn any_port_that_the_system_chooses_is_granted_where_a_pair_asks_for_one() {
    if !has_landlock() {
        return;
    }
    let pki = TestPki::new();
    let config = pairs::client(&pki, backend::echo());
    confined(&pki, &config, || {
        assert_eq!(kind(TcpListener::bind("127.0.0.1:0")), Ok(()));
    });
}

#[test]
fn switched_off_it_confines_nothing() {
    let (pki, elsewhere) = (TestPki::new(), TempDir::new().unwrap());
    let config = pairs::with(pairs::client(&pki, backend::echo()), "/landlock", false);
    confined(&pki, &config, || {
        assert_eq!(kind(File::create(elsewhere.path().join("x"))), Ok(()));
    });
}

/// The threads of a program, and what the kernel says in this field of each.
fn of_each_thread(program: &Program, field: &str) -> Vec<(String, String)> {
    let tasks = fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
    let threads = tasks.map(|task| {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let of = |field: &str| {
            let line = status.lines().find(|line| line.starts_with(field)).unwrap();
            line[field.len()..].trim().to_owned()
        };
        (of("Name:"), of(field))
    });
    threads.collect()
}

#[test]
fn every_thread_of_the_program_was_begun_behind_it() {
    if !has_landlock() {
        return;
    }
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    config["watch"] = json!(true);
    let program = Program::run(&config);
    ping(&mut program.connect("persona"));
    // There is no field of Landlock's; but it takes this, and the one comes with the other.
    let threads = of_each_thread(&program, "NoNewPrivs:");
    let names: Vec<_> = threads.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["log", "signals", "watch", "acceptor", "worker-0", "dns-0"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(threads.iter().all(|(_, is)| is == "1"), "{threads:?}");
    drop(program);
    let open = Program::run(&pairs::with(config, "/landlock", false));
    let threads = of_each_thread(&open, "NoNewPrivs:");
    assert!(threads.iter().all(|(_, is)| is == "0"), "{threads:?}");
}
