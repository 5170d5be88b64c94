//! Who a peer is: names taken from its verified certificate, as plain data.

mod peer;

pub use peer::PeerCert;
