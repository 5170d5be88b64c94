//! Sockets without policy, and the header that may stand before all other bytes of a connection.

mod handed;
mod listen;
pub mod proxy;
mod socket;

pub use handed::{Handed, Lent};
pub use listen::{Inherited, Listener, adopt, bind, bind_any, inherit};
pub use socket::{Broken, Endpoint, Received, Sent, Socket};
