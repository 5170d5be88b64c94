//! Something between a program and its database that can stop to pass anything on.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Passes everything on while it is open; shut, it holds what comes and ends nothing.
pub struct Valve {
    /// Where it listens.
    pub address: SocketAddr,
    is_shut: Arc<AtomicBool>,
}

impl Valve {
    /// Opens one before that database.
    pub fn before(database: SocketAddr) -> Valve {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let valve = Valve {
            address: listener.local_addr().unwrap(),
            is_shut: Arc::default(),
        };
        let is_shut = Arc::clone(&valve.is_shut);
        std::thread::spawn(move || {
            for inbound in listener.incoming().map_while(Result::ok) {
                let Ok(outbound) = TcpStream::connect(database) else {
                    continue;
                };
                let both = [(&inbound, &outbound), (&outbound, &inbound)];
                for (from, to) in
                    both.map(|(a, b)| (a.try_clone().unwrap(), b.try_clone().unwrap()))
                {
                    let is_shut = Arc::clone(&is_shut);
                    std::thread::spawn(move || pass(from, to, &is_shut));
                }
            }
        });
        valve
    }

    /// Passes on again, what it holds first.
    pub fn open(&self) {
        self.is_shut.store(false, Ordering::SeqCst);
    }

    /// Passes nothing on any more.
    pub fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, is_shut: &AtomicBool) {
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        while is_shut.load(Ordering::SeqCst) {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
