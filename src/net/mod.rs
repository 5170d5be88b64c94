//! Sockets without policy.

mod listen;
mod socket;

pub use listen::{Inherited, Listener, bind, bind_any};
pub use socket::{Broken, Endpoint, Received, Sent, Socket};
