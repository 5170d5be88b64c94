//! Who a peer is: names taken from its verified certificate, as plain data.

mod peer;
mod renewal;
mod validity;

pub use peer::PeerCert;
pub use renewal::lost_names;
pub use validity::{CLOCK_SKEW, Standing, standing};
