//! Sockets without policy.

mod handed;
mod listen;
mod socket;

pub use handed::Handed;
pub use listen::{Inherited, Listener, adopt, bind, bind_any};
pub use socket::{Broken, Endpoint, Received, Sent, Socket};
