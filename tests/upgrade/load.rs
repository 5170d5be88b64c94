//! Under load no connection is refused and none is cut.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::process::Signal;

use super::ping;
use super::support::certs::TestPki;
use super::support::succession::Line;
use super::support::wait::{PATIENCE, until};
use super::support::{backend, pairs};

/// Connects, has its bytes echoed and ends; what has gone wrong.
fn visit(address: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"ping")?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    assert_eq!(&answer, b"ping");
    stream.shutdown(std::net::Shutdown::Write)?;
    match stream.read(&mut answer)? {
        0 => Ok(()),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

/// Has threads visit all the time while something is done.
fn under_load(address: SocketAddr, act: impl FnOnce(&AtomicUsize)) {
    let (is_over, visits) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    visit(address).unwrap();
                    visits.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // The threads are to end also when this fails.
        let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(&visits)));
        is_over.store(true, Ordering::Relaxed);
        acted.unwrap();
    });
}

/// Waits until so many more visits have come to a good end.
fn more_visits(visits: &AtomicUsize) {
    let before = visits.load(Ordering::Relaxed);
    until("visits", || {
        (visits.load(Ordering::Relaxed) > before + 20).then_some(())
    });
}

#[test]
fn three_upgrades_under_load_refuse_nobody_and_cut_nobody() {
    let pki = TestPki::new();
    let config = pairs::both(&pki, backend::echo());
    let config = pairs::with(config, "/timeouts/drain", "10m");
    let mut line = Line::run(&config);
    let mut pids = line.pids();
    let mut lasting = Vec::new();
    under_load(line.program.addr("persona"), |visits| {
        for _ in 0..3 {
            let mut live = line.program.connect("persona");
            ping(&mut live);
            lasting.push(live);
            more_visits(visits);
            pids.push(line.upgrade(*pids.last().unwrap()));
            more_visits(visits);
            for live in &mut lasting {
                ping(live);
            }
        }
    });
    assert_eq!(line.failures(), 0);
    assert_eq!(
        line.pids(),
        pids,
        "each lives as long as its connections do"
    );
    // The newest one serves alone.
    for pid in &pids[..3] {
        line.signal(*pid, Signal::KILL);
    }
    let _ = line.program.exit();
    until("the end of the old ones", || {
        (line.pids() == pids[3..]).then_some(())
    });
    ping(&mut line.program.connect("persona"));
}
