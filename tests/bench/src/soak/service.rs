//! The plain service behind everything, and one that is out of order.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::ledger::{Ledger, ServiceSaw};
use super::random::{PIECE_BYTES, Pattern, send_pattern};

/// A connection begins with a request, its number and an amount.
pub(super) const HEADER_BYTES: usize = 17;
/// What a sink answers: how many bytes came, and whether they were the right ones.
pub(super) const RECEIPT_BYTES: usize = 9;
/// Each of these threads does little.
const STACK_BYTES: usize = 256 * 1024;
/// How long an end that is waited for may be silent before it counts as lost: no bound on the
/// program's speed, but an end to a run that hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
const TICK: Duration = Duration::from_millis(20);

/// What a connection is for. Its client ends first in all of them but the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Everything comes back.
    Echo,
    /// What comes is compared with the pattern, and once it has ended there is a receipt.
    Sink,
    /// Once the client has ended, so many bytes of the pattern come.
    Source,
    /// So many bytes of the pattern come, and the end behind them.
    Gift,
    /// So many bytes come, and then a reset.
    Reset,
}

impl Request {
    const ALL: [Request; 5] = [
        Request::Echo,
        Request::Sink,
        Request::Source,
        Request::Gift,
        Request::Reset,
    ];

    /// The first bytes of a connection.
    pub(super) fn header(self, id: u64, amount: u64) -> [u8; HEADER_BYTES] {
        let mut header = [self as u8; HEADER_BYTES];
        header[1..9].copy_from_slice(&id.to_be_bytes());
        header[9..].copy_from_slice(&amount.to_be_bytes());
        header
    }

    fn read(header: &[u8; HEADER_BYTES]) -> Option<(Request, u64, u64)> {
        let request = *Request::ALL.get(usize::from(header[0]))?;
        let number = |at: usize| {
            header[at..at + 8]
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte))
        };
        Some((request, number(1), number(9)))
    }
}

/// Lets the kernel reset a connection when it is closed.
pub(super) fn resets(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// Serves for as long as the process lives.
pub(super) fn start(ledger: Arc<Ledger>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let ledger = Arc::clone(&ledger);
            in_a_thread(move || serve(stream, &ledger));
        }
    });
    Ok(address)
}

fn in_a_thread(work: impl FnOnce() + Send + 'static) {
    let builder = thread::Builder::new().stack_size(STACK_BYTES);
    // A thread that cannot be had is a connection that ends, which the other end tells of.
    let _ = builder.spawn(work);
}

fn serve(mut stream: TcpStream, ledger: &Ledger) {
    let mut header = [0; HEADER_BYTES];
    let ready = stream.set_nodelay(true);
    if ready.and_then(|()| stream.read_exact(&mut header)).is_err() {
        return;
    }
    // What is no request is seen by its client, whose connection then has no end that fits. The service
    // with moods meets TLS.
    let Some((request, id, amount)) = Request::read(&header) else {
        return;
    };
    let mut saw = ServiceSaw {
        received: HEADER_BYTES as u64,
        ..ServiceSaw::default()
    };
    saw.is_whole = answer(&mut stream, request, id, amount, &mut saw).is_ok();
    ledger.served(id, saw);
}

fn answer(
    stream: &mut TcpStream,
    request: Request,
    id: u64,
    amount: u64,
    saw: &mut ServiceSaw,
) -> io::Result<()> {
    let mut pattern = Pattern::of(id);
    match request {
        Request::Echo => echo(stream, saw)?,
        Request::Sink => {
            let is_right = received(stream, |bytes| pattern.fits(bytes), saw)?;
            let mut receipt = [u8::from(is_right); RECEIPT_BYTES];
            let payload = saw.received - HEADER_BYTES as u64;
            receipt[..8].copy_from_slice(&payload.to_be_bytes());
            send(stream, &receipt, saw)?;
        }
        Request::Source => {
            received(stream, |_| true, saw)?;
            give(stream, &mut pattern, amount, saw)?;
        }
        Request::Gift => {
            give(stream, &mut pattern, amount, saw)?;
            stream.shutdown(Shutdown::Write)?;
            // The other end would be reset otherwise, before it has read all of it.
            received(stream, |_| true, saw)?;
            return Ok(());
        }
        Request::Reset => {
            give(stream, &mut pattern, amount, saw)?;
            return resets(stream);
        }
    }
    stream.shutdown(Shutdown::Write)
}

fn send(stream: &mut TcpStream, bytes: &[u8], saw: &mut ServiceSaw) -> io::Result<()> {
    stream.write_all(bytes)?;
    saw.sent += bytes.len() as u64;
    Ok(())
}

fn echo(stream: &mut TcpStream, saw: &mut ServiceSaw) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        saw.received += count as u64;
        send(stream, &piece[..count], saw)?;
    }
}

/// Reads until the end; whether all of it fits.
fn received(
    stream: &mut TcpStream,
    mut fits: impl FnMut(&[u8]) -> bool,
    saw: &mut ServiceSaw,
) -> io::Result<bool> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut is_right = true;
    loop {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Ok(is_right);
        }
        saw.received += count as u64;
        is_right &= fits(&piece[..count]);
    }
}

fn give(
    stream: &mut TcpStream,
    pattern: &mut Pattern,
    amount: u64,
    saw: &mut ServiceSaw,
) -> io::Result<()> {
    send_pattern(pattern, amount, |bytes| send(stream, bytes, saw))
}

/// What is wrong with the service that is out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Nothing.
    Serves,
    /// Nobody listens.
    Refuses,
    /// It accepts, and says nothing until its mood changes.
    Silent,
    /// It resets in the middle of an answer.
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
                let mut some = [0; 2 * HEADER_BYTES];
                if let Ok(count) = stream.read(&mut some) {
                    let _ = stream.write_all(&some[..count / 2]);
                }
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
