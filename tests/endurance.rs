//! Many connections: one after another, at once, and idle.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use support::certs::TestPki;
use support::crowd::{Crowd, raise_descriptors};
use support::pairs;
use support::program::Program;
use support::wait::until;

/// Descriptors of a process that are not a connection's: listeners, pollers, files, other tests.
const OTHERS: u64 = 200;

/// The tests share this process's descriptors and the machine's processors: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Handshakes by the thousand take their time on a small machine: nobody is cut for that here.
fn unhurried(config: Value) -> Value {
    let config = pairs::with(config, "/timeouts/connect", "10m");
    pairs::with(config, "/timeouts/handshake", "10m")
}

/// One request, its end, one answer, its end.
fn short_connection(program: &Program, number: u64) {
    let mut stream = program.connect("persona");
    stream.write_all(&number.to_be_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, number.to_be_bytes());
}

#[test]
fn twenty_thousand_short_connections_leave_nothing_behind() {
    const LANES: u64 = 4;
    const WARM: u64 = 500;
    const EACH: u64 = 5000;
    let _alone = alone();
    let pki = TestPki::new();
    let crowd = Crowd::start();
    let program = Program::run(&unhurried(pairs::both(&pki, crowd.address)));
    let base = program.descriptors();
    let round = |from: u64, to: u64| {
        std::thread::scope(|scope| {
            for lane in 0..LANES {
                let program = &program;
                scope.spawn(move || {
                    (from..to).for_each(|n| short_connection(program, lane << 32 | n));
                });
            }
        });
        until_at_base(&[(&program, base)]);
    };
    round(0, WARM);
    let warm = program.memory_kib();
    round(WARM, EACH);
    let grown = program.memory_kib().saturating_sub(warm);
    println!(
        "{} connections: {warm} KiB resident after {}, {grown} KiB more at the end",
        LANES * EACH,
        LANES * WARM
    );
    assert!(grown < 2048, "{grown} KiB");
    short_connection(&program, 0);
}

/// A persona and a gateway, each in a process and with a descriptor limit of its own, before a crowd.
struct Chain {
    persona: Program,
    gateway: Program,
    crowd: Crowd,
    base: (usize, usize),
    memory_kib: (u64, u64),
    _pki: TestPki,
}

impl Chain {
    fn start() -> Chain {
        let pki = TestPki::new();
        let crowd = Crowd::start();
        let gateway = Program::run(&unhurried(pairs::server(&pki, crowd.address)));
        let config = pairs::client(&pki, gateway.addr("gateway"));
        let persona = Program::run(&unhurried(config));
        // What is allocated once is allocated behind this.
        for number in 0..20 {
            short_connection(&persona, number);
        }
        until("the crowd to be gone", || crowd.is_empty().then_some(()));
        Chain {
            base: (persona.descriptors(), gateway.descriptors()),
            memory_kib: (persona.memory_kib(), gateway.memory_kib()),
            persona,
            gateway,
            crowd,
            _pki: pki,
        }
    }

    fn until_at_base(&self) {
        let (persona, gateway) = self.base;
        until_at_base(&[(&self.persona, persona), (&self.gateway, gateway)]);
    }
}

fn until_at_base(programs: &[(&Program, usize)]) {
    until("the descriptors to return to their number", || {
        let is_back = |(program, base): &(&Program, usize)| program.descriptors() <= *base;
        programs.iter().all(is_back).then_some(())
    });
}

/// Every connection sends its number, and only then any answer is read.
fn all_answer(streams: &mut [TcpStream]) {
    for (number, stream) in streams.iter_mut().enumerate() {
        stream.write_all(&number.to_be_bytes()).unwrap();
    }
    for (number, stream) in streams.iter_mut().enumerate() {
        let mut answer = 0_usize.to_be_bytes();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, number.to_be_bytes());
    }
}

#[test]
fn five_thousand_connections_opened_at_once_are_all_served() {
    const WANTED: u64 = 5000;
    let _alone = alone();
    // Two descriptors for each connection in each process: the ends here, the crowd's included.
    let allowed = (raise_descriptors(2 * WANTED + OTHERS) - OTHERS) / 2;
    let count = WANTED.min(allowed);
    let chain = Chain::start();
    let open = |_| chain.persona.connect("persona");
    let mut streams: Vec<TcpStream> = (0..count).map(open).collect();
    all_answer(&mut streams);
    println!("{count} connections of {WANTED} opened at once and served");
    assert_eq!(chain.crowd.live.load(Ordering::Acquire) as u64, count);
    drop(streams);
    chain.until_at_base();
    short_connection(&chain.persona, 0);
}

#[test]
fn ten_thousand_idle_connections_are_held_and_still_answer() {
    const WANTED: u64 = 10_000;
    let _alone = alone();
    let limit = raise_descriptors(2 * WANTED + OTHERS);
    let count = WANTED.min((limit - OTHERS) / 2);
    let chain = Chain::start();
    let open = |_| chain.persona.connect("persona");
    let mut streams: Vec<TcpStream> = (0..count).map(open).collect();
    all_answer(&mut streams);
    println!(
        "{count} idle connections of {WANTED} held: two descriptors each, and each process may have \
         {limit}"
    );
    let (persona, gateway) = chain.memory_kib;
    for (program, before, what) in [
        (&chain.persona, persona, "persona"),
        (&chain.gateway, gateway, "gateway"),
    ] {
        let grown = program.memory_kib() - before;
        println!("{what}: {} bytes for each of them", grown * 1024 / count);
        // A buffer that an idle connection kept would be 16 KiB at the least.
        assert!(grown / count < 64, "{grown} KiB");
    }
    all_answer(&mut streams);
    // Every second one goes away; the others do not notice.
    let mut kept: Vec<TcpStream> = streams.into_iter().step_by(2).collect();
    all_answer(&mut kept);
    drop(kept);
    chain.until_at_base();
    short_connection(&chain.persona, 0);
}
