//! A recorder between two ends of a TCP connection: what went over the wire, as proof.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use super::backend;
use super::wait::until;

/// TLS record types (RFC 8446, 5.1).
pub const CHANGE_CIPHER_SPEC: u8 = 20;
/// An alert that is not encrypted.
pub const ALERT: u8 = 21;
/// A handshake message that is not encrypted.
pub const HANDSHAKE: u8 = 22;
/// Data, and in TLS 1.3 everything that is encrypted.
pub const APPLICATION_DATA: u8 = 23;

/// A recorder; it takes connections on its address and passes them on.
pub struct Tap {
    /// Where it listens.
    pub address: SocketAddr,
    taken: Arc<Mutex<Vec<Conversation>>>,
}

/// What was said on one connection.
#[derive(Clone, Default)]
pub struct Conversation {
    /// By the end that connected.
    pub outward: Vec<u8>,
    /// By the end that it was connected to.
    pub inward: Vec<u8>,
    ends: usize,
}

impl Tap {
    /// A recorder before that address.
    pub fn before(to: SocketAddr) -> Tap {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&taken);
        let address = backend::service(move |inbound| {
            let outbound = TcpStream::connect(to).unwrap();
            let index = {
                let mut taken = sink.lock().unwrap();
                taken.push(Conversation::default());
                taken.len() - 1
            };
            let back = (outbound.try_clone().unwrap(), inbound.try_clone().unwrap());
            let back_sink = Arc::clone(&sink);
            std::thread::spawn(move || {
                pass_on(back, |data| {
                    let said = &mut back_sink.lock().unwrap()[index];
                    said.note(data, |said| &mut said.inward);
                });
            });
            pass_on((inbound, outbound), |data| {
                let said = &mut sink.lock().unwrap()[index];
                said.note(data, |said| &mut said.outward);
            });
        });
        Tap { address, taken }
    }

    /// Waits until both ends of connection number `index` (from 0) have ended.
    pub fn conversation(&self, index: usize) -> Conversation {
        until("the end of a recorded conversation", || {
            let said = self.taken.lock().unwrap().get(index)?.clone();
            (said.ends == 2).then_some(said)
        })
    }
}

impl Conversation {
    fn note(&mut self, data: &[u8], of: impl Fn(&mut Conversation) -> &mut Vec<u8>) {
        match data {
            [] => self.ends += 1,
            data => of(self).extend_from_slice(data),
        }
    }
}

/// Passes bytes on and tells of each piece; of an empty one at the end.
fn pass_on((mut from, mut to): (TcpStream, TcpStream), tell: impl Fn(&[u8])) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        tell(&piece[..count]);
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    tell(&[]);
}

/// The types and lengths of the TLS records in a recorded direction.
pub fn records(mut bytes: &[u8]) -> Vec<(u8, usize)> {
    let mut records = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        assert!(rest.len() >= length, "half a record after {records:?}");
        records.push((*kind, length));
        bytes = &rest[length..];
    }
    assert!(bytes.is_empty(), "half a header after {records:?}");
    records
}
