//! Upgrade in place: another process takes the listening sockets over, and no connection is lost.
//!
//! ```text
//! old program                      launcher                     new program
//!     │ starts it before Landlock ──▶ │
//!     │                               │
//!   SIGUSR2                           │
//!     ├── Start, one end of a line ──▶├── runs, line as stdin ──▶ │
//!     ├── every listening socket, by the line ──────────────────▶ │ proves its configuration,
//!     │ ◀──────────────────────────────────────────────── Ready ──┤ accepts nothing yet
//!   accepts no more                   │                           │
//!     ├── Serve ────────────────────────────────────────────────▶ │
//!     │ ◀────────────────────────────────────────────── Serving ──┤ accepts
//!     ├── Keep ──────────────────────▶ ends                       │
//!   tells the service manager         ┊                           │
//!     ├── Over ─────────────────────────────────────────────────▶ │ speaks to it from now on
//!   drains                                                        │
//! ```
//!
//! Both hold the same sockets, so who connects while nobody accepts waits in the one queue that they have. Up
//! to `Serving` the old program can go on as if nothing had been: it has the launcher kill the new one, and
//! accepts again. What is told by the line and how is the version in [`predecessor::MARK`].
//!
//! The launcher is this program once more, with no other work. It is there because Landlock cannot be undone and
//! is inherited: a program that was started from within could open no other file and no other port than the old
//! one, and the old one can start nothing. It knows the program's name, words and environment from the start,
//! and nothing that it is told changes them. It ends with the old program, or once the new one serves, which
//! then is a child of the service manager.
//!
//! | file | what it does |
//! |---|---|
//! | `line.rs` | messages and descriptors between two processes |
//! | `program.rs` | what is to be started, and whether it is another one by now |
//! | `launcher.rs` | the process that starts it, and what commands that |
//! | `legacy.rs` | listening sockets on their way: what they are for |
//! | `succession.rs` | the old program's part: a thread of its own, as its supervisor has no time to wait |
//! | `upgrader.rs` | the old program's part in its supervisor |
//! | `predecessor.rs` | the new program's part |

mod launcher;
mod legacy;
mod line;
mod predecessor;
mod program;
mod succession;
mod upgrader;

pub use launcher::serve as serve_launcher;
pub(super) use legacy::{Heirloom, Legacy, Title};
pub(super) use predecessor::Predecessor;
pub(super) use succession::Event;
pub(super) use upgrader::Upgrader;
