//! FIPS as the operator sees it: whether it is in effect, how that was proven, and what there is to show.
//!
//! | file | what is in it |
//! |---|---|
//! | `standing.rs` | from what is asked for, the host and the module to what is in effect; pure |
//! | `guard.rs` | the proof at the start, before each load and every hour |
//! | `program.rs` | the program and its module as files, and what they were built from |
//! | `evidence.rs` | all of it as one document, for a person and for an auditor |

mod evidence;
mod guard;
mod program;
mod standing;

pub use evidence::{ConfigFile, Evidence, Verdict};
pub(super) use guard::{Guard, TARGET};
pub use guard::{Proof, ProofBoard};
pub use standing::{Effect, HostFlag, Standing};
