//! Nobody keeps the others from going on.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use serde_json::json;

use super::support::certs::TestPki;
use super::support::duplex::Duplex as _;
use super::support::program::Program;
use super::support::tls::TlsPeer;
use super::support::wait::until;
use super::support::{backend, pairs};
use super::{alice, ping};

/// Round trips that the quiet connection has to make.
const ROUND_TRIPS: usize = 1000;

/// Something that goes on in a thread until it is told to stop, and counts.
struct Noise {
    count: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Noise {
    fn make(mut act: impl FnMut() -> u64 + Send + 'static) -> Noise {
        let (count, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (counter, flag) = (Arc::clone(&count), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                counter.fetch_add(act(), Ordering::Relaxed);
            }
        });
        Noise {
            count,
            stop,
            thread: Some(thread),
        }
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(()))));
    }
}

/// Sends as fast as it can, and throws away what comes back.
fn bulk(mut stream: TcpStream) -> Noise {
    let piece = vec![7; 256 * 1024];
    let mut reader = stream.twin();
    std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    Noise::make(move || {
        stream.write_all(&piece).unwrap();
        piece.len() as u64
    })
}

#[test]
fn bulk_transfers_and_a_flood_of_handshakes_leave_a_quiet_connection_its_turns() {
    let pki = TestPki::new();
    let mut config = pairs::both(&pki, backend::echo());
    // All of it has to share one thread.
    config["workers"] = json!(1);
    let program = Program::run(&config);
    let (address, credentials) = (program.addr("gateway"), alice(&pki));
    let mut quiet = program.connect("persona");
    ping(&mut quiet, 1);
    let transfers: Vec<Noise> = (0..2).map(|_| bulk(program.connect("persona"))).collect();
    let floods: Vec<Noise> = (0..4)
        .map(|_| {
            let credentials = Arc::clone(&credentials);
            Noise::make(move || u64::from(TlsPeer::connect(address, &credentials).is_ok()))
        })
        .collect();
    let noises = || transfers.iter().chain(&floods);
    let counts = || noises().map(Noise::count).collect::<Vec<_>>();
    until("every noise", || {
        counts().iter().all(|n| *n > 0).then_some(())
    });
    let before = counts();
    ping(&mut quiet, ROUND_TRIPS);
    // None of them was kept from going on either.
    until("every noise to go on", || {
        let went_on = |(now, before): (&u64, &u64)| now > before;
        counts().iter().zip(&before).all(went_on).then_some(())
    });
}
