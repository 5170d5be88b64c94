//! Who a peer is: names taken from its verified certificate, as plain data, and who is admitted.

mod acl;
mod pattern;
mod peer;
mod pin;
mod renewal;
mod spiffe;
mod validity;

pub use acl::{Acl, Rule, RuleKind, Verdict};
pub use peer::{PeerCert, San};
pub use pin::{Pin, Pins};
pub use renewal::lost_names;
pub use spiffe::{SpiffeError, SpiffeUser, TrustDomain};
pub use validity::{CLOCK_SKEW, Standing, span, standing};
