//! Something between two ends of a TCP connection that treats it as networks do on a bad day.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::SockRef;

/// As often it is looked whether anything has changed.
const LOOK: Duration = Duration::from_millis(5);

/// Everything passes.
const OPEN: u64 = u64::MAX;

/// One of the two ways through a valve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From whoever connects to it.
    Outward,
    /// And back.
    Inward,
}

/// Passes everything on while it is open; shut, it holds what comes and ends nothing.
pub struct Valve {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

/// What its threads look at.
struct Shared {
    /// How many bytes each way may still pass.
    room: [AtomicU64; 2],
    /// Whether bytes wait for room.
    is_held: [AtomicBool; 2],
    /// The most that is passed on at once.
    piece: AtomicUsize,
    /// How long each piece is under way.
    delay_millis: AtomicU64,
    /// For each connection, whether it was cut.
    cuts: Mutex<Vec<Arc<AtomicBool>>>,
}

impl Valve {
    /// Opens one before that address.
    pub fn before(to: SocketAddr) -> Valve {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let valve = Valve {
            address: listener.local_addr().unwrap(),
            shared: Arc::new(Shared {
                room: [OPEN, OPEN].map(AtomicU64::new),
                is_held: Default::default(),
                piece: AtomicUsize::new(usize::MAX),
                delay_millis: AtomicU64::new(0),
                cuts: Mutex::default(),
            }),
        };
        let shared = Arc::clone(&valve.shared);
        std::thread::spawn(move || {
            for inbound in listener.incoming().map_while(Result::ok) {
                if let Ok(outbound) = TcpStream::connect(to) {
                    shared.join(&inbound, &outbound);
                }
            }
        });
        valve
    }

    /// Passes on again, what it holds first.
    pub fn open(&self) {
        self.allow(Way::Outward, OPEN);
        self.allow(Way::Inward, OPEN);
    }

    /// Passes nothing on any more.
    pub fn shut(&self) {
        self.allow(Way::Outward, 0);
        self.allow(Way::Inward, 0);
    }

    /// Passes so many more bytes on that way, of all connections together, and is shut there then.
    pub fn allow(&self, way: Way, count: u64) {
        self.shared.room[way as usize].store(count, Ordering::SeqCst);
        self.shared.is_held[way as usize].store(false, Ordering::SeqCst);
    }

    /// Whether bytes wait there.
    pub fn holds(&self, way: Way) -> bool {
        self.shared.is_held[way as usize].load(Ordering::SeqCst)
    }

    /// From now on bytes pass by so many at a time, and each piece takes that long.
    pub fn narrow(&self, piece: usize, delay: Duration) {
        let delay = delay.as_millis().try_into().unwrap();
        self.shared.piece.store(piece, Ordering::SeqCst);
        self.shared.delay_millis.store(delay, Ordering::SeqCst);
    }

    /// Resets every connection at both of its ends, and loses what it holds.
    pub fn cut(&self) {
        for cut in self.shared.cuts.lock().unwrap().drain(..) {
            cut.store(true, Ordering::SeqCst);
        }
    }
}

impl Shared {
    /// Passes on what two streams bring.
    fn join(self: &Arc<Shared>, inbound: &TcpStream, outbound: &TcpStream) {
        let is_cut = Arc::new(AtomicBool::new(false));
        self.cuts.lock().unwrap().push(Arc::clone(&is_cut));
        for (way, from, to) in [
            (Way::Outward, inbound, outbound),
            (Way::Inward, outbound, inbound),
        ] {
            for stream in [from, to] {
                stream.set_nodelay(true).unwrap();
                stream.set_read_timeout(Some(LOOK)).unwrap();
                stream.set_write_timeout(Some(LOOK)).unwrap();
            }
            let passage = Passage {
                way,
                from: from.try_clone().unwrap(),
                to: to.try_clone().unwrap(),
                is_cut: Arc::clone(&is_cut),
                shared: Arc::clone(self),
            };
            std::thread::spawn(move || passage.pass());
        }
    }
}

/// One way of one connection.
struct Passage {
    way: Way,
    from: TcpStream,
    to: TcpStream,
    is_cut: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

impl Passage {
    fn pass(mut self) {
        let mut piece = [0; 4096];
        while !self.is_cut() {
            match self.from.read(&mut piece) {
                Ok(0) => {
                    self.wait_for_room();
                    let _ = self.to.shutdown(Shutdown::Write);
                    return;
                }
                Ok(count) => self.pass_on(&piece[..count]),
                Err(error) if is_early(error.kind()) => {}
                Err(_) => {
                    self.wait_for_room();
                    self.cut();
                }
            }
        }
        // Both ways let go of both ends then, and the last one resets them.
        for stream in [&self.from, &self.to] {
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Holds an end, clean or not, for as long as the way is shut.
    fn wait_for_room(&self) {
        let room = &self.shared.room[self.way as usize];
        while room.load(Ordering::SeqCst) == 0 && !self.is_cut() {
            std::thread::park_timeout(LOOK);
        }
    }

    fn pass_on(&mut self, mut data: &[u8]) {
        let shared = Arc::clone(&self.shared);
        let (room, is_held) = (
            &shared.room[self.way as usize],
            &shared.is_held[self.way as usize],
        );
        while !data.is_empty() && !self.is_cut() {
            let free = room.load(Ordering::SeqCst).try_into().unwrap_or(usize::MAX);
            let most = data
                .len()
                .min(free)
                .min(shared.piece.load(Ordering::SeqCst));
            if most == 0 {
                is_held.store(true, Ordering::SeqCst);
                std::thread::park_timeout(LOOK);
                continue;
            }
            let delay = shared.delay_millis.load(Ordering::SeqCst);
            std::thread::park_timeout(Duration::from_millis(delay));
            match self.to.write(&data[..most]) {
                Ok(count) => {
                    data = &data[count..];
                    // Unless somebody has changed it in the meantime.
                    let used =
                        |room: u64| (room != OPEN).then(|| room.saturating_sub(count as u64));
                    let _ = room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, used);
                }
                Err(error) if is_early(error.kind()) => {}
                Err(_) => self.cut(),
            }
        }
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }

    /// An end that is broken is broken at the other side, too.
    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
    }
}

/// Whether nothing is wrong yet.
fn is_early(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
