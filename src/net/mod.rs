//! Sockets without policy.

mod listen;
mod socket;

pub use listen::{Listener, bind, bind_any};
pub use socket::{Broken, Endpoint, Received, Sent, Socket};
