//! The floor: what forwarding costs at the least on this machine.
//!
//! A plain relay with large buffers, which moves the same bytes through the same sockets, and the bare
//! work of the TLS library: ciphers over memory, handshakes over memory.

mod crypto;
mod relay;

pub(crate) use crypto::Crypto;
pub(crate) use relay::relay;
