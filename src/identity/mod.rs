//! Who a peer is: names taken from its verified certificate, as plain data, and who is admitted.

mod acl;
mod pattern;
mod peer;
mod pin;
mod renewal;
mod validity;

pub use acl::{Acl, Rule, RuleKind, Verdict};
pub use peer::{PeerCert, San};
pub use renewal::lost_names;
pub use validity::{CLOCK_SKEW, Standing, span, standing};
