//! What a client says first.

use std::io::{Read, Write};

use super::support::backend;
use super::support::certs::TestPki;
use super::support::connector::{Tables, connector, line, said, user_client};
use super::support::pairs::with;
use super::support::postgres::Postgres;
use super::support::program::Program;

#[test]
fn the_line_may_come_in_pieces_and_what_follows_it_reaches_the_host() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("echo", backend::echo(), "acme", "alice", "");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    let stream = b"echo\nhello\nworld";
    for split in 0..=6 {
        let mut peer = said(&program, &alice, &stream[..split]);
        peer.write_all(&stream[split..]).unwrap();
        peer.end().unwrap();
        let mut told = String::new();
        peer.read_to_string(&mut told).unwrap();
        assert_eq!(told, "OK\nhello\nworld", "{split}");
    }
}

#[test]
fn much_that_follows_the_line_at_once_reaches_the_host_whole() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    tables.host("count", backend::count(), "acme", "alice", "");
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let bytes = [b"count\n".to_vec(), vec![b'\n'; 3_000_000]].concat();
    let mut peer = said(&program, &user_client(&pki, "acme", "alice"), &bytes);
    peer.end().unwrap();
    let mut told = String::new();
    peer.read_to_string(&mut told).unwrap();
    assert_eq!(told, "OK\n3000000");
}

#[test]
fn what_is_no_such_line_is_told_and_ends_cleanly() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let alice = user_client(&pki, "acme", "alice");
    let endless = [b'a'; 256];
    let much = vec![b'a'; 1_000_000];
    let cases: [&[u8]; 6] = [b"\n", b"\r\n", b"\xff\n", b"a\0b\n", &endless, &much];
    for (index, bytes) in cases.into_iter().enumerate() {
        let mut peer = said(&program, &alice, bytes);
        assert_eq!(line(&mut peer).unwrap(), "ERROR: malformed connect id\n");
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        assert_eq!(
            program.access("connector", index).reason(),
            "preamble_invalid"
        );
    }
}

#[test]
fn a_client_that_ends_before_its_line_is_whole_is_told_so() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let program = Program::run(&connector(&pki, &postgres, &tables));
    let mut peer = said(&program, &user_client(&pki, "acme", "alice"), b"half");
    peer.end().unwrap();
    assert_eq!(line(&mut peer).unwrap(), "ERROR: malformed connect id\n");
    assert_eq!(program.access("connector", 0).reason(), "preamble_invalid");
}

#[test]
fn a_client_that_says_nothing_has_the_handshakes_time() {
    let (postgres, pki) = (Postgres::shared(), TestPki::new());
    let tables = Tables::with_people(&postgres);
    let config = connector(&pki, &postgres, &tables);
    let program = Program::run(&with(config, "/timeouts/handshake", "3s"));
    for said_first in [&b""[..], b"half a line"] {
        let mut peer = said(&program, &user_client(&pki, "acme", "alice"), said_first);
        assert_eq!(line(&mut peer).unwrap(), "ERROR: no connect id in time\n");
    }
    assert_eq!(program.access("connector", 1).reason(), "preamble_timeout");
}
