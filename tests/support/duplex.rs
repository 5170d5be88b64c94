//! Both kinds of plain sockets as one, and what a service does on them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::pattern;
use super::wait::PATIENCE;

/// A plain stream socket.
pub trait Duplex: Read + Write + Send + Sized + 'static {
    /// Sends FIN.
    fn end(&self);
    /// The same connection once more, for another thread.
    fn twin(&self) -> Self;
    /// Lets reads and writes fail instead of hanging for ever.
    fn be_patient(&self);
}

macro_rules! duplex {
    ($stream:ty) => {
        impl Duplex for $stream {
            fn end(&self) {
                let _ = self.shutdown(Shutdown::Write);
            }
            fn twin(&self) -> Self {
                self.try_clone().unwrap()
            }
            fn be_patient(&self) {
                self.set_read_timeout(Some(PATIENCE)).unwrap();
                self.set_write_timeout(Some(PATIENCE)).unwrap();
            }
        }
    };
}

duplex!(TcpStream);
duplex!(UnixStream);

/// A service on a UNIX socket: each connection is handled by a thread.
pub fn unix_service(path: &Path, handle: impl Fn(UnixStream) + Send + Clone + 'static) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let handle = handle.clone();
            std::thread::spawn(move || handle(stream));
        }
    });
}

/// Connects to a UNIX socket.
pub fn unix_connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.be_patient();
    stream
}

/// Reads a pattern of that many bytes to its end, and only then answers with one of the same length.
pub fn answer(mut stream: impl Duplex, total: u64) {
    stream.be_patient();
    let (came, end) = pattern::receive(&mut stream);
    end.unwrap();
    assert_eq!(came, total);
    pattern::send(&mut stream, total).unwrap();
    stream.end();
}

/// The other side of [`answer`].
pub fn ask(mut stream: impl Duplex, total: u64) {
    pattern::send(&mut stream, total).unwrap();
    stream.end();
    let (came, end) = pattern::receive(&mut stream);
    end.unwrap();
    assert_eq!(came, total);
}

/// Sends and reads a pattern of that many bytes at once.
pub fn exchange(mut stream: impl Duplex, total: u64) {
    stream.be_patient();
    let mut sender = stream.twin();
    let sending = std::thread::spawn(move || {
        pattern::send(&mut sender, total).unwrap();
        sender.end();
    });
    let (came, end) = pattern::receive(&mut stream);
    end.unwrap();
    assert_eq!(came, total);
    sending.join().unwrap();
}
