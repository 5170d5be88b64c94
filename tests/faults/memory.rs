//! Memory that is not to be had: the program aborts as a whole, and nobody takes a part for the whole.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::sync::mpsc::channel;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use super::support::certs::TestPki;
use super::support::duplex::Duplex;
use super::support::pattern;
use super::support::program::Program;
use super::support::tls::{TlsPeer, alice};
use super::support::wait::PATIENCE;
use super::support::{backend, pairs};

/// How far a stream has come when memory gets scarce.
const MIDDLE: u64 = 1 << 20;

/// Lets a program have so many bytes of memory more than it has now, and no more. It is about what may be
/// written to: the address space has large parts that are set aside and not used.
fn leave(program: &Program, more: u64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let mut lines = status.lines();
    let kib = lines.find_map(|line| line.strip_prefix("VmData:")).unwrap();
    let kib: u64 = kib.trim().trim_end_matches(" kB").parse().unwrap();
    let most = Some(kib * 1024 + more);
    let limit = Rlimit {
        current: most,
        maximum: most,
    };
    let pid = Pid::from_raw(program.pid().try_into().unwrap());
    prlimit(pid, Resource::Data, limit).unwrap();
}

#[test]
fn a_program_that_gets_no_memory_aborts_and_every_end_sees_that_its_stream_was_cut() {
    const TOTAL: u64 = 64 << 20;
    const STALLED: usize = 8;
    let pki = TestPki::new();
    let (hand_over, services) = channel();
    let service = backend::service(move |stream| {
        stream.be_patient();
        let _ = hand_over.send(stream);
    });
    let mut program = Program::run(&pairs::server(&pki, service));
    let (own, gateway) = (alice(&pki), program.addr("gateway"));
    let dial = || TlsPeer::connect(gateway, &own);
    let flood = |mut peer: TlsPeer| {
        std::thread::spawn(move || {
            let sent = pattern::send(&mut peer, TOTAL);
            (peer, sent)
        })
    };
    let sending = flood(dial().unwrap());
    let mut reader: TcpStream = services.recv_timeout(PATIENCE).unwrap();
    let (came, _) = pattern::receive_range(&mut reader, 0, MIDDLE);
    assert_eq!(came, MIDDLE);

    leave(&program, 1 << 20);
    // For a reader that stops, some of its bytes are kept. The last of these may find nobody any more.
    let stalled: Vec<_> = (0..STALLED)
        .filter_map(|_| dial().ok())
        .map(flood)
        .collect();
    assert_eq!(program.exit().signal(), Some(Signal::ABORT.as_raw()));

    let (came, end) = pattern::receive_range(&mut reader, MIDDLE, u64::MAX);
    assert!(came < TOTAL);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    for sending in stalled.into_iter().chain([sending]) {
        let (mut peer, sent) = sending.join().unwrap();
        assert!(sent.is_err());
        let end = peer.read(&mut [0]).unwrap_err();
        let cut = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
        assert!(cut.contains(&end.kind()), "{end}");
    }
}
