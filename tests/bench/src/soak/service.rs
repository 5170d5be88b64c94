//! The plain service behind everything.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::ledger::{Ledger, ServiceSaw};
use super::random::{PIECE_BYTES, Pattern, Random, send_pattern};

/// A connection begins with a request, its number and an amount.
pub(super) const HEADER_BYTES: usize = 17;
/// What a sink answers: how many bytes came, and whether they were the right ones.
pub(super) const RECEIPT_BYTES: usize = 9;
/// Each of these threads does little.
const STACK_BYTES: usize = 256 * 1024;
/// How long an end that is waited for may be silent before it counts as lost: no bound on the
/// program's speed, but an end to a run that hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// What a connection is for. Its client ends first in all of them but the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Everything comes back. It must be the pattern, here and in a sink.
    Echo,
    /// Once what comes has ended there is a receipt. The amount is milliseconds: so long at the most it
    /// rests behind each piece.
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

    /// The request with its number and amount, if that is one.
    pub(super) fn read(header: &[u8; HEADER_BYTES]) -> Option<(Request, u64, u64)> {
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

pub(super) fn in_a_thread(work: impl FnOnce() + Send + 'static) {
    let builder = thread::Builder::new().stack_size(STACK_BYTES);
    // A thread that cannot be had is a connection that ends, which the other end tells of.
    let _ = builder.spawn(work);
}

/// Serves one connection, and tells the ledger.
pub(super) fn serve(mut stream: TcpStream, ledger: &Ledger) {
    let mut header = [0; HEADER_BYTES];
    let ready = stream.set_nodelay(true);
    if ready.and_then(|()| stream.read_exact(&mut header)).is_err() {
        return;
    }
    // What is no request is seen by its client, whose connection then has no end that fits. A service with
    // moods meets TLS.
    let Some((request, id, amount)) = Request::read(&header) else {
        return;
    };
    let mut saw = ServiceSaw {
        received: HEADER_BYTES as u64,
        ..ServiceSaw::default()
    };
    let mut incoming = Incoming::new(request, id, amount);
    saw.is_whole = answer(&mut stream, (request, id, amount), &mut incoming, &mut saw).is_ok();
    if !incoming.is_right {
        // Whatever becomes of the connection.
        ledger.violation(format!(
            "what came to the service for number {id} ({request:?}) is not what was sent"
        ));
    }
    ledger.served(id, saw);
}

/// What comes behind a request.
struct Incoming {
    /// What it must be; nothing, if there is none.
    pattern: Option<Pattern>,
    is_right: bool,
    /// How long it rests behind each piece at the most, in milliseconds, and the chance of that.
    rests: (u64, Random),
}

impl Incoming {
    fn new(request: Request, id: u64, amount: u64) -> Incoming {
        let has_pattern = matches!(request, Request::Echo | Request::Sink);
        let rests = if request == Request::Sink { amount } else { 0 };
        Incoming {
            pattern: has_pattern.then(|| Pattern::of(id)),
            is_right: true,
            rests: (rests, Random::new(id)),
        }
    }

    /// Reads what there is; 0 is the end.
    fn read(
        &mut self,
        stream: &mut TcpStream,
        piece: &mut [u8],
        saw: &mut ServiceSaw,
    ) -> io::Result<usize> {
        let count = stream.read(piece)?;
        saw.received += count as u64;
        let bytes = &piece[..count];
        let pattern = self.pattern.as_mut();
        self.is_right &= bytes.is_empty() || pattern.is_some_and(|pattern| pattern.fits(bytes));
        let (most, chance) = &mut self.rests;
        if *most > 0 && count > 0 {
            thread::sleep(Duration::from_millis(chance.between(1, *most)));
        }
        Ok(count)
    }

    /// Reads until the end.
    fn read_all(&mut self, stream: &mut TcpStream, saw: &mut ServiceSaw) -> io::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        while self.read(stream, &mut piece, saw)? > 0 {}
        Ok(())
    }
}

fn answer(
    stream: &mut TcpStream,
    (request, id, amount): (Request, u64, u64),
    incoming: &mut Incoming,
    saw: &mut ServiceSaw,
) -> io::Result<()> {
    match request {
        Request::Echo => {
            let mut piece = vec![0; PIECE_BYTES];
            loop {
                match incoming.read(stream, &mut piece, saw)? {
                    0 => break,
                    count => send(stream, &piece[..count], saw)?,
                }
            }
        }
        Request::Sink => {
            incoming.read_all(stream, saw)?;
            let mut receipt = [u8::from(incoming.is_right); RECEIPT_BYTES];
            let payload = saw.received - HEADER_BYTES as u64;
            receipt[..8].copy_from_slice(&payload.to_be_bytes());
            send(stream, &receipt, saw)?;
        }
        Request::Source => {
            incoming.read_all(stream, saw)?;
            give(stream, id, amount, saw)?;
        }
        Request::Gift => {
            give(stream, id, amount, saw)?;
            stream.shutdown(Shutdown::Write)?;
            // The other end would be reset otherwise, before it has read all of it.
            return incoming.read_all(stream, saw);
        }
        Request::Reset => {
            give(stream, id, amount, saw)?;
            return resets(stream);
        }
    }
    stream.shutdown(Shutdown::Write)
}

fn send(stream: &mut TcpStream, bytes: &[u8], saw: &mut ServiceSaw) -> io::Result<()> {
    saw.sent += bytes.len() as u64;
    stream.write_all(bytes)
}

fn give(stream: &mut TcpStream, id: u64, amount: u64, saw: &mut ServiceSaw) -> io::Result<()> {
    send_pattern(&mut Pattern::of(id), amount, |bytes| {
        send(stream, bytes, saw)
    })
}
