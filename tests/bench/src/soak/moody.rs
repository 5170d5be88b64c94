//! A service that is out of order, in one way or another.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use super::ledger::Ledger;
use super::random::{Pattern, send_pattern};
use super::service::{HEADER_BYTES, PATIENCE, Request, in_a_thread, resets, serve};

const TICK: Duration = Duration::from_millis(20);

/// What is wrong with the service that is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Nothing.
    Serves,
    /// Nobody listens.
    Refuses,
    /// It accepts, and says nothing until its mood changes.
    Silent,
    /// It resets in the middle of an answer, all of which was right so far.
    Resets,
}

impl Mood {
    pub(super) const ALL: [Mood; 4] = [Mood::Serves, Mood::Refuses, Mood::Silent, Mood::Resets];
}

/// A service with moods.
pub(super) struct Moody {
    mood: AtomicU8,
    address: SocketAddr,
    ledger: Arc<Ledger>,
}

impl Moody {
    pub(super) fn start(ledger: Arc<Ledger>, address: SocketAddr) -> Arc<Moody> {
        let moody = Arc::new(Moody {
            mood: AtomicU8::new(Mood::Serves as u8),
            address,
            ledger,
        });
        let own = Arc::clone(&moody);
        thread::spawn(move || {
            while let Err(error) = own.live() {
                own.ledger
                    .violation(format!("the moody service at {address}: {error}"));
                thread::sleep(PATIENCE);
            }
        });
        moody
    }

    pub(super) fn be(&self, mood: Mood) {
        self.mood.store(mood as u8, Relaxed);
    }

    fn mood(&self) -> Mood {
        Mood::ALL[usize::from(self.mood.load(Relaxed)) % Mood::ALL.len()]
    }

    fn live(self: &Arc<Moody>) -> io::Result<()> {
        let mut listener = None;
        loop {
            if self.mood() == Mood::Refuses {
                listener = None;
                thread::sleep(TICK);
                continue;
            }
            let listening = match &listener {
                Some(listening) => listening,
                None => {
                    let new = TcpListener::bind(self.address)?;
                    new.set_nonblocking(true)?;
                    listener.insert(new)
                }
            };
            match listening.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    let own = Arc::clone(self);
                    in_a_thread(move || own.meet(stream));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(TICK),
                Err(error) => return Err(error),
            }
        }
    }

    fn meet(&self, mut stream: TcpStream) {
        let mood = self.mood();
        match mood {
            Mood::Serves | Mood::Refuses => return serve(stream, &self.ledger),
            Mood::Resets => {
                let _ = half_an_answer(&mut stream);
            }
            Mood::Silent => {
                while self.mood() == mood {
                    thread::sleep(TICK);
                }
            }
        }
        let _ = resets(&stream);
    }
}

/// Half of what should come to a request; to a hello of TLS, some bytes of it.
fn half_an_answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut some = [0; HEADER_BYTES];
    stream.read_exact(&mut some)?;
    match Request::read(&some) {
        None => stream.write_all(&some[..HEADER_BYTES / 2]),
        Some((Request::Echo, ..)) => {
            let count = stream.read(&mut some)?;
            stream.write_all(&some[..count / 2])
        }
        Some((Request::Source | Request::Gift, id, amount)) => {
            let mut pattern = Pattern::of(id);
            send_pattern(&mut pattern, amount / 2, |bytes| stream.write_all(bytes))
        }
        Some((Request::Sink | Request::Reset, ..)) => Ok(()),
    }
}
