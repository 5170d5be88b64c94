//! Reload: new certificates, lists and settings under live traffic.
//!
//! | step | file | what it does |
//! |---|---|---|
//! | 1 | `agenda.rs`, `hour.rs` | when to look: pure functions of the clocks and of what happened |
//! | 2 | `watch.rs`, `points.rs` | which entries of which folders tell of a change; inotify |
//! | 3 | `stage.rs` | every file is read once, then judged |
//! | 4 | `plan.rs`, `next.rs` | which pairs go on, which are new, which are gone; new listeners |
//! | 5 | `renewer.rs` | all of it is published, or nothing |
//!
//! The first four touch nothing that serves. Whatever is wrong in them, the old generation goes on, and
//! the reload is tried again.

mod agenda;
mod hour;
mod next;
mod plan;
mod points;
mod renewer;
mod stage;
mod watch;

pub(super) use agenda::{Clock, Occasion};
pub use next::ListenError;
pub(super) use next::Next;
pub(super) use plan::successors;
pub(super) use renewer::{Crew, Renewer, announce};
pub(super) use stage::{Staged, files_of};
