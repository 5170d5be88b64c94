//! What the kernel holds the program to: Landlock (landlock(7)).
//!
//! A fault in the program must not open what it has no business with. Before there is a second thread, the
//! process gives up every file and every TCP port that its configuration does not need; all threads inherit
//! that, and nobody can undo it. So a reload cannot widen it either: it is compared with what was granted, and
//! refused as a whole where it wants more.
//!
//! | file | what it does |
//! |---|---|
//! | `grants.rs` | what a configuration needs, and what of it was not granted: pure |
//! | `system.rs` | what every configuration needs of the system |
//! | `confine.rs` | the kernel |

mod confine;
mod grants;
mod system;

pub use confine::{Confinement, Landlock, confine};
