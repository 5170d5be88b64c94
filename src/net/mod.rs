//! Sockets without policy, and the header that may stand before all other bytes of a connection.

mod listen;
pub mod proxy;
mod socket;

pub use listen::{Inherited, Listener, bind, bind_any};
pub use socket::{Broken, Endpoint, Received, Sent, Socket};
