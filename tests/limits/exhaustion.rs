//! Out of descriptors, and under a rain of garbage: the program goes on.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use super::support::certs::TestPki;
use super::support::crowd::Crowd;
use super::support::pairs;
use super::support::pattern::random_bytes;
use super::support::program::{Program, with_descriptors};
use super::support::tls::{self, TlsPeer};
use super::support::wait::until;
use super::{alice, localhost, ping};

/// Processor time that the program has used, in ticks of the system.
fn processor_ticks(program: &Program) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.pid())).unwrap();
    // Behind the name, which may hold anything, user and system time are the 12th and 13th.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// Waits until the program has used no processor time for some looks: what spins never comes to that.
fn until_at_rest(program: &Program) {
    const LOOKS: u32 = 150;
    let (mut last, mut same) = (0, 0);
    until("the program to rest", || {
        let now = processor_ticks(program);
        same = if now == last { same + 1 } else { 0 };
        last = now;
        (same == LOOKS).then_some(())
    });
}

/// The descriptors of a program by their numbers. Some may have been inherited, with high ones.
fn numbers(program: &Program) -> Vec<usize> {
    let entries = fs::read_dir(format!("/proc/{}/fd", program.pid())).unwrap();
    let number =
        |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    entries.filter_map(number).collect()
}

/// How many descriptors a program may still open if their limit is `limit`.
fn free_below(program: &Program, limit: usize) -> usize {
    limit - numbers(program).iter().filter(|n| **n < limit).count()
}

/// The limit at which a program that now has no connection may open so many descriptors.
fn limit_for(program: &Program, count: usize) -> usize {
    (0..)
        .find(|limit| free_below(program, *limit) == count)
        .unwrap()
}

/// A persona with descriptors for so many connections, and that limit.
fn held_to(pki: &TestPki, connections: usize) -> (Program, usize) {
    let service = tls::service(localhost(pki), tls::echo);
    // Above what the descriptors allow: the program has to meet the wall itself.
    let config = pairs::with(pairs::client(pki, service), "/limits/connections", 1000);
    let limit = limit_for(&Program::run(&config), 2 * connections);
    let program = Program::run_with(&config, |command| with_descriptors(command, limit));
    (program, limit)
}

/// A connection that has carried bytes.
fn served_by(program: &Program) -> TcpStream {
    let mut stream = program.connect("persona");
    ping(&mut stream, 1);
    stream
}

#[test]
fn running_out_of_descriptors_is_survived_without_spinning_or_flooding_the_log() {
    const SERVED: usize = 20;
    const WAITING: usize = 50;
    let pki = TestPki::new();
    let (program, limit) = held_to(&pki, SERVED);
    let base = program.descriptors();

    let mut served: Vec<TcpStream> = (0..SERVED).map(|_| served_by(&program)).collect();
    assert_eq!(free_below(&program, limit), 0);
    let open = |_| program.connect("persona");
    let waiting: Vec<TcpStream> = (0..WAITING).map(open).collect();
    until("the wall", || (program.errors() > 0).then_some(()));
    until_at_rest(&program);
    served.iter_mut().for_each(|stream| ping(stream, 10));
    // One for the lasting condition, and one more for each interval of it on a slow machine.
    let count = program.errors();
    assert!((1..=6).contains(&count), "{count} errors");

    drop((served, waiting));
    // Those that waited are accepted only now, and take descriptors for as long as it takes to see
    // that they have gone.
    until("the end of everybody who was accepted", || {
        (program.accesses("persona").len() >= SERVED + WAITING).then_some(())
    });
    until("the descriptors to be free", || {
        (program.descriptors() <= base).then_some(())
    });
    for _ in 0..SERVED {
        ping(&mut program.connect("persona"), 3);
    }
    // Some were accepted with the last descriptor, and had none left to connect with.
    for access in program.accesses("persona") {
        let reason = access.reason();
        let known = [
            "completed",
            "connect_failed",
            "inbound_gone",
            "source_reset",
        ];
        let is_known = known.contains(&reason) || reason.starts_with("handshake_");
        assert!(is_known, "{reason}");
    }
}

#[test]
fn a_reload_that_finds_no_descriptor_is_refused_and_taken_once_there_are_some() {
    const SERVED: usize = 20;
    let pki = TestPki::new();
    let (program, limit) = held_to(&pki, SERVED);
    let base = program.descriptors();
    let mut served: Vec<TcpStream> = (0..SERVED).map(|_| served_by(&program)).collect();
    assert_eq!(free_below(&program, limit), 0);
    program.refuse_reload();
    served.iter_mut().for_each(|stream| ping(stream, 1));
    drop(served);
    until("the descriptors to be free", || {
        (program.descriptors() <= base).then_some(())
    });
    program.reload();
    ping(&mut program.connect("persona"), 1);
}

/// What a stranger may send: nothing but noise, noise behind a record's header, or behind the first
/// bytes of a ClientHello.
fn garbage(number: u64) -> Vec<u8> {
    let mut bytes = random_bytes(number, 1 + (number as usize * 37) % 3000);
    let header: &[u8] = match number % 4 {
        0 => &[],
        1 => &[22, 3, 1, 2, 0],
        2 => &[22, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3],
        _ => &[23, 3, 3, 0, 32],
    };
    let count = header.len().min(bytes.len());
    bytes[..count].copy_from_slice(&header[..count]);
    bytes
}

#[test]
fn garbage_from_many_connections_at_once_ends_nothing_but_them() {
    const THREADS: u64 = 8;
    const EACH: u64 = 60;
    let (pki, crowd) = (TestPki::new(), Crowd::start());
    let config = pairs::server(&pki, crowd.address);
    let program = Program::run(&pairs::with(config, "/timeouts/handshake", "2s"));
    let credentials = alice(&pki);
    let mut live = TlsPeer::connect(program.addr("gateway"), &credentials).unwrap();
    ping(&mut live, 1);
    let base = program.descriptors();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let program = &program;
            scope.spawn(move || {
                for number in 0..EACH {
                    let mut stream = program.connect("gateway");
                    // It may be cut while it is still sending.
                    let _ = stream.write_all(&garbage(thread * EACH + number));
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            });
        }
        ping(&mut live, 200);
    });
    let count = (THREADS * EACH) as usize;
    let accesses = until("every end to be told", || {
        let accesses = program.accesses("gateway");
        (accesses.len() >= count).then_some(accesses)
    });
    let known = ["tls_", "handshake_"];
    for access in accesses {
        let reason = access.reason();
        assert!(known.iter().any(|r| reason.starts_with(r)), "{reason}");
    }
    until("the descriptors to be free", || {
        (program.descriptors() <= base).then_some(())
    });
    ping(&mut live, 1);
    ping(
        &mut TlsPeer::connect(program.addr("gateway"), &credentials).unwrap(),
        1,
    );
}
