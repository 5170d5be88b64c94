//! Services behind the program under test.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A service on a port of its own: each connection is handled by a thread.
pub fn service(handle: impl Fn(TcpStream) + Send + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let handle = handle.clone();
            std::thread::spawn(move || handle(stream));
        }
    });
    address
}

/// Sends back what it gets, and ends when its peer has ended.
pub fn echo() -> SocketAddr {
    service(|mut stream| {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..count]).is_err() {
                return;
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
    })
}

/// A service that counts its connections, and closes them.
pub fn counted() -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let address = service(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    (address, count)
}

/// Reads until its peer has ended, and only then answers with how many bytes came.
pub fn count() -> SocketAddr {
    service(|mut stream| {
        let mut all = Vec::new();
        if stream.read_to_end(&mut all).is_ok() {
            let _ = stream.write_all(all.len().to_string().as_bytes());
        }
    })
}

/// Some bytes to an echo and back again.
pub fn ping(stream: &mut (impl Read + Write)) {
    stream.write_all(b"ping").unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"ping");
}
